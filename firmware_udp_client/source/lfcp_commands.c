/* Commands: carried out once, acknowledged as often as they are repeated. */
#include <string.h>

#include "lfcp_client_internal.h"

#define ID 2 /* p3 */
#define VERSION_DIGITS 10

bool lfcp_commands_carried_out_here(lfcp_verb verb)
{
    return verb == LFCP_VERB_ENAL || verb == LFCP_VERB_DSAL || verb == LFCP_VERB_WCAM || verb == LFCP_VERB_SCAM ||
           verb == LFCP_VERB_CONF;
}

const lfcp_command_entry *lfcp_commands_entry(const lfcp_client *client, lfcp_verb verb)
{
    const lfcp_config *config = client->config;
    for (size_t at = 0; at < config->command_count; at++) {
        if (config->commands[at].verb == verb) {
            return &config->commands[at];
        }
    }
    return NULL;
}

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
    char texts[2][LFCP_SEND_MAX_FIELD];
    lfcp_writer answers = {texts[0], sizeof texts[0], 0};
    lfcp_writer id = {texts[1], sizeof texts[1], 0};
    lfcp_put_hex(&answers, server->ack_answers);
    lfcp_put_command_id(&id, memory->labels[place], memory->numbers[place]);
    const char *result = (memory->failed >> place & 1u) != 0 ? "1" : "0";
    const lfcp_text params[] = {lfcp_written(&answers), {result, 1}, {"0", 1}, lfcp_written(&id)};
    lfcp_status status = lfcp_client_encode(client, at, LFCP_VERB_ACK, params, lfcp_signs(client) ? 4 : 0, out);
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
    owe_ack(client, client->running_server, client->running, client->running_answers);
    client->running = LFCP_NONE;
    return LFCP_OK;
}

static lfcp_status fail(lfcp_client *client, const char *text)
{
    uint8_t place = client->running;
    char fit[LFCP_SEND_MAX_FIELD + 1];
    lfcp_status status = lfcp_client_command_done(client);
    if (status != LFCP_OK) {
        return status;
    }
    client->memory.failed |= (uint16_t)(lfcp_signs(client) ? 1u << place : 0u);
    lfcp_make_fit(fit, text);
    return lfcp_messages_put(client, LFCP_VERB_ERR, fit, place);
}

lfcp_status lfcp_client_command_failed(lfcp_client *client, const char *text, uint64_t now_ms)
{
    lfcp_client_advance(client, now_ms);
    return fail(client, text);
}

/* Called by the poll after the one that handed the ACK out. A restart does not return. */
void lfcp_commands_obey(lfcp_client *client)
{
    lfcp_command command = {(lfcp_verb)client->obey, client->running_server, "0", "0"};
    if (client->obey == 0) {
        return;
    }
    const lfcp_command_entry *entry = lfcp_commands_entry(client, command.verb);
    client->obey = 0;
    entry->handler(entry->context, client, &command);
}

static void refuse(lfcp_client *client, const char *why, lfcp_event *event)
{
    (void)fail(client, why); /* without room for the ERR the ACK alone says that it failed */
    event->kind = LFCP_EVENT_COMMAND_REFUSED;
}

static void restart_or_sleep(lfcp_client *client, lfcp_verb verb, lfcp_event *event)
{
    if (lfcp_signs(client) && lfcp_memory_keep(client, client->running) != LFCP_OK) {
        refuse(client, "cannot be remembered", event);
        return;
    }
    client->obey = (uint8_t)verb;
    (void)lfcp_client_command_done(client);
}

/* An older version of the wanted state than the one followed is acknowledged, and nothing else. */
static bool switch_as_wanted(lfcp_client *client, const lfcp_command *command, uint64_t version)
{
    if (version != 0 && version < client->wanted_version) {
        return false;
    }
    if (version != 0) {
        client->wanted_version = version;
    }
    if (command->verb == LFCP_VERB_ENAL || command->verb == LFCP_VERB_DSAL) {
        client->detector_wanted = command->verb == LFCP_VERB_ENAL;
    } else {
        client->camera_wanted = command->verb == LFCP_VERB_WCAM;
    }
    return true;
}

/* NULL, or why not. *changed: the handler is to know of it. */
static const char *carry_out_here(lfcp_client *client, const lfcp_command *command, bool *changed)
{
    uint64_t version = 0;
    if (command->verb == LFCP_VERB_CONF) {
        lfcp_status status = lfcp_settings_keep(client, command->p1, command->p2);
        *changed = status == LFCP_OK;
        return *changed ? NULL : lfcp_status_text(status);
    }
    if (lfcp_signs(client) && !lfcp_read_decimal(lfcp_text_of(command->p1), VERSION_DIGITS, &version)) {
        return lfcp_status_text(LFCP_BAD_PARAMETER);
    }
    *changed = switch_as_wanted(client, command, version);
    return NULL;
}

static void settle_here(lfcp_client *client, const lfcp_command_entry *entry, const lfcp_command *command,
                        lfcp_event *event)
{
    bool changed = false;
    const char *why = carry_out_here(client, command, &changed);
    if (why != NULL) {
        refuse(client, why, event);
        return;
    }
    (void)lfcp_client_command_done(client);
    if (changed && entry->handler != NULL) {
        entry->handler(entry->context, client, command);
    }
}

static void dispatch(lfcp_client *client, const lfcp_command *command, lfcp_event *event)
{
    const lfcp_command_entry *entry = lfcp_commands_entry(client, command->verb);
    event->kind = LFCP_EVENT_COMMAND;
    if (entry == NULL) {
        refuse(client, "unknown command", event);
    } else if (command->verb == LFCP_VERB_RST || command->verb == LFCP_VERB_DSLP) {
        restart_or_sleep(client, command->verb, event);
    } else if (lfcp_commands_carried_out_here(command->verb)) {
        settle_here(client, entry, command, event);
    } else {
        entry->handler(entry->context, client, command);
    }
}

static lfcp_status unseal(const lfcp_client *client, const lfcp_message *message, unsigned at, char *text, size_t size)
{
    const lfcp_config *config = client->config;
    uint8_t key[LFCP_KEY];
    size_t length = 0;
    lfcp_status status = lfcp_derive(config->crypto, config->key, LFCP_PURPOSE_SEAL, LFCP_WAY_DOWN,
                                     config->labels[client->running_server], key);
    if (status == LFCP_OK) {
        status = lfcp_unseal(config->crypto, key, message->counter, message->name, message->verb, at,
                             message->params[at - 1], text, size - 1, &length);
    }
    text[length] = '\0';
    lfcp_wipe(key, sizeof key);
    return status;
}

/* A parameter as text that ends with NUL, opened if it came sealed. */
static lfcp_status read_parameter(const lfcp_client *client, const lfcp_message *message, unsigned at, char *text,
                                  size_t size)
{
    const lfcp_verb_entry *entry = lfcp_verb_entry_of(message->verb);
    const lfcp_text *param = &message->params[at - 1];
    if (lfcp_signs(client) && entry->secret && entry->limit[at - 1] != 0) {
        return unseal(client, message, at, text, size);
    }
    memcpy(text, param->at, param->length);
    text[param->length] = '\0';
    return LFCP_OK;
}

static void execute(lfcp_client *client, const lfcp_message *message, lfcp_event *event)
{
    char p1[LFCP_SIGNED_MAX_FIELD + 1];
    char p2[LFCP_SIGNED_MAX_FIELD + 1];
    lfcp_command command = {message->verb, client->running_server, p1, p2};
    lfcp_status status = read_parameter(client, message, 1, p1, sizeof p1);
    if (status == LFCP_OK) {
        status = read_parameter(client, message, 2, p2, sizeof p2);
    }
    if (status == LFCP_OK) {
        dispatch(client, &command, event);
    } else {
        refuse(client, lfcp_status_text(status), event);
    }
    lfcp_wipe(p1, sizeof p1);
    lfcp_wipe(p2, sizeof p2);
}

static lfcp_status repeated(lfcp_client *client, unsigned server, uint8_t place, uint64_t answers, lfcp_event *event)
{
    event->kind = LFCP_EVENT_COMMAND_REPEATED;
    if (place != client->running) {
        owe_ack(client, server, place, answers);
    }
    return LFCP_OK;
}

/* One at a time: what cannot be begun now is repeated by its server. */
lfcp_status lfcp_commands_receive(lfcp_client *client, unsigned server, const lfcp_message *message, lfcp_event *event)
{
    char label;
    uint64_t number;
    uint8_t place = 0;
    if (lfcp_signs(client)) {
        if (!lfcp_read_command_id(message->params[ID], &label, &number)) {
            return LFCP_BAD_PARAMETER;
        }
        place = lfcp_memory_find(&client->memory, label, number);
        if (place != LFCP_NONE) {
            return repeated(client, server, place, message->counter, event);
        }
    }
    if (client->running != LFCP_NONE || client->obey != 0) {
        return LFCP_OK;
    }
    if (lfcp_signs(client)) {
        place = lfcp_memory_add(client, label, number);
    }
    client->running = place;
    client->running_server = (uint8_t)server;
    client->running_answers = message->counter;
    execute(client, message, event);
    return LFCP_OK;
}
