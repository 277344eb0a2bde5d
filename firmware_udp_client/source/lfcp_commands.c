/* Commands: one at a time, each begun once, and acknowledged as often as it is repeated. */
#include "lfcp_client_internal.h"

#define ID 2 /* p3 */

static void owe_ack(lfcp_client *client, unsigned server, uint8_t place, uint64_t answers)
{
    lfcp_client_server *asker = &client->servers[server];
    asker->ack_owed = true;
    asker->ack_place = place;
    asker->ack_answers = answers;
}

lfcp_status lfcp_commands_send_ack(lfcp_client *client, unsigned at, const lfcp_outgoing *out)
{
    lfcp_client_server *server = &client->servers[at];
    const lfcp_command_memory *memory = &client->memory;
    uint8_t place = server->ack_place;
    lfcp_params params;
    lfcp_writer *writer = lfcp_params_begin(&params);
    lfcp_put_hex(writer, server->ack_answers);
    lfcp_params_next(&params);
    lfcp_put_hex(writer, (unsigned)memory->failed >> place & 1u);
    lfcp_params_next(&params);
    lfcp_put_word(writer, "0");
    lfcp_params_next(&params);
    lfcp_put_command_id(writer, memory->labels[place], memory->numbers[place]);
    lfcp_params_next(&params);
    lfcp_status status = lfcp_client_encode(client, at, LFCP_VERB_ACK, params.each, lfcp_signs(client) ? 4 : 0, out);
    if (status == LFCP_OK) {
        server->ack_owed = false;
    }
    return status;
}

lfcp_status lfcp_client_command_done(lfcp_client *client)
{
    if (client->running == LFCP_NONE) {
        return LFCP_INVALID;
    }
    if (client->running != LFCP_DIRECT) {
        owe_ack(client, client->running_server, client->running, client->running_answers);
    }
    client->running = LFCP_NONE;
    return LFCP_OK;
}

lfcp_status lfcp_client_command_failed(lfcp_client *client, const char *text, uint64_t now_ms)
{
    uint8_t place = client->running;
    char fit[LFCP_SEND_MAX_FIELD + 1];
    lfcp_client_advance(client, now_ms);
    lfcp_status status = lfcp_client_command_done(client);
    if (status != LFCP_OK || place == LFCP_DIRECT) {
        return status;
    }
    client->memory.failed |= (uint16_t)(1u << place);
    lfcp_make_fit(fit, text);
    return lfcp_messages_put(client, LFCP_VERB_ERR, fit, place);
}

bool lfcp_commands_id_good(const lfcp_message *message)
{
    char label;
    uint64_t number;
    return lfcp_read_command_id(message->params[ID], &label, &number);
}

/* Its place in the memory; in LFCP/1, which has no ids, always the same. LFCP_NONE: it was begun before. */
static uint8_t new_place(lfcp_client *client, unsigned server, const lfcp_message *message)
{
    char label;
    uint64_t number;
    if (!lfcp_signs(client)) {
        return 0;
    }
    (void)lfcp_read_command_id(message->params[ID], &label, &number);
    uint8_t place = lfcp_memory_find(&client->memory, label, number);
    if (place == LFCP_NONE) {
        return lfcp_commands_busy(client) ? LFCP_NONE : lfcp_memory_add(client, label, number);
    }
    if (place != client->running) {
        owe_ack(client, server, place, message->counter);
    }
    return LFCP_NONE;
}

/* What cannot be begun now is repeated by its server. */
void lfcp_commands_receive(lfcp_client *client, unsigned server, const lfcp_message *message, lfcp_event *event)
{
    uint8_t place = new_place(client, server, message);
    if (place == LFCP_NONE || lfcp_commands_busy(client)) {
        event->kind = LFCP_EVENT_COMMAND_REPEATED;
        return;
    }
    client->running = place;
    client->running_server = (uint8_t)server;
    client->running_answers = message->counter;
    lfcp_dispatch(client, message, event);
}

bool lfcp_commands_busy(const lfcp_client *client)
{
    return client->running != LFCP_NONE || client->obey != 0;
}
