/* What the client's sources share. Not for callers.
 *
 * Times in here are of the client's own clock: ms from its start, sleep included, never back. A status that is not
 * LFCP_OK means that nothing has changed. */
#ifndef LFCP_CLIENT_INTERNAL_H
#define LFCP_CLIENT_INTERNAL_H

#include "lfcp_client.h"
#include "lfcp_internal.h"

#define LFCP_NEVER UINT64_MAX
#define LFCP_NONE UINT8_MAX        /* no place */
#define LFCP_DIRECT LFCP_COMMAND_MEMORY /* in the place of a running command's: no server asked, see lfcp_direct.h */
#define LFCP_SLEEP (UINT8_MAX - 1) /* in the place of a copy's: it was SLEP */

/* A frame to be written. */
typedef struct lfcp_outgoing {
    uint8_t *frame;
    size_t size;
    size_t *length;
} lfcp_outgoing;

/* Its parameters, written one behind the other. */
typedef struct lfcp_params {
    lfcp_writer writer; /* of the one that is being written */
    size_t count;
    lfcp_text each[4];
    char text[LFCP_SIGNED_MAX_FIELD];
} lfcp_params;

static inline bool lfcp_signs(const lfcp_client *client)
{
    return client->config->key != NULL;
}

/* The first of those that take part; NULL: none. */
static inline const lfcp_module *lfcp_modules(const lfcp_client *client)
{
    return lfcp_signs(client) ? client->config->modules : NULL;
}

/* lfcp_client.c */
void lfcp_client_advance(lfcp_client *client, uint64_t now_ms);
uint64_t lfcp_client_due(const lfcp_client *client);            /* lfcp_client_poll.c */
uint32_t lfcp_client_part(lfcp_client *client, uint32_t whole); /* a random part of it: 0 to whole - 1, or 0 */
lfcp_status lfcp_client_encode(lfcp_client *client, unsigned server, lfcp_verb verb, const lfcp_text *params,
                               size_t count, const lfcp_outgoing *out);

/* lfcp_client_fields.c */
bool lfcp_read_counter_or_0(lfcp_text text, uint64_t *number);
bool lfcp_read_decimal(lfcp_text text, size_t digits, uint64_t *number); /* "0", or without leading zeros */
void lfcp_make_fit(char field[LFCP_SEND_MAX_FIELD + 1], const char *text);
void lfcp_put_command_id(lfcp_writer *writer, char label, uint64_t number);
bool lfcp_read_command_id(lfcp_text text, char *label, uint64_t *number);
void lfcp_put_of_boot(lfcp_writer *writer, const lfcp_client *client, uint64_t number); /* boot id "." number */
lfcp_writer *lfcp_params_begin(lfcp_params *params);
void lfcp_params_next(lfcp_params *params); /* this one is written */
void lfcp_put_big_endian(uint8_t *to, uint64_t number, size_t bytes);
uint64_t lfcp_get_big_endian(const uint8_t *from, size_t bytes);

/* lfcp_counters.c */
lfcp_status lfcp_counters_start(lfcp_client *client);
lfcp_status lfcp_counter_next(lfcp_client *client, uint64_t *counter);
bool lfcp_counter_is_ours(const lfcp_client *client, uint64_t counter); /* was sent since the start */
bool lfcp_counters_raise(lfcp_client *client, uint64_t highest);        /* false: it is above already */

/* lfcp_event_queue.c; server: its number. Places, or LFCP_NONE. */
uint8_t lfcp_queue_make_room(lfcp_event_queue *queue, lfcp_verb verb, unsigned servers);
uint8_t lfcp_queue_next(const lfcp_event_queue *queue, unsigned server);
bool lfcp_queue_more_urgent(const lfcp_event_queue *queue, uint8_t place, uint8_t than);
bool lfcp_queue_waits_for(const lfcp_event_queue *queue, uint8_t place, unsigned server);
void lfcp_queue_acknowledged(lfcp_event_queue *queue, uint8_t place, unsigned server);
void lfcp_queue_tired(lfcp_event_queue *queue, uint8_t place, unsigned server);
void lfcp_queue_heard(lfcp_event_queue *queue, unsigned server);

/* lfcp_client_messages.c */
lfcp_status lfcp_messages_put(lfcp_client *client, lfcp_verb verb, const char *text, uint8_t command);
uint64_t lfcp_messages_due(const lfcp_client *client, unsigned server);
lfcp_status lfcp_messages_send(lfcp_client *client, unsigned server, const lfcp_outgoing *out);
uint8_t lfcp_messages_copy(const lfcp_client *client, unsigned server, uint64_t counter);
void lfcp_messages_sent(lfcp_client *client, unsigned server, uint8_t place);
void lfcp_messages_acknowledged(lfcp_client *client, unsigned server, uint8_t place, lfcp_event *event);

/* lfcp_client_heartbeat.c */
uint64_t lfcp_heartbeat_due(const lfcp_client *client, unsigned server);
lfcp_status lfcp_heartbeat_send(lfcp_client *client, unsigned server, const lfcp_outgoing *out);
bool lfcp_heartbeat_is_it(const lfcp_client *client, unsigned server, uint64_t counter);
void lfcp_heartbeat_wanted(lfcp_client_server *server);
void lfcp_heartbeat_allowed(lfcp_client *client, lfcp_client_server *server, uint32_t seconds);
void lfcp_heartbeat_sleep(lfcp_client *client, uint32_t seconds); /* 0: awake */

/* lfcp_client_acks.c */
void lfcp_acks_signed(lfcp_client *client, unsigned server, const lfcp_message *message, uint64_t answers,
                      lfcp_event *event);
void lfcp_acks_unsigned(lfcp_client *client, unsigned server, const lfcp_message *message, lfcp_event *event);

/* lfcp_upload.c; false: it is no picture's */
bool lfcp_upload_receive_ack(const lfcp_client *client, const lfcp_message *message, uint64_t answers,
                             lfcp_event *event);

/* lfcp_commands.c */
bool lfcp_commands_id_good(const lfcp_message *message);
bool lfcp_commands_busy(const lfcp_client *client);
void lfcp_commands_receive(lfcp_client *client, unsigned server, const lfcp_message *message, lfcp_event *event);
lfcp_status lfcp_commands_send_ack(lfcp_client *client, unsigned server, const lfcp_outgoing *out);

/* lfcp_dispatch.c; own: the client carries it out by itself */
bool lfcp_dispatch_is_own(lfcp_verb verb);
const lfcp_command_entry *lfcp_dispatch_entry(const lfcp_client *client, lfcp_verb verb);
void lfcp_dispatch_obey(lfcp_client *client);
bool lfcp_dispatch_is_by_handler(lfcp_verb verb);
const char *lfcp_dispatch_directly(lfcp_client *client, unsigned server, const lfcp_message *message); /* why not */
void lfcp_dispatch(lfcp_client *client, const lfcp_message *message, lfcp_event *event);

/* lfcp_command_memory.c */
lfcp_status lfcp_memory_start(lfcp_client *client);
uint8_t lfcp_memory_find(const lfcp_command_memory *memory, char label, uint64_t number);
uint8_t lfcp_memory_add(lfcp_client *client, char label, uint64_t number);
lfcp_status lfcp_memory_keep(lfcp_client *client, uint8_t place);

/* lfcp_client_settings.c */
lfcp_status lfcp_settings_start(lfcp_client *client);
lfcp_status lfcp_settings_keep(lfcp_client *client, const char *name, const char *value);
lfcp_status lfcp_settings_digest_of(const lfcp_client *client, char digest[LFCP_DIGEST + 1]);

/* lfcp_failover.c */
void lfcp_failover_watch(lfcp_client *client);
void lfcp_failover_heard(lfcp_client *client, unsigned server);
void lfcp_failover_tell(lfcp_client *client, const char *text);

#endif
