/* What the servers may ask for. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "bounded_text.h"
#include "device.h"
#include "journal.h"

#define RECORD_SECRETS "secrets"
#define NOT_KEPT "it cannot be kept: the state directory fails"

static device *device_of(lfcp_client *client)
{
    return (device *)((char *)client - offsetof(device, client));
}

static void finish(device *of, const char *verb, const char *problem)
{
    if (problem == NULL) {
        journal("done %s", verb);
    } else {
        journal("failed %s: %s", verb, problem);
    }
    if (device_direct_ended(of, problem)) {
        return;
    }
    if (problem == NULL) {
        lfcp_client_command_done(&of->client);
    } else {
        lfcp_client_command_failed(&of->client, problem, of->now);
    }
}

/* Before what it does. */
static device *begin(lfcp_client *client, const lfcp_command *command)
{
    device *of = device_of(client);
    journal("command %c %s", of->settings->servers[command->server].label, lfcp_verb_entry_of(command->verb)->name);
    return of;
}

void device_picture_command_ended(device *of, const char *problem)
{
    finish(of, "TLGS", problem);
}

static void send_picture(void *context, lfcp_client *client, const lfcp_command *command)
{
    device *of = begin(client, command);
    const char *problem = device_picture_start(of, PICTURE_FOR_COMMAND, "");
    if (problem != NULL) {
        device_picture_command_ended(of, problem);
    }
    (void)context;
}

static void upload_picture(void *context, lfcp_client *client, const lfcp_command *command)
{
    device *of = begin(client, command);
    finish(of, "SNAP", device_upload(of, LFCP_TRIGGER_COMMAND, command->p1, command->server));
    (void)context;
}

static void go_live(void *context, lfcp_client *client, const lfcp_command *command)
{
    device *of = begin(client, command);
    uint32_t seconds = 0;
    text_to_number(command->p1, strlen(command->p1), 1, LFCP_MAX_LIVE, &seconds); /* the client has looked at it */
    picture_uploads_live(&of->uploads, command->server, seconds, of->now);
    finish(of, "LIVE", NULL);
    (void)context;
}

static bool keep(device *of, const picture_secrets *changed)
{
    const lfcp_storage storage = of->config.storage;
    if (storage.write(storage.context, RECORD_SECRETS, (const uint8_t *)changed, sizeof *changed) != 0) {
        return false;
    }
    of->secrets = *changed;
    return true;
}

static void keep_telegram(void *context, lfcp_client *client, const lfcp_command *command)
{
    device *of = begin(client, command);
    picture_secrets changed = of->secrets;
    const bool fits = text_copy(changed.telegram_token, sizeof changed.telegram_token, command->p1, strlen(command->p1)) &&
                      text_copy(changed.telegram_chat, sizeof changed.telegram_chat, command->p2, strlen(command->p2));
    finish(of, "TLGC", fits && keep(of, &changed) ? NULL : NOT_KEPT);
    (void)context;
}

static void keep_prusaconnect(void *context, lfcp_client *client, const lfcp_command *command)
{
    device *of = begin(client, command);
    picture_secrets changed = of->secrets;
    const bool fits =
        text_copy(changed.prusaconnect_token, sizeof changed.prusaconnect_token, command->p1, strlen(command->p1));
    finish(of, "PRCC", fits && keep(of, &changed) ? NULL : NOT_KEPT);
    (void)context;
}

bool device_secrets_read(device *of)
{
    const lfcp_storage storage = of->config.storage;
    if (storage.read(storage.context, RECORD_SECRETS, (uint8_t *)&of->secrets, sizeof of->secrets) < 0) {
        fprintf(stderr, "lfcp-device: --state: the record %s cannot be read\n", RECORD_SECRETS);
        return false;
    }
    return true;
}

static void restart(void *context, lfcp_client *client, const lfcp_command *command)
{
    begin(client, command)->end = DEVICE_RESTART;
    (void)context;
}

static void sleep_deeply(void *context, lfcp_client *client, const lfcp_command *command)
{
    device *of = begin(client, command);
    device_sleep(of, of->settings->sleep_s);
    (void)context;
}

static void apply_setting(void *context, lfcp_client *client, const lfcp_command *command)
{
    begin(client, command);
    journal("setting %s %s", command->p1, command->p2);
    (void)context;
}

/* The client has done it already. */
static void note(void *context, lfcp_client *client, const lfcp_command *command)
{
    begin(client, command);
    (void)context;
}

const lfcp_command_entry device_commands[] = {
    {LFCP_VERB_TLGS, send_picture, NULL}, {LFCP_VERB_TLGC, keep_telegram, NULL},
    {LFCP_VERB_PRCC, keep_prusaconnect, NULL}, {LFCP_VERB_RST, restart, NULL},
    {LFCP_VERB_DSLP, sleep_deeply, NULL}, {LFCP_VERB_CONF, apply_setting, NULL},
    {LFCP_VERB_WCAM, note, NULL}, {LFCP_VERB_SCAM, note, NULL},
    {LFCP_VERB_ENAL, note, NULL}, {LFCP_VERB_DSAL, note, NULL},
    {LFCP_VERB_SNAP, upload_picture, NULL}, {LFCP_VERB_LIVE, go_live, NULL},
};
const size_t device_command_count = sizeof device_commands / sizeof device_commands[0];
