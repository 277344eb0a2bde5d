/* Heartbeats to each server by itself, and SLEP, which takes their place before a sleep. A regular one comes every
 * interval. In LFCP/2 it is repeated soon for want of an answer, and once more if the server asks for it, which proves
 * that the device lives. */
#include "lfcp_client_internal.h"

#define SPREAD_PERCENT 10 /* heartbeats come up to this much of the interval early, so that a fleet is not in step */

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

/* boot id "." echo */
static void put_boot(lfcp_writer *writer, const lfcp_client *client, unsigned server)
{
    lfcp_put_hex(writer, client->boot_id);
    lfcp_put_word(writer, ".");
    lfcp_put_hex(writer, client->servers[server].window.highest);
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
    if (writer->length == 0) {
        lfcp_put_word(writer, "-");
    }
}

/* flags "." digest "." version */
static lfcp_status put_state(lfcp_writer *writer, const lfcp_client *client)
{
    char digest[LFCP_DIGEST + 1] = "-";
    lfcp_status status = lfcp_signs(client) ? lfcp_settings_digest_of(client, digest) : LFCP_OK;
    put_flags(writer, client);
    lfcp_put_word(writer, ".");
    lfcp_put_word(writer, digest);
    lfcp_put_word(writer, ".");
    lfcp_put_decimal(writer, (int64_t)client->wanted_version);
    return status;
}

static lfcp_status encode_beat(lfcp_client *client, unsigned server, const lfcp_outgoing *out)
{
    char texts[3][LFCP_SEND_MAX_FIELD];
    lfcp_writer interval = {texts[0], sizeof texts[0], 0};
    lfcp_writer boot = {texts[1], sizeof texts[1], 0};
    lfcp_writer state = {texts[2], sizeof texts[2], 0};
    if (!lfcp_signs(client) && client->config->plain_heartbeats) {
        return lfcp_client_encode(client, server, LFCP_VERB_HEARTBEAT, NULL, 0, out);
    }
    lfcp_put_decimal(&interval, client->servers[server].interval_ms / 1000);
    put_boot(&boot, client, server);
    lfcp_status status = put_state(&state, client);
    if (status != LFCP_OK) {
        return status;
    }
    const lfcp_text params[] = {{"2", 1}, lfcp_written(&interval), lfcp_written(&boot), lfcp_written(&state)};
    return lfcp_client_encode(client, server, LFCP_VERB_HEARTBEAT, params, 4, out);
}

static lfcp_status encode_sleep(lfcp_client *client, unsigned server, const lfcp_outgoing *out)
{
    char texts[2][LFCP_SEND_MAX_FIELD];
    lfcp_writer seconds = {texts[0], sizeof texts[0], 0};
    lfcp_writer boot = {texts[1], sizeof texts[1], 0};
    lfcp_put_decimal(&seconds, client->sleep_s);
    put_boot(&boot, client, server);
    const lfcp_text params[] = {lfcp_written(&seconds), {"0", 1}, lfcp_written(&boot)};
    return lfcp_client_encode(client, server, LFCP_VERB_SLEP, params, lfcp_signs(client) ? 3 : 1, out);
}

static void sent_regularly(lfcp_client *client, lfcp_client_server *server)
{
    if (server->unanswered && server->misses < UINT8_MAX) {
        server->misses++;
    }
    server->asked = false;
    server->last_beat = client->now;
    uint32_t early = lfcp_client_part(client, server->interval_ms * SPREAD_PERCENT / 100);
    server->next_beat = client->now + server->interval_ms - early;
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

/* What a server allows is never a reason to beat less often than configured. */
void lfcp_heartbeat_allowed(lfcp_client *client, unsigned at, uint32_t seconds)
{
    lfcp_client_server *server = &client->servers[at];
    uint32_t least = client->config->interval_s < seconds ? client->config->interval_s : seconds;
    server->interval_ms = least * 1000;
    if (client->sleep_s == 0 && server->next_beat > server->last_beat + server->interval_ms) {
        server->next_beat = server->last_beat + server->interval_ms;
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
