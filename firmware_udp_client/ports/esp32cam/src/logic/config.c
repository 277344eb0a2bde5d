#include "config.h"

#include <stddef.h>
#include <string.h>

#include "bounded_text.h"
#include "form.h"
#include "http_upload.h"
#include "lfcp_codec.h"
#include "lfcp_motion.h"
#include "lfcp_signing.h"

#define SHORTEST_PASSWORD 8

static bool is_name(const char *value)
{
    return lfcp_is_name((lfcp_text){value, strlen(value)});
}

static bool is_key(const char *value)
{
    uint8_t key[LFCP_KEY];
    return lfcp_key_from_text(value, strlen(value), key) == LFCP_OK;
}

static bool is_server(const char *value)
{
    lfcp_server_address server;
    return lfcp_server_address_read(value, &server) == NULL;
}

static bool is_host(const char *value)
{
    host_port host;
    return host_port_read(value, strlen(value), &host) && host.port == 0;
}

static bool is_password(const char *value)
{
    return strlen(value) >= SHORTEST_PASSWORD;
}

static bool is_url(const char *value)
{
    url address;
    return url_read(value, &address);
}

/* It becomes a part of a path or a header line: RFC 3986's characters that need no escape, and the token's colon. */
static bool is_token(const char *value)
{
    return value[strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:@")] == '\0';
}

#define AT(member) offsetof(config, member), sizeof((config *)0)->member
#define TEXT(member, label, wanted, good) {#member, label, wanted, CONFIG_TEXT, AT(member), 0, 0, good}
#define SECRET(member, label, wanted, good) {#member, label, wanted, CONFIG_SECRET, AT(member), 0, 0, good}
#define NUMBER(member, label, wanted, least, most) {#member, label, wanted, CONFIG_NUMBER, AT(member), least, most, NULL}
#define SWITCH(member, label, wanted) {#member, label, wanted, CONFIG_SWITCH, AT(member), 0, 1, NULL}
#define SERVER(name, at, label) {name, label, "LABEL=HOST:PORT, A=192.0.2.1:8443", CONFIG_TEXT, AT(server[at]), 0, 0, is_server}
#define NETWORK(number, at)                                                                                         \
    {"network" number, "Wi-Fi network " number, "its name", CONFIG_TEXT, AT(network[at].ssid), 0, 0, NULL},         \
    {"network" number "_password", "its password", "8 to 63 characters; none: an open network", CONFIG_SECRET,     \
     AT(network[at].password), 0, 0, is_password}

const config_field config_fields[] = {
    TEXT(name, "Name of this camera", "letters, digits, _ . -, at most 32", is_name),
    SECRET(key, "Key", "43 characters, as the server printed it; none: unsigned", is_key),
    SERVER("server1", 0, "First server"),
    SERVER("server2", 1, "Second server"),
    NUMBER(heartbeat, "Heartbeat every", "seconds", 5, LFCP_MAX_REPORT_INTERVAL),
    SWITCH(learn, "With a key, as seldom as the router allows", "1: it is tried out; 0: as set here"),
    NUMBER(sleep, "Deep sleep lasts", "seconds", 10, LFCP_CLIENT_MAX_SLEEP),
    NETWORK("1", 0),
    NETWORK("2", 1),
    NETWORK("3", 2),
    NETWORK("4", 3),
    SECRET(password, "Password of this page and of the access point", "8 to 63 characters", is_password),
    SWITCH(access_point, "Access point", "1: always; 0: only while no network is there"),
    SECRET(telegram_token, "Telegram bot token", "as BotFather gave it; the server may send it too", is_token),
    TEXT(telegram_chat, "Telegram chat", "its number or @channel", is_token),
    SECRET(prusaconnect_token, "PrusaConnect camera token", "the server may send it too", is_token),
    TEXT(prusaconnect_host, "PrusaConnect host", "a host's name", is_host),
    TEXT(picture_url, "Pictures by POST to", "http://HOST/PATH or https://", is_url),
    NUMBER(motion_threshold, "A block has changed by", "levels of 255", 1, UINT8_MAX),
    NUMBER(motion_blocks, "Motion changes at least", "blocks of 192", 1, LFCP_MOTION_BLOCKS),
    SWITCH(failover, "Watch alone", "1: motion goes to Telegram while no server answers; 0: it waits"),
};
const size_t config_field_count = sizeof config_fields / sizeof config_fields[0];

void config_defaults(config *of)
{
    lfcp_motion_config motion;
    lfcp_motion_defaults(&motion, 320, 240);
    memset(of, 0, sizeof *of);
    of->heartbeat = LFCP_HEARTBEAT_INTERVAL_MS / 1000;
    of->learn = 1;
    of->sleep = 3600;
    of->motion_threshold = motion.threshold;
    of->motion_blocks = motion.blocks;
    of->failover = 1;
    text_copy(of->prusaconnect_host, sizeof of->prusaconnect_host, PRUSACONNECT_HOST, strlen(PRUSACONNECT_HOST));
}

const config_field *config_find(const char *name)
{
    for (size_t at = 0; at < config_field_count; at++) {
        if (strcmp(config_fields[at].name, name) == 0) {
            return &config_fields[at];
        }
    }
    return NULL;
}

static bool is_text(const config_field *field)
{
    return field->kind == CONFIG_TEXT || field->kind == CONFIG_SECRET;
}

const char *config_text_of(const config *of, const config_field *field)
{
    return (const char *)of + field->offset;
}

uint32_t config_number_of(const config *of, const config_field *field)
{
    uint32_t number;
    memcpy(&number, (const char *)of + field->offset, sizeof number);
    return number;
}

static bool is_printable(const char *value)
{
    for (; *value != '\0'; value++) {
        const unsigned char byte = (unsigned char)*value;
        if (byte < ' ' || byte == 0x7f) { /* bytes over 0x7f are UTF-8: networks have such names */
            return false;
        }
    }
    return true;
}

static bool set_text(config *of, const config_field *field, const char *value)
{
    const bool good = value[0] == '\0' || (is_printable(value) && (field->is_good == NULL || field->is_good(value)));
    if (!good || strlen(value) >= field->size) {
        return false;
    }
    return text_copy((char *)of + field->offset, field->size, value, strlen(value));
}

bool config_set(config *of, const config_field *field, const char *value)
{
    uint32_t number = 0;
    if (is_text(field)) {
        return set_text(of, field, value);
    }
    if (!text_to_number(value, strlen(value), field->least, field->greatest, &number)) {
        return false;
    }
    memcpy((char *)of + field->offset, &number, sizeof number);
    return true;
}

const char *config_problem(const config *of)
{
    if (of->name[0] == '\0') {
        return "the camera has no name";
    }
    if (of->server[0][0] == '\0') {
        return "there is no server";
    }
    if (of->server[0][0] == of->server[1][0]) {
        return "both servers have the same label";
    }
    return of->network[0].ssid[0] == '\0' ? "there is no Wi-Fi network" : NULL;
}

bool config_write(const config *of, char *lines, size_t size)
{
    bounded_text out;
    text_start(&out, lines, size);
    for (size_t at = 0; at < config_field_count; at++) {
        const config_field *field = &config_fields[at];
        text_put(&out, field->name);
        text_put(&out, "=");
        if (is_text(field)) {
            text_put_percent(&out, config_text_of(of, field));
        } else {
            text_put_number(&out, config_number_of(of, field));
        }
        text_put(&out, "\n");
    }
    return text_finish(&out);
}

static bool read_line(config *of, char *line)
{
    char *value = strchr(line, '=');
    if (value == NULL) {
        return false;
    }
    *value++ = '\0';
    size_t length = strlen(value);
    const config_field *field = config_find(line);
    if (field == NULL || !text_unescape(value, &length, false)) {
        return false;
    }
    value[length] = '\0';
    return config_set(of, field, value);
}

size_t config_read(config *of, char *lines)
{
    size_t useless = 0;
    while (*lines != '\0') {
        const size_t length = strcspn(lines, "\n");
        const bool last = lines[length] == '\0';
        lines[length] = '\0';
        useless += read_line(of, lines) ? 0 : 1;
        lines += last ? length : length + 1;
    }
    return useless;
}

static bool take_field(config *of, const config_field *field, const char *value)
{
    if (field->kind != CONFIG_SECRET) {
        return config_set(of, field, value);
    }
    if (value[0] == '\0') {
        return true;
    }
    return config_set(of, field, strcmp(value, "-") == 0 ? "" : value);
}

const config_field *config_from_form(config *of, char *body, size_t length)
{
    config changed = *of;
    form fields;
    const char *name = NULL, *value = NULL;
    form_start(&fields, body, length);
    form_step step;
    while ((step = form_next(&fields, &name, &value)) == FORM_FIELD) {
        const config_field *field = config_find(name);
        if (field == NULL || !take_field(&changed, field, value)) {
            return field == NULL ? &config_fields[0] : field;
        }
    }
    if (step == FORM_BROKEN) {
        return &config_fields[0];
    }
    *of = changed;
    return NULL;
}
