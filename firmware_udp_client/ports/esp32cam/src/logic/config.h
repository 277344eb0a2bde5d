/* What the owner sets on the control page, and its form in flash. One table of fields makes the page, reads the page's
 * form, and writes and reads the flash. */
#ifndef LOGIC_CONFIG_H
#define LOGIC_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host_port.h"
#include "lfcp_client.h"
#include "url.h"

#define CONFIG_NETWORKS 4
#define CONFIG_SERVERS LFCP_CLIENT_SERVERS
#define CONFIG_TEXT_SIZE 4096 /* in flash, every field full */

typedef struct config_network {
    char ssid[33];     /* at most 32 bytes: IEEE 802.11 */
    char password[64]; /* 8 to 63 characters, or none for an open network */
} config_network;

typedef struct config {
    char name[LFCP_MAX_NAME + 1];
    char key[44];
    char server[CONFIG_SERVERS][HOST_SIZE + 16]; /* LABEL=HOST:PORT */
    uint32_t heartbeat;                          /* s */
    uint32_t learn;                              /* 1: the heartbeat is for a device without a key */
    uint32_t sleep;                              /* s */
    config_network network[CONFIG_NETWORKS];
    char password[64]; /* of the access point and of the control page */
    uint32_t access_point;
    char telegram_token[48];
    char telegram_chat[34];
    char prusaconnect_token[48];
    char prusaconnect_host[HOST_SIZE];
    char picture_url[HOST_SIZE + URL_PATH_SIZE];
    uint32_t motion_threshold; /* levels of 255 */
    uint32_t motion_blocks;    /* of LFCP_MOTION_BLOCKS */
    uint32_t failover;
} config;

typedef enum config_kind { CONFIG_TEXT, CONFIG_SECRET, CONFIG_NUMBER, CONFIG_SWITCH } config_kind;

typedef struct config_field {
    const char *name;
    const char *label;
    const char *wanted; /* what a good value is, for the page and for refusals */
    config_kind kind;
    size_t offset;
    size_t size;
    uint32_t least, greatest; /* of a number; of a switch 0 and 1 */
    bool (*is_good)(const char *value); /* of a text that is not empty; NULL: printable is enough */
} config_field;

extern const config_field config_fields[];
extern const size_t config_field_count;

/* Everything empty or usual; the name and the password are the caller's to fill in. */
void config_defaults(config *of);

const config_field *config_find(const char *name);
const char *config_text_of(const config *of, const config_field *field);
uint32_t config_number_of(const config *of, const config_field *field);

/* False: not a value that the field takes, and nothing changed. */
bool config_set(config *of, const config_field *field, const char *value);

/* What keeps this configuration from working, for a person to read, or NULL. */
const char *config_problem(const config *of);

/* NAME=VALUE lines for the flash. CONFIG_TEXT_SIZE is always enough. */
bool config_write(const config *of, char *lines, size_t size);

/* The reverse; changes the text. Fields that this version does not know, or does not take, keep their defaults: an update
 * must not lock its owner out. Returns how many lines were of no use. */
size_t config_read(config *of, char *lines);

/* The control page's form. NULL, or the first field that was refused; then nothing is changed. An empty secret keeps the
 * one that is there, since the page does not show it; "-" takes it away. A broken form refuses config_fields[0]. */
const config_field *config_from_form(config *of, char *body, size_t length);

#endif
