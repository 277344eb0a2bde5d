/* LOG, ERR and MOAL on their way to a server: one in flight to each, and repeated until that one acknowledges. In
 * LFCP/1 an ACK does not say what it acknowledges, which costs pauses; in LFCP/2 it names the counter of a copy. */
#include <string.h>

#include "lfcp_client_internal.h"

#define SPREAD_PERCENT 10 /* of each wait, either way, so that a fleet does not resend in step */
#define MOST_AGE 9999999u /* s: as many digits as the verb table gives to an age */

/* Nothing in flight and nothing sent may name this place any longer. */
static void forget_place(lfcp_client *client, uint8_t place)
{
    for (unsigned at = 0; at < client->config->servers; at++) {
        lfcp_client_server *server = &client->servers[at];
        for (unsigned copy = 0; copy < LFCP_CLIENT_COPIES; copy++) {
            if (server->copy_places[copy] == place) {
                server->copy_places[copy] = LFCP_NONE;
            }
        }
        if (server->in_flight == place) {
            server->in_flight = LFCP_NONE;
            server->sends = 0;
            server->resend_at = lfcp_signs(client) ? 0 : server->sent_at + LFCP_RESEND_QUIET_MS;
        }
    }
}

lfcp_status lfcp_messages_put(lfcp_client *client, lfcp_verb verb, const char *text, uint8_t command)
{
    lfcp_event_queue *queue = &client->queue;
    unsigned servers = client->config->servers;
    uint8_t place = lfcp_queue_make_room(queue, verb, servers);
    if (place == LFCP_NONE) {
        return LFCP_NO_ROOM;
    }
    forget_place(client, place);
    lfcp_queued *queued = &queue->places[place];
    memset(queued, 0, sizeof *queued);
    memcpy(queued->text, text, strlen(text));
    queued->verb = (uint8_t)verb;
    queued->waiting = (uint8_t)((1u << servers) - 1);
    queued->number = ++queue->last_number;
    queued->happened_s = (uint32_t)(client->now / 1000);
    queued->happened_ms = (uint16_t)(client->now % 1000);
    if (command != LFCP_NONE) {
        queued->command_label = client->memory.labels[command];
        queue->commands[place] = client->memory.numbers[command];
    }
    return LFCP_OK;
}

lfcp_status lfcp_client_queue(lfcp_client *client, lfcp_verb verb, const char *text, uint64_t now_ms)
{
    char fit[LFCP_SEND_MAX_FIELD + 1];
    if (verb != LFCP_VERB_MOAL && verb != LFCP_VERB_LOG && verb != LFCP_VERB_ERR) {
        return LFCP_INVALID;
    }
    lfcp_client_advance(client, now_ms);
    lfcp_make_fit(fit, text);
    if (verb == LFCP_VERB_MOAL) {
        lfcp_failover_tell(client, fit);
    }
    return lfcp_messages_put(client, verb, fit, LFCP_NONE);
}

uint64_t lfcp_messages_due(const lfcp_client *client, unsigned at)
{
    const lfcp_client_server *server = &client->servers[at];
    uint8_t best = lfcp_queue_next(&client->queue, at);
    if (server->in_flight == LFCP_NONE) {
        return best == LFCP_NONE ? LFCP_NEVER : server->resend_at;
    }
    if (best == LFCP_NONE || !lfcp_queue_more_urgent(&client->queue, best, server->in_flight)) {
        return server->resend_at;
    }
    uint64_t yields_at = lfcp_signs(client) ? 0 : server->sent_at + LFCP_RESEND_QUIET_MS;
    return yields_at < server->resend_at ? yields_at : server->resend_at;
}

static void land(lfcp_client_server *server)
{
    server->in_flight = LFCP_NONE;
    server->sends = 0;
    server->resend_at = 0;
}

/* It was sent long enough ago without an ACK that its place may be given away. */
static void take_off(lfcp_client *client, unsigned at)
{
    lfcp_client_server *server = &client->servers[at];
    if (server->in_flight != LFCP_NONE && server->sends > LFCP_RESENDS) {
        lfcp_queue_tired(&client->queue, server->in_flight, at);
    }
    uint8_t best = lfcp_queue_next(&client->queue, at);
    if (server->in_flight != best) {
        land(server);
        server->in_flight = best;
    }
}

static uint32_t next_wait(lfcp_client *client, unsigned sends)
{
    uint32_t wait = LFCP_RESEND_FIRST_MS;
    for (; sends > 0; sends--) {
        wait = wait * LFCP_RESEND_GROWTH_PERCENT / 100;
    }
    uint32_t spread = wait * SPREAD_PERCENT / 100;
    return wait - spread + lfcp_client_part(client, 2 * spread);
}

static uint32_t age_of(const lfcp_client *client, const lfcp_queued *queued)
{
    uint64_t age = (client->now - (queued->happened_s * UINT64_C(1000) + queued->happened_ms)) / 1000;
    return age < MOST_AGE ? (uint32_t)age : MOST_AGE;
}

static lfcp_text text_of(const lfcp_queued *queued)
{
    size_t length = 0;
    while (length < sizeof queued->text && queued->text[length] != '\0') {
        length++;
    }
    return (lfcp_text){queued->text, length};
}

static lfcp_status encode_queued(lfcp_client *client, unsigned server, uint8_t place, const lfcp_outgoing *out)
{
    const lfcp_queued *queued = &client->queue.places[place];
    lfcp_params params;
    lfcp_writer *writer = lfcp_params_begin(&params);
    lfcp_put(writer, text_of(queued));
    lfcp_params_next(&params);
    lfcp_put_decimal(writer, age_of(client, queued));
    lfcp_params_next(&params);
    lfcp_put_of_boot(writer, client, queued->number);
    lfcp_params_next(&params);
    lfcp_put_command_id(writer, queued->command_label, client->queue.commands[place]);
    lfcp_params_next(&params);
    size_t count = !lfcp_signs(client) ? 1 : queued->command_label == 0 ? 3 : 4;
    return lfcp_client_encode(client, server, (lfcp_verb)queued->verb, params.each, count, out);
}

/* Remembers the counter of the copy that was sent last. */
void lfcp_messages_sent(lfcp_client *client, unsigned at, uint8_t place)
{
    lfcp_client_server *server = &client->servers[at];
    server->copies[server->copy_next] = (uint32_t)client->counter;
    server->copy_places[server->copy_next] = place;
    server->copy_next = (uint8_t)((server->copy_next + 1) % LFCP_CLIENT_COPIES);
}

lfcp_status lfcp_messages_send(lfcp_client *client, unsigned at, const lfcp_outgoing *out)
{
    lfcp_client_server *server = &client->servers[at];
    take_off(client, at);
    if (server->in_flight == LFCP_NONE) {
        return LFCP_OK;
    }
    lfcp_status status = encode_queued(client, at, server->in_flight, out);
    if (status != LFCP_OK) {
        return status;
    }
    lfcp_messages_sent(client, at, server->in_flight);
    server->sent_at = client->now;
    server->resend_at = client->now + next_wait(client, server->sends);
    server->sends++;
    return LFCP_OK;
}

/* The place of the message that went out under this counter, LFCP_SLEEP, or LFCP_NONE for any other frame. The lower
 * half of a counter is enough: no device sends 2^32 frames between two starts. */
uint8_t lfcp_messages_copy(const lfcp_client *client, unsigned server, uint64_t counter)
{
    const lfcp_client_server *known = &client->servers[server];
    if (!lfcp_counter_is_ours(client, counter)) {
        return LFCP_NONE;
    }
    for (unsigned copy = 0; copy < LFCP_CLIENT_COPIES; copy++) {
        if (known->copy_places[copy] != LFCP_NONE && known->copies[copy] == (uint32_t)counter) {
            return known->copy_places[copy];
        }
    }
    return LFCP_NONE;
}

/* In LFCP/1, after repetitions, late ACKs must not be taken for the next message's. */
void lfcp_messages_acknowledged(lfcp_client *client, unsigned at, uint8_t place, lfcp_event *event)
{
    lfcp_client_server *server = &client->servers[at];
    const lfcp_queued *queued = &client->queue.places[place];
    if (!lfcp_queue_waits_for(&client->queue, place, at)) {
        return;
    }
    event->kind = LFCP_EVENT_MESSAGE_STORED;
    event->verb = (lfcp_verb)queued->verb;
    event->number = queued->number;
    lfcp_queue_acknowledged(&client->queue, place, at);
    if (server->in_flight != place) {
        return;
    }
    bool quiet = server->sends > 1 && !lfcp_signs(client);
    land(server);
    if (quiet) {
        server->resend_at = client->now + LFCP_RESEND_QUIET_MS;
    }
}
