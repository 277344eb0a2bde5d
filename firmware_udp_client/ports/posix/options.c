#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bounded_text.h"

#define DEFAULT_SLEEP_S 60
#define LIVE_RATE 5
#define MOST_LIVE_RATE 30

/* NULL, or what is wrong with the value. */
typedef const char *option_setter(options *out, const char *value);

typedef struct option_entry {
    const char *name;
    const char *value; /* its name in the help; NULL: takes none */
    const char *help;
    option_setter *set;
} option_entry;

static const char *set_name(options *out, const char *value)
{
    out->name = value;
    return lfcp_is_name((lfcp_text){value, strlen(value)})
               ? NULL
               : "a name has 1 to 32 letters, digits, _ . or -, begins with a letter or digit and has no ..";
}

static const char *set_server(options *out, const char *value)
{
    if (out->server_count == LFCP_CLIENT_SERVERS) {
        return "a device has two servers at most";
    }
    lfcp_server_address *server = &out->servers[out->server_count];
    const char *problem = lfcp_server_address_read(value, server);
    for (unsigned other = 0; problem == NULL && other < out->server_count; other++) {
        if (out->servers[other].label == server->label) {
            problem = "the other server has this label already";
        }
    }
    out->server_count += problem == NULL ? 1 : 0;
    return problem;
}

static const char *set_key_file(options *out, const char *value)
{
    out->key_file = value;
    return NULL;
}

static const char *set_interval(options *out, const char *value)
{
    const bool good = text_to_number(value, strlen(value), 1, LFCP_MAX_REPORT_INTERVAL, &out->interval_s);
    return good ? NULL : "an interval is 1 to 86400 seconds";
}

static const char *set_ladder(options *out, const char *value)
{
    lfcp_ladder_steps *steps = &out->ladder;
    bool good = true;
    for (const char *at = value; at != NULL && good;) {
        const size_t length = strcspn(at, ",");
        const uint32_t least = steps->count == 0 ? 1 : steps->seconds[steps->count - 1] + 1u;
        uint32_t seconds = 0;
        good = steps->count < LFCP_LADDER_STEPS &&
               text_to_number(at, length, least, LFCP_KEEP_MOST_MS / 1000, &seconds);
        if (good) {
            steps->seconds[steps->count++] = (uint16_t)seconds;
        }
        at = at[length] == ',' ? at + length + 1 : NULL;
    }
    return good ? NULL : "a ladder is up to 8 growing numbers of seconds, up to 300, with commas between them";
}

static const char *set_sleep(options *out, const char *value)
{
    const bool good = text_to_number(value, strlen(value), 1, LFCP_CLIENT_MAX_SLEEP, &out->sleep_s);
    return good ? NULL : "a sleep is 1 to 86400 seconds";
}

static const char *set_state(options *out, const char *value)
{
    out->state = value;
    return NULL;
}

static const char *set_picture(options *out, const char *value)
{
    out->picture = value;
    return NULL;
}

static const char *set_live_rate(options *out, const char *value)
{
    const bool good = text_to_number(value, strlen(value), 1, MOST_LIVE_RATE, &out->live_rate);
    return good ? NULL : "a rate is 1 to 30 pictures a second";
}

static const char *set_on_picture(options *out, const char *value)
{
    out->on_picture = value;
    return NULL;
}

static const char *set_failover(options *out, const char *value)
{
    const bool good = host_port_read(value, strlen(value), &out->failover) && out->failover.port != 0;
    return good ? NULL : "give HOST:PORT of something on the internet, api.telegram.org:443 for example";
}

static const char *set_allow_udp(options *out, const char *value)
{
    uint32_t port = 0;
    if (out->allowed_count == OPTIONS_ALLOWED_UDP) {
        return "at most 8 ports may be allowed";
    }
    if (!text_to_number(value, strlen(value), 1, UINT16_MAX, &port)) {
        return "a port is 1 to 65535";
    }
    out->allowed_udp[out->allowed_count++] = (uint16_t)port;
    return NULL;
}

static const char *set_no_connect(options *out, const char *value)
{
    (void)value;
    out->no_connect = true;
    return NULL;
}

static const char *set_tcp(options *out, const char *value)
{
    (void)value;
    out->tcp = true;
    return NULL;
}

static const char *set_plain(options *out, const char *value)
{
    (void)value;
    out->plain_heartbeats = true;
    return NULL;
}

static const char *set_help(options *out, const char *value)
{
    (void)value;
    out->help = true;
    return NULL;
}

static const option_entry entries[] = {
    {"--name", "NAME", "the device's name, as the server knows it", set_name},
    {"--server", "LABEL=HOST:PORT", "a server; twice for a pair. A label is one letter, A or B for example", set_server},
    {"--key-file", "FILE", "sign with the key in this file (LFCP/2); - reads it from the first line of stdin.\n"
                           "Only its owner may read the file: chmod 600 FILE", set_key_file},
    {"--state", "DIR", "keep counters, settings and secrets here over restarts; needed with --key-file", set_state},
    {"--interval", "SECONDS", "between heartbeats, until a server allows less. Without it: 20, and with a key over UDP\n"
                              "as long as the mapping of the NAT lives, which is tried out", set_interval},
    {"--ladder", "S,S,…", "the silences, in seconds, that are tried out; with --interval nothing is, but with this.\n"
                          "25,40,55,85,115,175,295", set_ladder},
    {"--sleep", "SECONDS", "that DSLP makes it sleep; 60", set_sleep},
    {"--picture", "PATH", "a virtual camera: this JPEG file, or the JPEG files of this directory in turn. Its\n"
                          "pictures are uploaded to the servers (SNAP, motion, LIVE, CONF auto_photo)", set_picture},
    {"--live-rate", "N", "live pictures a second, at most; 5", set_live_rate},
    {"--on-picture", "PROGRAM", "run as PROGRAM PICTURE for TLGS, automatic pictures and failover alarms, with\n"
                                "LFCP_NAME, LFCP_REASON and LFCP_TEXT in its environment, and TELEGRAM_TOKEN,\n"
                                "TELEGRAM_CHAT and PRUSACONNECT_TOKEN if a server sent them. A status other than\n"
                                "0 is a failure", set_on_picture},
    {"--failover", "HOST:PORT", "watch alone while no server answers, but this address on the internet can be\n"
                                "connected to: motion then goes to --on-picture at once", set_failover},
    {"--allow-udp", "PORT", "let operators reach this UDP port of this machine, on its loopback address, by\n"
                            "`alarmd connect NAME --udp-port PORT`; up to 8 times", set_allow_udp},
    {"--no-connect", NULL, "let nobody in. Without it operators may send commands by `alarmd connect NAME`, if\n"
                           "the device has a key and speaks UDP", set_no_connect},
    {"--tcp", NULL, "TCP instead of UDP", set_tcp},
    {"--plain-heartbeats", NULL, "LFCP/1 without a report in the heartbeats", set_plain},
    {"--help", NULL, "this text", set_help},
};
#define ENTRY_COUNT (sizeof entries / sizeof entries[0])

void options_help(void)
{
    puts("lfcp-device: a camera of an alarm system, as a program. It keeps in touch with alarmd by LFCP.\n");
    puts("  lfcp-device --name cam1 --server A=127.0.0.1:8443");
    puts("  lfcp-device --name cam1 --server A=127.0.0.1:8443 --key-file cam1.key --state cam1.state\n");
    puts("Options:");
    for (size_t at = 0; at < ENTRY_COUNT; at++) {
        const option_entry *entry = &entries[at];
        printf("  %s%s%s\n", entry->name, entry->value == NULL ? "" : " ", entry->value == NULL ? "" : entry->value);
        for (const char *line = entry->help; line != NULL;) {
            const char *end = strchr(line, '\n');
            printf("      %.*s\n", end == NULL ? (int)strlen(line) : (int)(end - line), line);
            line = end == NULL ? NULL : end + 1;
        }
    }
    puts("\nLines on stdin, one an order:");
    puts("  motion TEXT   raise an alarm, if the detector is on    log TEXT   err TEXT   tell the servers");
    puts("  sleep SECONDS declare a sleep and sleep                status     what it does now");
    puts("  quit          end; so does SIGTERM. The end of stdin alone does not");
    puts("\nEach event is a line on stdout; README.md has the list. Status: 0 ended as asked, 1 failed, 2 wrong usage.");
}

static const option_entry *find(const char *argument)
{
    const size_t length = strcspn(argument, "=");
    for (size_t at = 0; at < ENTRY_COUNT; at++) {
        if (strlen(entries[at].name) == length && strncmp(entries[at].name, argument, length) == 0) {
            return &entries[at];
        }
    }
    return NULL;
}

static bool fail(const char *option, const char *problem)
{
    fprintf(stderr, "lfcp-device: %s: %s (lfcp-device --help)\n", option, problem);
    return false;
}

/* Reads arguments[*at], and its value if that is the next one. */
static bool read_one(options *out, int count, char **arguments, int *at)
{
    const char *argument = arguments[*at];
    const option_entry *entry = find(argument);
    if (entry == NULL) {
        return fail(argument, "no such option");
    }
    const char *value = strchr(argument, '=');
    if (value != NULL) {
        value++;
    } else if (entry->value != NULL && *at + 1 < count) {
        value = arguments[++*at];
    }
    if ((entry->value == NULL) != (value == NULL)) {
        return fail(entry->name, entry->value == NULL ? "takes no value" : "its value is missing");
    }
    const char *problem = entry->set(out, value);
    return problem == NULL ? true : fail(entry->name, problem);
}

static bool is_complete(const options *out)
{
    if (out->name == NULL) {
        return fail("--name", "is needed, for example --name cam1");
    }
    if (out->server_count == 0) {
        return fail("--server", "is needed, for example --server A=127.0.0.1:8443");
    }
    if (out->key_file != NULL && out->state == NULL) {
        return fail("--state", "is needed with --key-file: a counter that is used twice is refused by the server");
    }
    if (out->allowed_count != 0 && (out->key_file == NULL || out->tcp || out->no_connect)) {
        return fail("--allow-udp", "needs --key-file, UDP, and no --no-connect: nobody gets in otherwise");
    }
    if (out->key_file != NULL && out->plain_heartbeats) {
        return fail("--plain-heartbeats", "is for LFCP/1, and --key-file makes it LFCP/2");
    }
    if (out->failover.port != 0 && out->on_picture == NULL) {
        return fail("--on-picture", "is needed with --failover: somebody has to be told");
    }
    if (out->on_picture != NULL && access(out->on_picture, X_OK) != 0) {
        return fail("--on-picture", strerror(errno));
    }
    if (out->picture != NULL && access(out->picture, R_OK) != 0) {
        return fail("--picture", strerror(errno));
    }
    return true;
}

bool options_read(options *out, int count, char **arguments)
{
    *out = (options){.sleep_s = DEFAULT_SLEEP_S, .live_rate = LIVE_RATE};
    for (int at = 1; at < count; at++) {
        if (!read_one(out, count, arguments, &at)) {
            return false;
        }
    }
    return out->help || is_complete(out);
}
