/* The client under any sequence of calls, times, genuine frames and other bytes, with memory that fails at times and
 * restarts in between. What must hold whatever happens is demanded after every step. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lfcp_client.h"
#include "lfcp_path.h"

#define SERVERS LFCP_CLIENT_SERVERS
#define MOST_FRAMES 6 /* of one moment: an ACK, a message and a heartbeat for each server */
#define MOST_OF_PATH (SERVERS + LFCP_LADDER_SOCKETS) /* an ACK of PROB for each server, a KEEP from each socket */
#define OF_A_START 11 /* ids of commands that a restart forgets … */
#define LASTING 5     /* … and of those that it does not: as many as are remembered, so that none may run twice */
#define RECORDS 20
#define BEGIN (UINT64_C(1) << 40) /* of the clock, which may then be set back */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct record {
    const char *key;
    uint8_t data[9 * LFCP_COMMAND_MEMORY];
    size_t size;
} record;

/* The world around the client; the input is read from the front. */
static struct {
    const uint8_t *data;
    size_t size;
    lfcp_client client;
    lfcp_config config;
    lfcp_path path;
    uint64_t now;
    uint64_t boot_id;
    uint64_t highest; /* counter that was sent */
    uint64_t down[SERVERS];
    uint8_t frame[SERVERS][LFCP_SIGNED_MAX_FRAME]; /* the last genuine ones */
    size_t frame_length[SERVERS];
    record records[RECORDS];
    size_t record_count;
    bool writes_fail;
    bool reachable;
    bool running;
    unsigned asked;   /* the id of the last command … */
    unsigned to_obey; /* … and of the last that was taken and runs after its ACK */
    unsigned runs[OF_A_START + LASTING];
} w;

static const uint8_t key[LFCP_KEY] = "a key for the fuzzer, no secret.";

#define demand(condition) demand_that((condition), #condition, __LINE__)

static void demand_that(bool holds, const char *condition, int line)
{
    if (!holds) {
        fprintf(stderr, "fuzz_client.c:%d: %s\n", line, condition);
        abort();
    }
}

static uint8_t byte(void)
{
    if (w.size == 0) {
        return 0;
    }
    w.size--;
    return *w.data++;
}

static int read_record(void *context, const char *name, uint8_t *data, size_t size)
{
    (void)context;
    for (size_t at = 0; at < w.record_count; at++) {
        if (strcmp(w.records[at].key, name) == 0 && w.records[at].size == size) {
            memcpy(data, w.records[at].data, size);
            return 0;
        }
    }
    return 1;
}

static int write_record(void *context, const char *name, const uint8_t *data, size_t size)
{
    size_t at = 0;
    (void)context;
    if (w.writes_fail) {
        return -1;
    }
    while (at < w.record_count && strcmp(w.records[at].key, name) != 0) {
        at++;
    }
    demand(at < RECORDS && size <= sizeof w.records[at].data);
    w.record_count += at == w.record_count;
    w.records[at].key = name;
    memcpy(w.records[at].data, data, size);
    w.records[at].size = size;
    return 0;
}

static uint32_t random_bits(void *context)
{
    (void)context;
    return (uint32_t)byte() << 24;
}

static bool reachable(void *context)
{
    (void)context;
    return w.reachable;
}

static void tell(void *context, const char *text)
{
    (void)context;
    demand(strlen(text) <= LFCP_SEND_MAX_FIELD);
}

static void finish(void)
{
    lfcp_status status =
        byte() % 2 == 0 ? lfcp_client_command_done(&w.client) : lfcp_client_command_failed(&w.client, "failed", w.now);
    demand(w.running ? status == LFCP_OK || status == LFCP_NO_ROOM : status == LFCP_INVALID);
    w.running = false;
}

static bool lasting(lfcp_verb verb)
{
    return verb == LFCP_VERB_RST || verb == LFCP_VERB_DSLP;
}

static bool by_its_handler(lfcp_verb verb)
{
    return verb == LFCP_VERB_TLGS || verb == LFCP_VERB_TLGC || verb == LFCP_VERB_PRCC;
}

static void carry_out(void *context, lfcp_client *client, const lfcp_command *command)
{
    (void)context;
    demand(client == &w.client && command->server < SERVERS && !w.running);
    demand(strlen(command->p1) <= LFCP_SIGNED_MAX_FIELD && strlen(command->p2) <= LFCP_SIGNED_MAX_FIELD);
    if (lasting(command->verb)) {
        demand(++w.runs[w.to_obey] == 1 || w.config.key == NULL);
    } else if (by_its_handler(command->verb)) {
        demand(++w.runs[w.asked] == 1 || w.config.key == NULL);
        w.running = true;
        if (byte() % 2 == 0) {
            finish();
        }
    }
}

static const lfcp_command_entry entries[] = {
    {LFCP_VERB_TLGS, carry_out, NULL}, {LFCP_VERB_TLGC, carry_out, NULL}, {LFCP_VERB_RST, carry_out, NULL},
    {LFCP_VERB_DSLP, carry_out, NULL}, {LFCP_VERB_ENAL, carry_out, NULL}, {LFCP_VERB_DSAL, NULL, NULL},
    {LFCP_VERB_WCAM, NULL, NULL},      {LFCP_VERB_SCAM, NULL, NULL},      {LFCP_VERB_CONF, carry_out, NULL},
};

static void start(void)
{
    memset(w.runs, 0, OF_A_START * sizeof *w.runs);
    w.running = false;
    w.boot_id = w.boot_id * 6364136223846793005u + 1442695040888963407u;
    lfcp_path_start(&w.path, &lfcp_ladder_usual, LFCP_LADDER_SOCKETS);
    demand(lfcp_client_start(&w.client, &w.config, w.boot_id, w.now) == LFCP_OK);
}

static void prepare(void)
{
    memset(&w.client, 0, sizeof w.client);
    w.now = BEGIN;
    w.boot_id = w.highest = 0;
    w.record_count = 0;
    w.writes_fail = w.reachable = false;
    memset(w.runs, 0, sizeof w.runs);
    memset(w.frame_length, 0, sizeof w.frame_length);
    w.down[0] = w.down[1] = 1000;
    uint8_t kind = byte();
    w.config = (lfcp_config){
        .name = "cam1",
        .key = kind % 8 != 0 ? key : NULL,
        .servers = SERVERS,
        .labels = {'A', 'B'},
        .interval_s = kind < 128 ? 20 : 0,
        .modules = &w.path.module,
        .commands = entries,
        .command_count = sizeof entries / sizeof *entries,
        .failover = {true, NULL, reachable, tell},
        .crypto = &lfcp_crypto_mbedtls,
        .storage = {NULL, read_record, write_record},
        .random = random_bits,
    };
    start();
}

/* Signed for the server it goes to, with a counter above all that were sent and within what is reserved. */
static void demand_sent(const uint8_t *frame, size_t length, unsigned server)
{
    uint8_t tag_key[LFCP_KEY];
    uint8_t reserved[8];
    uint64_t last = 0;
    lfcp_message message;
    demand(server < SERVERS && lfcp_decode(frame, length, &message) == LFCP_OK);
    if (w.config.key == NULL) {
        demand(!message.has_signature && length <= LFCP_SEND_MAX_FRAME);
        return;
    }
    demand(lfcp_derive(&lfcp_crypto_mbedtls, key, LFCP_PURPOSE_TAG, LFCP_WAY_UP, w.config.labels[server], tag_key) ==
           LFCP_OK);
    demand(lfcp_verify(&lfcp_crypto_mbedtls, tag_key, frame, &message) == LFCP_OK);
    demand(message.counter > w.highest);
    w.highest = message.counter;
    demand(read_record(NULL, "counter", reserved, sizeof reserved) == 0);
    for (size_t at = 0; at < sizeof reserved; at++) {
        last = last << 8 | reserved[at];
    }
    demand(message.counter <= last);
}

/* From sockets that it says it uses. */
static void poll_path(void)
{
    uint8_t frame[LFCP_CLIENT_MAX_FRAME];
    uint64_t wakeup;
    size_t length = 1;
    unsigned server = 0, socket = 0;
    lfcp_status status = LFCP_OK;
    for (unsigned count = 0; status == LFCP_OK && length > 0; count++) {
        demand(count <= MOST_OF_PATH);
        status = lfcp_path_poll(&w.path, &w.client, w.now, frame, sizeof frame, &length, &server, &socket);
        demand(status == LFCP_OK || length == 0);
        if (length > 0) {
            demand_sent(frame, length, server);
            demand(socket == 0 || lfcp_path_uses(&w.path, socket));
        }
    }
    demand(status == LFCP_OK || status == LFCP_NO_ROOM || (status == LFCP_STORAGE_FAILED && w.writes_fail));
    lfcp_path_next_wakeup_ms(&w.path, &w.client, &wakeup);
    demand(wakeup > w.now && (w.config.key != NULL || wakeup == UINT64_MAX));
    demand(strlen(w.path.report) >= 3 && strchr("uesh", lfcp_path_mapping(&w.path)) != NULL);
}

/* As a port does. */
static void follow_path(uint8_t what)
{
    if (lfcp_path_wants_socket(&w.path, &w.client, w.now) || what == 0) {
        lfcp_path_new_socket(&w.path, &w.client, w.now);
    } else if (what == 1) {
        lfcp_path_network_changed(&w.path, &w.client, w.now);
    }
}

/* Once there is nothing to send, there is nothing to do before a later time. */
static void poll(void)
{
    uint64_t wakeup;
    size_t length = 1;
    unsigned server = 0;
    lfcp_status status = LFCP_OK;
    for (unsigned count = 0; status == LFCP_OK && length > 0; count++) {
        uint8_t *frame = malloc(LFCP_CLIENT_MAX_FRAME);
        demand(frame != NULL && count <= MOST_FRAMES);
        status = lfcp_client_poll(&w.client, w.now, frame, LFCP_CLIENT_MAX_FRAME, &length, &server);
        demand(status == LFCP_OK || length == 0);
        if (length > 0) {
            demand_sent(frame, length, server);
        }
        free(frame);
    }
    demand(status == LFCP_OK || status == LFCP_NO_ROOM || (status == LFCP_STORAGE_FAILED && w.writes_fail));
    demand(lfcp_client_next_wakeup_ms(&w.client, &wakeup) == LFCP_OK && wakeup > w.now);
    (void)lfcp_client_may_sleep(&w.client);
}

/* In memory of exactly that size, so that a sanitizer sees who reads beyond. */
static void receive(const uint8_t *frame, size_t length, unsigned server)
{
    lfcp_event event;
    uint8_t *exactly = malloc(length + 1);
    demand(exactly != NULL);
    memcpy(exactly + 1, frame, length);
    lfcp_status status = lfcp_client_receive(&w.client, server, exactly + 1, length, w.now, &event);
    demand(status == LFCP_OK || event.kind == LFCP_EVENT_NONE);
    demand(lfcp_status_text(status)[0] != '\0');
    if (event.kind == LFCP_EVENT_COMMAND && lasting(event.verb)) {
        w.to_obey = w.asked;
    }
    free(exactly);
}

static void receive_anything(unsigned server)
{
    size_t length = byte() % 160;
    length = length < w.size ? length : w.size;
    receive(w.data, length, server);
    w.data += length;
    w.size -= length;
}

static lfcp_text text_of(const char *text)
{
    return (lfcp_text){text, strlen(text)};
}

static lfcp_text hex(char *to, uint64_t number)
{
    return (lfcp_text){to, (size_t)snprintf(to, 24, "%llx", (unsigned long long)number)};
}

/* A counter that was used lately, or any small number, or nonsense. */
static lfcp_text some_counter(char *to)
{
    uint8_t which = byte();
    if (which == 255) {
        return text_of("x");
    }
    return hex(to, which < 240 && w.highest > which ? w.highest - which : which);
}

static lfcp_text command_id(lfcp_verb verb, char *to)
{
    w.asked = lasting(verb) ? OF_A_START + (unsigned)byte() % LASTING : (unsigned)byte() % OF_A_START;
    uint64_t number = lasting(verb) ? w.asked + 1u : ((w.boot_id | 1u) << 8 | w.asked);
    (void)snprintf(to, 24, "A.%llx", (unsigned long long)number);
    return text_of(to);
}

static lfcp_text some_text(void)
{
    static const char *const texts[] = {"0",  "1",     "7",        "26",       "9999999999", "token",
                                        "-2", "flash", "interval", "contrast", "x",          "86400"};
    return text_of(texts[byte() % (sizeof texts / sizeof *texts)]);
}

static lfcp_text seal(unsigned server, lfcp_verb verb, unsigned at, lfcp_text text, char *field)
{
    uint8_t seal_key[LFCP_KEY];
    size_t length = 0;
    demand(lfcp_derive(&lfcp_crypto_mbedtls, key, LFCP_PURPOSE_SEAL, LFCP_WAY_DOWN, w.config.labels[server],
                       seal_key) == LFCP_OK);
    demand(lfcp_seal(&lfcp_crypto_mbedtls, seal_key, w.down[server], text_of("cam1"), verb, at, text, field,
                     LFCP_SIGNED_MAX_FIELD, &length) == LFCP_OK);
    return (lfcp_text){field, length};
}

static void send_signed(unsigned server, lfcp_verb verb, const lfcp_text *params)
{
    uint8_t tag_key[LFCP_KEY];
    demand(lfcp_derive(&lfcp_crypto_mbedtls, key, LFCP_PURPOSE_TAG, LFCP_WAY_DOWN, w.config.labels[server], tag_key) ==
           LFCP_OK);
    if (lfcp_encode_signed(&lfcp_crypto_mbedtls, tag_key, w.down[server], w.frame[server], LFCP_SIGNED_MAX_FRAME,
                           &w.frame_length[server], text_of("cam1"), verb, params, 4) == LFCP_OK) {
        receive(w.frame[server], w.frame_length[server], server);
    }
}

/* From a server, with the right tag; some of its parameters make no sense. */
static void receive_genuine(unsigned server)
{
    char counters[2][24];
    char fields[2][LFCP_SIGNED_MAX_FIELD];
    lfcp_verb verb = (lfcp_verb)(byte() % LFCP_VERB_COUNT);
    bool command = lfcp_verb_entry_of(verb)->command;
    w.down[server] += byte() % 80;
    lfcp_text params[4] = {some_text(), some_text(), {"0", 1}, {"0", 1}};
    if (verb == LFCP_VERB_ACK) {
        params[0] = some_counter(counters[0]);
        params[3] = some_text();
    } else if (verb == LFCP_VERB_SYNC) {
        params[0] = hex(counters[0], w.highest + ((uint64_t)byte() << byte() % 40));
        params[1] = hex(counters[1], byte() % 4 == 0 ? byte() : w.boot_id);
    } else if (command) {
        params[2] = command_id(verb, counters[0]);
        params[3] = some_counter(counters[1]);
        if (lfcp_verb_entry_of(verb)->secret && byte() % 4 != 0) {
            params[0] = seal(server, verb, 1, params[0], fields[0]);
            params[1] = verb == LFCP_VERB_TLGC ? seal(server, verb, 2, params[1], fields[1]) : (lfcp_text){"0", 1};
        }
    }
    send_signed(server, verb, params);
}

static void receive_plain(unsigned server)
{
    uint8_t frame[LFCP_SEND_MAX_FRAME];
    size_t length = 0;
    lfcp_text params[] = {some_text(), some_text(), {"0", 1}, {"0", 1}};
    lfcp_verb verb = (lfcp_verb)(byte() % LFCP_VERB_COUNT);
    if (verb == LFCP_VERB_ACK) {
        params[0] = params[1] = (lfcp_text){"0", 1};
        params[3] = some_text();
    }
    size_t count = verb == LFCP_VERB_ACK ? 4 : lfcp_verb_entry_of(verb)->limit[1] != 0 ? 2 : 0;
    if (lfcp_encode(frame, sizeof frame, &length, text_of("cam1"), verb, params, count) == LFCP_OK) {
        receive(frame, length, server);
    }
}

static void queue(void)
{
    static const lfcp_verb verbs[] = {LFCP_VERB_MOAL, LFCP_VERB_LOG, LFCP_VERB_ERR, LFCP_VERB_ACK};
    char text[100];
    size_t length = byte() % sizeof text;
    lfcp_verb verb = verbs[byte() % 4];
    for (size_t at = 0; at < length; at++) {
        text[at] = (char)byte();
    }
    text[length] = '\0';
    lfcp_status status = lfcp_client_queue(&w.client, verb, text, w.now);
    demand(status == (verb == LFCP_VERB_ACK ? LFCP_INVALID : LFCP_OK) || status == LFCP_NO_ROOM);
}

static void sleep_or_wake(void)
{
    uint64_t slept = (uint64_t)byte() << 12;
    if (slept % 3 == 0) {
        (void)lfcp_client_sleep(&w.client, (uint32_t)slept / 8, w.now);
        return;
    }
    w.now = BEGIN + byte(); /* the clock begins anew */
    demand(lfcp_client_woke(&w.client, &w.config, w.now, slept) == LFCP_OK);
}

static void step(void)
{
    uint8_t what = byte();
    unsigned server = what >> 7;
    uint8_t bits;
    switch (what % 12) {
    case 0:
    case 1:
        receive_genuine(server);
        break;
    case 2:
        receive_anything(server);
        break;
    case 3:
        receive(w.frame[server], w.frame_length[server], byte() % (SERVERS + 1)); /* again, or to the wrong one */
        break;
    case 4:
        receive_plain(server);
        break;
    case 5:
        queue();
        break;
    case 6:
        finish();
        break;
    case 7:
        sleep_or_wake();
        break;
    case 8:
        start();
        break;
    case 9:
        bits = byte();
        w.writes_fail = bits % 4 == 0;
        w.reachable = byte() % 2 == 0;
        follow_path(bits / 4 % 8);
        break;
    case 10:
        w.now += (uint64_t)byte() << 8;
        break;
    default:
        w.now += byte() % 2 == 0 ? 100 : UINT64_MAX - 99; /* or back */
        break;
    }
    poll();
    poll_path();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    w.data = data;
    w.size = size;
    prepare();
    while (w.size > 0) {
        step();
    }
    return 0;
}
