/* What a server's ACK acknowledges. In LFCP/2 it says so; in LFCP/1 it has to be guessed, as in docs/protocol.md,
 * "Messages and their repetition". */
#include "lfcp_client_internal.h"

#define RESULT 1   /* p2 */
#define INTERVAL 3 /* p4 */
#define INTERVAL_DIGITS 6
#define ANSWER_WAIT_MS 2000 /* in which a heartbeat's answer is expected */

/* False without one. */
static bool allowed_interval(const lfcp_message *message, uint32_t *seconds)
{
    uint64_t number;
    bool good = lfcp_read_decimal(message->params[INTERVAL], INTERVAL_DIGITS, &number) && number != 0;
    *seconds = good ? (uint32_t)number : 0;
    return good;
}

static void beat_acknowledged(lfcp_client *client, unsigned at, const lfcp_message *message, uint64_t answers,
                              lfcp_event *event)
{
    lfcp_client_server *server = &client->servers[at];
    uint32_t seconds;
    if (allowed_interval(message, &seconds)) {
        lfcp_heartbeat_allowed(client, server, seconds);
    }
    event->kind = LFCP_EVENT_HEARTBEAT_ANSWERED;
    event->number = seconds;
    if (lfcp_heartbeat_is_it(client, at, answers)) {
        server->unanswered = false;
        if (lfcp_same_text(message->params[RESULT], "1")) {
            lfcp_heartbeat_wanted(server);
        }
    }
}

/* Of what is neither a known message's nor SLEP's, the interval tells that it is a heartbeat's. */
void lfcp_acks_signed(lfcp_client *client, unsigned server, const lfcp_message *message, uint64_t answers,
                      lfcp_event *event)
{
    uint32_t seconds;
    uint8_t place = lfcp_messages_copy(client, server, answers);
    if (place == LFCP_SLEEP ||
        (place == LFCP_NONE && lfcp_counter_is_ours(client, answers) && allowed_interval(message, &seconds))) {
        beat_acknowledged(client, server, message, answers, event);
    } else if (place != LFCP_NONE) {
        lfcp_messages_acknowledged(client, server, place, event);
    }
}

/* In doubt it is the heartbeat's: then a message is sent once too often instead of being lost. */
static bool answers_heartbeat(const lfcp_client *client, const lfcp_client_server *server)
{
    if (server->names_heartbeats || !server->unanswered) {
        return false;
    }
    return server->in_flight == LFCP_NONE || client->now - server->last_beat <= ANSWER_WAIT_MS;
}

void lfcp_acks_unsigned(lfcp_client *client, unsigned at, const lfcp_message *message, lfcp_event *event)
{
    lfcp_client_server *server = &client->servers[at];
    uint32_t seconds;
    bool allows = allowed_interval(message, &seconds);
    if (allows) {
        server->names_heartbeats = true;
        lfcp_heartbeat_allowed(client, server, seconds);
    }
    if (allows || answers_heartbeat(client, server)) {
        server->unanswered = false;
        event->kind = LFCP_EVENT_HEARTBEAT_ANSWERED;
        event->number = seconds;
    } else if (server->in_flight != LFCP_NONE) {
        lfcp_messages_acknowledged(client, at, server->in_flight, event);
    }
}
