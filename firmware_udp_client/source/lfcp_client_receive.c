/* Frames from a server: whether they are genuine, new and for this device, and who handles them. */
#include "lfcp_client_internal.h"

#define BOOT_ID_OF_SYNC 1    /* p2 */
#define ANSWERS_OF_COMMAND 3 /* p4 */

/* A device's own verbs are never for it. */
static lfcp_status check_addressee(const lfcp_client *client, const lfcp_message *message)
{
    bool mine = lfcp_same_text(message->name, client->config->name);
    return mine && lfcp_verb_entry_of(message->verb)->sender != LFCP_FROM_DEVICE ? LFCP_OK : LFCP_NOT_FOR_ME;
}

/* The counter of ours that the frame answers, 0 for none. */
static lfcp_status read_answers(const lfcp_client *client, const lfcp_message *message, uint64_t *answers)
{
    bool acknowledges = message->verb == LFCP_VERB_ACK;
    lfcp_text field = message->params[acknowledges ? 0 : ANSWERS_OF_COMMAND];
    bool good = acknowledges ? lfcp_read_counter(field, answers) : lfcp_read_counter_or_0(field, answers);
    return good && *answers <= client->counter ? LFCP_OK : LFCP_BAD_PARAMETER;
}

static void heard(lfcp_client *client, unsigned server)
{
    lfcp_queue_heard(&client->queue, server);
    lfcp_failover_heard(client, server);
}

/* A frame is fresh if it answers what was sent since the start; the first such one opens the window. */
static lfcp_status accept(lfcp_client *client, unsigned server, uint64_t counter, bool fresh)
{
    lfcp_client_server *known = &client->servers[server];
    if (!known->opened && !fresh) {
        return LFCP_REPLAYED;
    }
    if (known->opened && lfcp_window_accept(&known->window, counter) != LFCP_OK) {
        return LFCP_REPLAYED;
    }
    if (!known->opened) {
        lfcp_window_open(&known->window, counter);
    }
    known->opened = true;
    heard(client, server);
    return LFCP_OK;
}

static lfcp_status receive_sync(lfcp_client *client, unsigned server, const lfcp_message *message, lfcp_event *event)
{
    uint64_t highest;
    uint64_t boot_id;
    if (!lfcp_read_counter_or_0(message->params[0], &highest) ||
        !lfcp_read_counter_or_0(message->params[BOOT_ID_OF_SYNC], &boot_id)) {
        return LFCP_BAD_PARAMETER;
    }
    if (boot_id != client->boot_id) {
        return LFCP_NOT_FOR_ME;
    }
    lfcp_status status = accept(client, server, message->counter, true);
    if (status == LFCP_OK) {
        status = lfcp_counters_synchronise(client, highest);
    }
    if (status != LFCP_OK) {
        return status;
    }
    client->servers[server].beat_wanted = true;
    event->kind = LFCP_EVENT_SYNCED;
    return LFCP_OK;
}

static lfcp_status receive_answer(lfcp_client *client, unsigned server, const lfcp_message *message, lfcp_event *event)
{
    uint64_t answers;
    lfcp_status status = read_answers(client, message, &answers);
    if (status == LFCP_OK) {
        status = accept(client, server, message->counter, lfcp_counter_is_ours(client, answers));
    }
    if (status != LFCP_OK) {
        return status;
    }
    if (message->verb == LFCP_VERB_ACK) {
        lfcp_acks_signed(client, server, message, answers, event);
        return LFCP_OK;
    }
    lfcp_heartbeat_answered(client, server, answers);
    return lfcp_commands_receive(client, server, message, event);
}

static lfcp_status receive_signed(lfcp_client *client, unsigned server, const uint8_t *frame,
                                  const lfcp_message *message, lfcp_event *event)
{
    lfcp_status status = lfcp_verify(client->config->crypto, client->servers[server].tag_down, frame, message);
    if (status == LFCP_OK) {
        status = check_addressee(client, message);
    }
    if (status != LFCP_OK) {
        return status;
    }
    if (message->verb == LFCP_VERB_SYNC) {
        return receive_sync(client, server, message, event);
    }
    return receive_answer(client, server, message, event);
}

static lfcp_status receive_unsigned(lfcp_client *client, unsigned server, const lfcp_message *message,
                                    lfcp_event *event)
{
    lfcp_status status = check_addressee(client, message);
    if (status != LFCP_OK || message->has_signature || message->verb == LFCP_VERB_SYNC) {
        return LFCP_NOT_FOR_ME;
    }
    heard(client, server);
    if (message->verb == LFCP_VERB_ACK) {
        lfcp_acks_unsigned(client, server, message, event);
        return LFCP_OK;
    }
    lfcp_heartbeat_answered(client, server, client->counter);
    return lfcp_commands_receive(client, server, message, event);
}

lfcp_status lfcp_client_receive(lfcp_client *client, unsigned server, const uint8_t *frame, size_t length,
                                uint64_t now_ms, lfcp_event *event)
{
    lfcp_message message;
    *event = (lfcp_event){LFCP_EVENT_NONE, LFCP_VERB_ACK, 0};
    if (server >= client->config->servers) {
        return LFCP_INVALID;
    }
    lfcp_client_advance(client, now_ms);
    lfcp_status status = lfcp_decode(frame, length, &message);
    if (status != LFCP_OK) {
        return status;
    }
    event->verb = message.verb;
    return lfcp_signs(client) ? receive_signed(client, server, frame, &message, event)
                              : receive_unsigned(client, server, &message, event);
}
