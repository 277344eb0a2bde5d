/* Frames from a server: whether they are genuine, new and for this device, and who handles them. */
#include "lfcp_client_internal.h"

#define BOOT_ID_OF_SYNC 1    /* p2 */
#define ANSWERS_OF_COMMAND 3 /* p4 */

static bool is_command(const lfcp_message *message)
{
    return lfcp_verb_entry_of(message->verb)->command;
}

static void heard(lfcp_client *client, unsigned server)
{
    lfcp_queue_heard(&client->queue, server);
    lfcp_failover_heard(client, server);
}

/* The counter of ours that the frame answers, 0 for none. */
static uint64_t answered_by(const lfcp_message *message)
{
    uint64_t answers = 0;
    if (message->verb == LFCP_VERB_ACK || is_command(message)) {
        (void)lfcp_read_counter(message->params[is_command(message) ? ANSWERS_OF_COMMAND : 0], &answers);
    }
    return answers;
}

static bool is_sync_for_this_start(const lfcp_client *client, const lfcp_message *message)
{
    uint64_t boot_id;
    return message->verb == LFCP_VERB_SYNC && lfcp_read_counter_or_0(message->params[BOOT_ID_OF_SYNC], &boot_id) &&
           boot_id == client->boot_id;
}

/* Once for each FRAM. Its answer comes by another way than the rest, and may be overtaken by whatever the server said
 * later; it can only have been made since, so that the window need not vouch for it. */
static bool answers_picture(lfcp_client_server *known, const lfcp_message *message)
{
    bool it_does = known->picture != 0 && answered_by(message) == known->picture;
    if (it_does) {
        known->picture = 0;
    }
    return it_does;
}

/* Nothing is taken before a frame that can only have been made since the start. That one opens the window. */
static lfcp_status accept(lfcp_client *client, unsigned server, const lfcp_message *message)
{
    lfcp_client_server *known = &client->servers[server];
    bool answer = answers_picture(known, message);
    if (known->opened) {
        lfcp_status status = lfcp_window_accept(&known->window, message->counter);
        return answer ? LFCP_OK : status;
    }
    if (!lfcp_counter_is_ours(client, answered_by(message)) && !is_sync_for_this_start(client, message)) {
        return LFCP_REPLAYED;
    }
    lfcp_window_open(&known->window, message->counter);
    known->opened = true;
    return LFCP_OK;
}

static lfcp_status receive_sync(lfcp_client *client, unsigned server, const lfcp_message *message, lfcp_event *event)
{
    uint64_t highest;
    if (!is_sync_for_this_start(client, message)) {
        return LFCP_NOT_FOR_ME;
    }
    if (!lfcp_read_counter(message->params[0], &highest)) {
        return LFCP_BAD_PARAMETER;
    }
    heard(client, server);
    if (lfcp_counters_raise(client, highest)) {
        client->servers[server].beat_wanted = true;
        event->kind = LFCP_EVENT_SYNCED;
    }
    return LFCP_OK;
}

static lfcp_status receive_command(lfcp_client *client, unsigned server, const lfcp_message *message, lfcp_event *event)
{
    if (lfcp_signs(client) && !lfcp_commands_id_good(message)) {
        return LFCP_BAD_PARAMETER;
    }
    heard(client, server);
    if (!lfcp_signs(client) || lfcp_heartbeat_is_it(client, server, answered_by(message))) {
        client->servers[server].unanswered = false;
    }
    lfcp_commands_receive(client, server, message, event);
    return LFCP_OK;
}

static lfcp_status receive_ack(lfcp_client *client, unsigned server, const lfcp_message *message, lfcp_event *event)
{
    uint64_t answers = answered_by(message);
    heard(client, server);
    if (lfcp_upload_receive_ack(client, message, answers, event)) {
        return LFCP_OK;
    }
    if (lfcp_signs(client)) {
        lfcp_acks_signed(client, server, message, answers, event);
    } else {
        lfcp_acks_unsigned(client, server, message, event);
    }
    return LFCP_OK;
}

/* None comes to a client of LFCP/1. */
static bool taken_by_module(lfcp_client *client, unsigned server, const lfcp_message *message)
{
    bool taken = false;
    for (const lfcp_module *module = lfcp_modules(client); module != NULL; module = module->next) {
        taken = module->take(module->context, client, server, message) || taken;
    }
    return taken;
}

static lfcp_status check(lfcp_client *client, unsigned server, const uint8_t *frame, const lfcp_message *message)
{
    if (!lfcp_same_text(message->name, client->config->name)) {
        return LFCP_NOT_FOR_ME;
    }
    if (!lfcp_signs(client)) {
        return message->has_signature || message->verb == LFCP_VERB_SYNC ? LFCP_NOT_FOR_ME : LFCP_OK;
    }
    lfcp_status status = lfcp_verify(client->config->crypto, client->servers[server].tag_down, frame, message);
    return status == LFCP_OK ? accept(client, server, message) : status;
}

lfcp_status lfcp_client_receive(lfcp_client *client, unsigned server, const uint8_t *frame, size_t length,
                                uint64_t now_ms, lfcp_event *event)
{
    lfcp_message message;
    event->kind = LFCP_EVENT_NONE;
    event->verb = LFCP_VERB_ACK;
    event->number = 0;
    if (server >= client->config->servers) {
        return LFCP_INVALID;
    }
    lfcp_client_advance(client, now_ms);
    lfcp_status status = lfcp_decode(frame, length, &message);
    if (status == LFCP_OK) {
        status = check(client, server, frame, &message);
    }
    if (status != LFCP_OK) {
        return status;
    }
    event->verb = message.verb;
    if (message.verb == LFCP_VERB_SYNC) {
        return receive_sync(client, server, &message, event);
    }
    if (is_command(&message)) {
        return receive_command(client, server, &message, event);
    }
    bool taken = taken_by_module(client, server, &message);
    if (message.verb == LFCP_VERB_ACK) {
        return receive_ack(client, server, &message, event);
    }
    if (taken) {
        heard(client, server);
    }
    return taken ? LFCP_OK : LFCP_NOT_FOR_ME;
}
