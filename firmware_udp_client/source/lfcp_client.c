/* A client's start, clock and sleep, and what it says of itself. */
#include <string.h>

#include "lfcp_client_internal.h"

static bool labels_good(const lfcp_config *config)
{
    for (unsigned at = 0; at < config->servers; at++) {
        if (config->labels[at] < 'A' || config->labels[at] > 'Z') {
            return false;
        }
        for (unsigned other = 0; other < at; other++) {
            if (config->labels[at] == config->labels[other]) {
                return false;
            }
        }
    }
    return config->crypto != NULL;
}

static bool commands_good(const lfcp_config *config)
{
    for (size_t at = 0; at < config->command_count; at++) {
        lfcp_verb verb = config->commands[at].verb;
        if (verb >= LFCP_VERB_COUNT || !lfcp_verb_entry_of(verb)->command ||
            (config->commands[at].handler == NULL && !lfcp_dispatch_is_own(verb))) {
            return false;
        }
    }
    return true;
}

static bool callbacks_good(const lfcp_config *config)
{
    const lfcp_failover_config *failover = &config->failover;
    return config->random != NULL && config->storage.read != NULL && config->storage.write != NULL &&
           (!failover->configured || (failover->internet_reachable != NULL && failover->tell_directly != NULL));
}

static lfcp_status check(const lfcp_config *config)
{
    if (!lfcp_is_name(lfcp_text_of(config->name))) {
        return LFCP_BAD_NAME;
    }
    if (config->servers < 1 || config->servers > LFCP_CLIENT_SERVERS ||
        config->interval_s > LFCP_MAX_REPORT_INTERVAL) {
        return LFCP_INVALID;
    }
    bool good = callbacks_good(config) && commands_good(config) && (config->key == NULL || labels_good(config));
    return good ? LFCP_OK : LFCP_INVALID;
}

static lfcp_status derive(const lfcp_config *config, lfcp_client_server *server, char label)
{
    lfcp_status status = lfcp_derive(config->crypto, config->key, LFCP_PURPOSE_TAG, LFCP_WAY_UP, label, server->tag_up);
    if (status != LFCP_OK) {
        return status;
    }
    return lfcp_derive(config->crypto, config->key, LFCP_PURPOSE_TAG, LFCP_WAY_DOWN, label, server->tag_down);
}

static lfcp_status start_server(lfcp_client *client, unsigned at)
{
    lfcp_client_server *server = &client->servers[at];
    server->allowed_s = LFCP_MAX_REPORT_INTERVAL;
    server->in_flight = LFCP_NONE;
    memset(server->copy_places, LFCP_NONE, sizeof server->copy_places);
    return lfcp_signs(client) ? derive(client->config, server, client->config->labels[at]) : LFCP_OK;
}

static lfcp_status read_storage(lfcp_client *client)
{
    lfcp_status status = lfcp_settings_start(client);
    if (status == LFCP_OK && lfcp_signs(client)) {
        status = lfcp_counters_start(client);
    }
    if (status == LFCP_OK && lfcp_signs(client)) {
        status = lfcp_memory_start(client);
    }
    return status;
}

lfcp_status lfcp_client_start(lfcp_client *client, const lfcp_config *config, uint64_t boot_id, uint64_t now_ms)
{
    lfcp_status status = check(config);
    if (status != LFCP_OK) {
        return status;
    }
    memset(client, 0, sizeof *client);
    client->config = config;
    client->boot_id = boot_id;
    client->offset = 0 - now_ms;
    client->interval_s = config->interval_s != 0 ? config->interval_s : LFCP_HEARTBEAT_INTERVAL_MS / 1000;
    client->running = LFCP_NONE;
    client->detector_wanted = config->detector_on;
    client->camera_wanted = config->camera_on;
    for (unsigned at = 0; at < config->servers && status == LFCP_OK; at++) {
        status = start_server(client, at);
    }
    return status == LFCP_OK ? read_storage(client) : status;
}

lfcp_status lfcp_client_woke(lfcp_client *client, const lfcp_config *config, uint64_t now_ms, uint64_t slept_ms)
{
    lfcp_status status = check(config);
    if (status != LFCP_OK) {
        return status;
    }
    client->config = config;
    client->now += slept_ms;
    client->offset = client->now - now_ms;
    lfcp_heartbeat_sleep(client, 0);
    return LFCP_OK;
}

lfcp_status lfcp_client_sleep(lfcp_client *client, uint32_t seconds, uint64_t now_ms)
{
    if (seconds > LFCP_CLIENT_MAX_SLEEP) {
        return LFCP_INVALID;
    }
    lfcp_client_advance(client, now_ms);
    lfcp_heartbeat_sleep(client, seconds);
    return LFCP_OK;
}

bool lfcp_client_may_sleep(const lfcp_client *client)
{
    return client->sleep_s != 0 && lfcp_client_due(client) == LFCP_NEVER;
}

/* A clock that was set back stands still here: the difference is then huge. */
void lfcp_client_advance(lfcp_client *client, uint64_t now_ms)
{
    uint64_t now = now_ms + client->offset;
    if (now - client->now <= INT64_MAX) {
        client->now = now;
    }
}

uint32_t lfcp_client_part(lfcp_client *client, uint32_t whole)
{
    uint32_t random = client->config->random(client->config->random_context);
    return (uint32_t)((uint64_t)whole * random >> 32);
}

/* One counter for each frame, whatever becomes of it. */
lfcp_status lfcp_client_encode(lfcp_client *client, unsigned server, lfcp_verb verb, const lfcp_text *params,
                               size_t count, const lfcp_outgoing *out)
{
    const lfcp_config *config = client->config;
    lfcp_text name = lfcp_text_of(config->name);
    uint64_t counter;
    if (!lfcp_signs(client)) {
        return lfcp_encode(out->frame, out->size, out->length, name, verb, params, count);
    }
    lfcp_status status = lfcp_counter_next(client, &counter);
    if (status != LFCP_OK) {
        return status;
    }
    return lfcp_encode_signed(config->crypto, client->servers[server].tag_up, counter, out->frame, out->size,
                              out->length, name, verb, params, count);
}

bool lfcp_client_detector_on(const lfcp_client *client)
{
    return client->detector_wanted || client->in_failover;
}

bool lfcp_client_camera_on(const lfcp_client *client)
{
    return client->camera_wanted;
}

bool lfcp_client_in_failover(const lfcp_client *client)
{
    return client->in_failover;
}
