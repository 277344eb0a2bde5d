/* What a command does: its handler's work, or the client's own. */
#include <string.h>

#include "lfcp_client_internal.h"

#define VERSION_DIGITS 10
#define LIVE_DIGITS 3

static const char bad_parameter[] = "has a bad parameter";
static const char not_supported[] = "is not supported";

/* Acknowledged before it is obeyed, and remembered beyond the restart. */
static bool ends_the_run(lfcp_verb verb)
{
    return verb == LFCP_VERB_RST || verb == LFCP_VERB_DSLP;
}

bool lfcp_dispatch_is_own(lfcp_verb verb)
{
    return verb == LFCP_VERB_ENAL || verb == LFCP_VERB_DSAL || verb == LFCP_VERB_WCAM || verb == LFCP_VERB_SCAM ||
           verb == LFCP_VERB_CONF;
}

const lfcp_command_entry *lfcp_dispatch_entry(const lfcp_client *client, lfcp_verb verb)
{
    const lfcp_config *config = client->config;
    for (size_t at = 0; at < config->command_count; at++) {
        if (config->commands[at].verb == verb) {
            return &config->commands[at];
        }
    }
    return NULL;
}

/* Called by the poll after the one that handed the ACK out. A restart does not return. */
void lfcp_dispatch_obey(lfcp_client *client)
{
    const lfcp_command command = {(lfcp_verb)client->obey, client->running_server, "0", "0"};
    if (client->obey == 0) {
        return;
    }
    const lfcp_command_entry *entry = lfcp_dispatch_entry(client, command.verb);
    client->obey = 0;
    entry->handler(entry->context, client, &command);
}

/* An older version of the wanted state than the one followed is acknowledged, and nothing else. */
static bool switch_as_wanted(lfcp_client *client, lfcp_verb verb, uint64_t version)
{
    if (version != 0 && version < client->wanted_version) {
        return false;
    }
    if (version != 0) {
        client->wanted_version = version;
    }
    if (verb == LFCP_VERB_ENAL || verb == LFCP_VERB_DSAL) {
        client->detector_wanted = verb == LFCP_VERB_ENAL;
    } else {
        client->camera_wanted = verb == LFCP_VERB_WCAM;
    }
    return true;
}

/* The text of why not, or NULL. *changed: the handler is to know of it. */
static const char *do_own(lfcp_client *client, const lfcp_command *command, bool *changed)
{
    uint64_t version = 0;
    *changed = true;
    if (command->verb == LFCP_VERB_CONF) {
        lfcp_status status = lfcp_settings_keep(client, command->p1, command->p2);
        return status == LFCP_OK ? NULL : status == LFCP_BAD_PARAMETER ? bad_parameter : "cannot be kept";
    }
    if (lfcp_signs(client) && !lfcp_read_decimal(lfcp_text_of(command->p1), VERSION_DIGITS, &version)) {
        return bad_parameter;
    }
    *changed = switch_as_wanted(client, command->verb, version);
    return NULL;
}

static const char *finish_own(lfcp_client *client, const lfcp_command_entry *entry, const lfcp_command *command)
{
    bool changed;
    const char *fault = do_own(client, command, &changed);
    if (fault == NULL) {
        (void)lfcp_client_command_done(client);
        if (changed && entry->handler != NULL) {
            entry->handler(entry->context, client, command);
        }
    }
    return fault;
}

static const char *promise(lfcp_client *client, lfcp_verb verb)
{
    if (lfcp_signs(client) && lfcp_memory_keep(client, client->running) != LFCP_OK) {
        return "cannot be kept";
    }
    client->obey = (uint8_t)verb;
    (void)lfcp_client_command_done(client);
    return NULL;
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
    text[status == LFCP_OK ? length : 0] = '\0';
    lfcp_wipe(key, sizeof key);
    return status;
}

/* A parameter as text that ends with NUL, opened if it came sealed. */
static bool read_parameter(const lfcp_client *client, const lfcp_message *message, unsigned at, char *text, size_t size)
{
    const lfcp_verb_entry *entry = lfcp_verb_entry_of(message->verb);
    const lfcp_text *param = &message->params[at - 1];
    if (lfcp_signs(client) && client->running != LFCP_DIRECT && entry->secret && entry->limit[at - 1] != 0) {
        return unseal(client, message, at, text, size) == LFCP_OK;
    }
    memcpy(text, param->at, param->length);
    text[param->length] = '\0';
    return true;
}

/* Of SNAP and LIVE; the client's own commands look at theirs themselves. */
static bool is_good(lfcp_verb verb, const char *p1)
{
    char label;
    uint64_t number = 0;
    if (verb == LFCP_VERB_SNAP) {
        return lfcp_read_command_id(lfcp_text_of(p1), &label, &number);
    }
    return verb != LFCP_VERB_LIVE || (lfcp_read_decimal(lfcp_text_of(p1), LIVE_DIGITS, &number) && number >= 1 &&
                                      number <= LFCP_MAX_LIVE);
}

static const char *carry_out(lfcp_client *client, const lfcp_command_entry *entry, const lfcp_message *message)
{
    char p1[LFCP_SIGNED_MAX_FIELD + 1];
    char p2[LFCP_SIGNED_MAX_FIELD + 1];
    const lfcp_command command = {message->verb, client->running_server, p1, p2};
    const char *fault = NULL;
    if (!read_parameter(client, message, 1, p1, sizeof p1) || !read_parameter(client, message, 2, p2, sizeof p2) ||
        !is_good(message->verb, p1)) {
        fault = bad_parameter;
    } else if (lfcp_dispatch_is_own(message->verb)) {
        fault = finish_own(client, entry, &command);
    } else {
        entry->handler(entry->context, client, &command);
    }
    lfcp_wipe(p1, sizeof p1);
    lfcp_wipe(p2, sizeof p2);
    return fault;
}

/* Without room for the ERR, the ACK alone says that it failed. */
static void refuse(lfcp_client *client, lfcp_verb verb, const char *fault)
{
    char text[LFCP_SEND_MAX_FIELD + 1] = {0};
    lfcp_writer writer = {text, LFCP_SEND_MAX_FIELD, 0};
    lfcp_put_word(&writer, lfcp_verb_entry_of(verb)->name);
    lfcp_put_word(&writer, " ");
    lfcp_put_word(&writer, fault);
    (void)lfcp_client_command_failed(client, text, client->now - client->offset);
}

void lfcp_dispatch(lfcp_client *client, const lfcp_message *message, lfcp_event *event)
{
    const lfcp_command_entry *entry = lfcp_dispatch_entry(client, message->verb);
    const char *fault;
    if (entry == NULL) {
        fault = not_supported;
    } else if (ends_the_run(message->verb)) {
        fault = promise(client, message->verb);
    } else {
        fault = carry_out(client, entry, message);
    }
    event->kind = fault == NULL ? LFCP_EVENT_COMMAND : LFCP_EVENT_COMMAND_REFUSED;
    if (fault != NULL) {
        refuse(client, message->verb, fault);
    }
}

bool lfcp_dispatch_is_by_handler(lfcp_verb verb)
{
    return !ends_the_run(verb) && !lfcp_dispatch_is_own(verb);
}

/* What ends the run is obeyed by the poll after its answer, as always. */
const char *lfcp_dispatch_directly(lfcp_client *client, unsigned server, const lfcp_message *message)
{
    const lfcp_command_entry *entry = lfcp_dispatch_entry(client, message->verb);
    if (entry == NULL) {
        return not_supported;
    }
    client->running_server = (uint8_t)server;
    if (ends_the_run(message->verb)) {
        client->obey = (uint8_t)message->verb;
        return NULL;
    }
    client->running = LFCP_DIRECT;
    const char *fault = carry_out(client, entry, message);
    if (fault != NULL) {
        client->running = LFCP_NONE;
    }
    return fault;
}
