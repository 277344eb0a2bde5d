/* Heartbeats to each server by itself, and SLEP, which takes their place before a sleep. A regular one comes every
 * interval. In LFCP/2 it is repeated soon for want of an answer, and once more if the server asks for it, which proves
 * that the device lives. */
#include "lfcp_client_internal.h"

#define SPREAD_PERCENT 10 /* heartbeats come up to this much of the interval early, so that a fleet is not in step */

static uint32_t interval_of(const lfcp_client *client, const lfcp_client_server *server)
{
    return client->interval_s < server->allowed_s ? client->interval_s : server->allowed_s;
}

static bool repeats(const lfcp_client *client, const lfcp_client_server *server)
{
    return server->unanswered && server->agains < LFCP_HEARTBEAT_AGAINS && lfcp_signs(client);
}

uint64_t lfcp_heartbeat_due(const lfcp_client *client, unsigned at)
{
    const lfcp_client_server *server = &client->servers[at];
    if (server->beat_wanted) {
        return 0;
    }
    bool again = repeats(client, server) && server->beat_again < server->next_beat;
    return again ? server->beat_again : server->next_beat;
}

static void put_boot(lfcp_writer *writer, const lfcp_client *client, unsigned server)
{
    lfcp_put_of_boot(writer, client, client->servers[server].window.highest);
}

static bool knows(const lfcp_client *client, lfcp_verb verb)
{
    return lfcp_dispatch_entry(client, verb) != NULL;
}

static void put_flags(lfcp_writer *writer, const lfcp_client *client)
{
    static const char flags[] = "acfspl";
    const bool is[] = {lfcp_client_detector_on(client), client->camera_wanted, client->in_failover,
                       lfcp_signs(client) && knows(client, LFCP_VERB_CONF), knows(client, LFCP_VERB_SNAP),
                       knows(client, LFCP_VERB_LIVE)};
    for (size_t at = 0; at < sizeof is / sizeof *is; at++) {
        lfcp_put(writer, (lfcp_text){flags + at, is[at]});
    }
    for (const lfcp_module *module = lfcp_modules(client); module != NULL; module = module->next) {
        lfcp_put(writer, (lfcp_text){&module->flag, 1});
    }
    if (writer->length == 0) {
        lfcp_put_word(writer, "-");
    }
}

/* flags "." digest "." version, and what a module says of the mapping */
static lfcp_status put_state(lfcp_writer *writer, const lfcp_client *client)
{
    char digest[LFCP_DIGEST + 1] = "-";
    lfcp_status status = lfcp_signs(client) ? lfcp_settings_digest_of(client, digest) : LFCP_OK;
    put_flags(writer, client);
    lfcp_put_word(writer, ".");
    lfcp_put_word(writer, digest);
    lfcp_put_word(writer, ".");
    lfcp_put_decimal(writer, (int64_t)client->wanted_version);
    for (const lfcp_module *module = lfcp_modules(client); module != NULL; module = module->next) {
        lfcp_put_word(writer, module->mapping);
    }
    return status;
}

static lfcp_status encode_beat(lfcp_client *client, unsigned server, const lfcp_outgoing *out)
{
    lfcp_params params;
    lfcp_writer *writer = lfcp_params_begin(&params);
    if (!lfcp_signs(client) && client->config->plain_heartbeats) {
        return lfcp_client_encode(client, server, LFCP_VERB_HEARTBEAT, NULL, 0, out);
    }
    lfcp_put_word(writer, "2");
    lfcp_params_next(&params);
    lfcp_put_decimal(writer, interval_of(client, &client->servers[server]));
    lfcp_params_next(&params);
    put_boot(writer, client, server);
    lfcp_params_next(&params);
    lfcp_status status = put_state(writer, client);
    lfcp_params_next(&params);
    return status == LFCP_OK ? lfcp_client_encode(client, server, LFCP_VERB_HEARTBEAT, params.each, 4, out) : status;
}

static lfcp_status encode_sleep(lfcp_client *client, unsigned server, const lfcp_outgoing *out)
{
    lfcp_params params;
    lfcp_writer *writer = lfcp_params_begin(&params);
    lfcp_put_decimal(writer, client->sleep_s);
    lfcp_params_next(&params);
    lfcp_put_word(writer, "0");
    lfcp_params_next(&params);
    put_boot(writer, client, server);
    lfcp_params_next(&params);
    return lfcp_client_encode(client, server, LFCP_VERB_SLEP, params.each, lfcp_signs(client) ? 3 : 1, out);
}

static void sent_regularly(lfcp_client *client, lfcp_client_server *server)
{
    if (server->unanswered && server->misses < UINT8_MAX) {
        server->misses++;
    }
    server->asked = false;
    server->last_beat = client->now;
    uint32_t interval = interval_of(client, server) * 1000;
    server->next_beat = client->now + interval - lfcp_client_part(client, interval * SPREAD_PERCENT / 100);
}

/* One that was wanted is repeated as often as a regular one. */
lfcp_status lfcp_heartbeat_send(lfcp_client *client, unsigned at, const lfcp_outgoing *out)
{
    lfcp_client_server *server = &client->servers[at];
    lfcp_status status = client->sleep_s != 0 ? encode_sleep(client, at, out) : encode_beat(client, at, out);
    if (status != LFCP_OK) {
        return status;
    }
    bool regular = client->now >= server->next_beat;
    server->agains = regular || server->beat_wanted ? 0 : (uint8_t)(server->agains + 1);
    if (regular) {
        sent_regularly(client, server);
    }
    if (client->sleep_s != 0) {
        lfcp_messages_sent(client, at, LFCP_SLEEP);
    }
    server->unanswered = true;
    server->beat_wanted = false;
    server->beat_again = client->now + ((uint64_t)LFCP_HEARTBEAT_AGAIN_MS << server->agains);
    return LFCP_OK;
}

/* Whether the counter is of a heartbeat, or of SLEP while that takes its place: a late answer to a heartbeat is none to
 * the SLEP that followed it. What is not known to be a message or SLEP was a heartbeat, or a message of long ago. */
bool lfcp_heartbeat_is_it(const lfcp_client *client, unsigned server, uint64_t counter)
{
    uint8_t place = lfcp_messages_copy(client, server, counter);
    return lfcp_counter_is_ours(client, counter) && place == (client->sleep_s != 0 ? LFCP_SLEEP : LFCP_NONE);
}

/* One wish a regular heartbeat, so that no server drives a device. */
void lfcp_heartbeat_wanted(lfcp_client_server *server)
{
    if (!server->asked) {
        server->asked = server->beat_wanted = true;
    }
}

/* What a server allows is never a reason to beat less often than the device does of its own. */
void lfcp_heartbeat_allowed(lfcp_client *client, lfcp_client_server *server, uint32_t seconds)
{
    server->allowed_s = seconds;
    uint64_t latest = server->last_beat + interval_of(client, server) * 1000;
    if (client->sleep_s == 0 && server->next_beat > latest) {
        server->next_beat = latest;
    }
}

void lfcp_heartbeat_sleep(lfcp_client *client, uint32_t seconds)
{
    client->sleep_s = seconds;
    for (unsigned at = 0; at < client->config->servers; at++) {
        lfcp_client_server *server = &client->servers[at];
        server->next_beat = seconds != 0 ? LFCP_NEVER : client->now;
        server->beat_wanted = seconds != 0;
        server->unanswered = server->asked = false;
    }
}
