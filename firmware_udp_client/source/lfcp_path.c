#include "lfcp_path.h"

#include <string.h>

#include "lfcp_client_internal.h"

#define RESULT 1   /* p2 of an ACK */
#define ADDRESS 2  /* p3 */
#define INTERVAL 3 /* p4 */
#define INTERVAL_DIGITS 6
#define CLIMB_AGAIN_MS (UINT64_C(24) * 3600 * 1000)
#define PAUSE_MS 600000 /* after a ladder that told nothing, or another socket: a silent server is no other NAT */
#define UNKNOWN 'u'
#define INDEPENDENT 'e'
#define SEQUENTIAL 's'
#define HARD 'h'

static void put_report(lfcp_path *path)
{
    lfcp_writer writer = {path->report, sizeof path->report - 1, 0};
    lfcp_put_word(&writer, ".");
    lfcp_put(&writer, (lfcp_text){&path->mapping, 1});
    lfcp_put_decimal(&writer, path->life);
    path->report[writer.length] = '\0';
}

static char compare(const lfcp_address *one, const lfcp_address *other)
{
    int apart = one->port - other->port;
    if (!lfcp_address_same_host(one, other) || apart > LFCP_MAX_STEP || apart < -LFCP_MAX_STEP) {
        return HARD;
    }
    return apart == 0 ? INDEPENDENT : SEQUENTIAL;
}

/* Addresses of two families, or inside and outside, say nothing about each other. */
static bool comparable(const lfcp_address *one, const lfcp_address *other)
{
    return lfcp_address_is_v4(one) == lfcp_address_is_v4(other) &&
           (lfcp_address_scope(one) == LFCP_SCOPE_GLOBAL) == (lfcp_address_scope(other) == LFCP_SCOPE_GLOBAL);
}

/* A NAT that forgot the mapping makes a new one with the first frame, and the other server has not seen that yet: what
 * it saw before is not compared with what this one sees now. */
static void see(lfcp_path *path, unsigned servers, unsigned server, const lfcp_address *now)
{
    lfcp_seen *before = &path->seen[server];
    bool moved = before->known && !lfcp_address_same(&before->at, now);
    *before = (lfcp_seen){*now, true, false};
    for (unsigned at = 0; at < servers; at++) {
        lfcp_seen *other = &path->seen[at];
        other->old = other->old || (moved && at != server);
        if (at != server && other->known && !other->old && comparable(&other->at, now)) {
            path->mapping = compare(&other->at, now);
        }
    }
    put_report(path);
}

/* Until a ladder was climbed the interval is what the client begins with. */
static void learn(const lfcp_path *path, lfcp_client *client)
{
    uint32_t most = LFCP_KEEP_MOST_INTERVAL_MS / 1000, least = LFCP_KEEP_LEAST_INTERVAL_MS / 1000;
    uint32_t margin = LFCP_KEEP_MARGIN_MS / 1000;
    if (client->config->interval_s != 0) {
        return;
    }
    uint32_t learned = path->life < least + margin ? least : path->life - margin;
    learned = learned < most ? learned : most;
    client->interval_s = path->climbed ? learned : LFCP_HEARTBEAT_INTERVAL_MS / 1000;
    for (unsigned at = 0; at < client->config->servers; at++) {
        lfcp_heartbeat_allowed(client, &client->servers[at], client->servers[at].allowed_s);
    }
}

static void finish_ladder(lfcp_path *path, lfcp_client *client)
{
    uint32_t life;
    lfcp_ladder_end end = lfcp_ladder_ended(&path->ladder, &life);
    if (end == LFCP_LADDER_SPOILT) {
        path->climb_at = client->now + PAUSE_MS;
    } else if (end == LFCP_LADDER_CLIMBED) {
        path->climbed = true;
        path->life = life;
        put_report(path);
        learn(path, client);
    }
}

/* No ladder before the server knows where the device is: the answers to KEEP, which go to other sockets, have higher
 * counters, and an echo of theirs would be no proof of that. */
static void beat_answered(lfcp_path *path, lfcp_client *client, unsigned server, const lfcp_message *message,
                          bool proven)
{
    lfcp_address seen;
    if (lfcp_address_read(message->params[ADDRESS], &seen)) {
        see(path, client->config->servers, server, &seen);
    }
    bool may = proven && path->ladder.at_a_time != 0 && !path->ladder.climbing && client->sleep_s == 0;
    if (may && client->now >= path->climb_at) {
        path->began_at = client->now;
        path->climb_at = client->now + CLIMB_AGAIN_MS;
        lfcp_ladder_climb(&path->ladder, server, client->now);
    }
}

/* Of a heartbeat if it states an interval; those of messages and KEEP do not. */
static void acknowledged(lfcp_path *path, lfcp_client *client, unsigned server, const lfcp_message *message)
{
    uint64_t answers, interval;
    if (!lfcp_read_counter(message->params[0], &answers)) {
        return;
    }
    bool again = lfcp_same_text(message->params[RESULT], "1");
    lfcp_ladder_answered(&path->ladder, server, answers, again, client->now);
    if (answers > path->since && lfcp_heartbeat_is_it(client, server, answers) &&
        lfcp_read_decimal(message->params[INTERVAL], INTERVAL_DIGITS, &interval) && interval != 0) {
        beat_answered(path, client, server, message, !again);
    }
}

static bool take(void *context, lfcp_client *client, unsigned server, const lfcp_message *message)
{
    lfcp_path *path = context;
    if (message->verb == LFCP_VERB_PROB) {
        path->probed[server] = message->counter;
        return true;
    }
    if (message->verb == LFCP_VERB_ACK) {
        acknowledged(path, client, server, message);
    }
    return false;
}

void lfcp_path_start(lfcp_path *path, const lfcp_ladder_steps *steps, unsigned sockets)
{
    memset(path, 0, sizeof *path);
    path->module = (lfcp_module){NULL, path, 'k', path->report, take};
    path->mapping = UNKNOWN;
    lfcp_ladder_start(&path->ladder, steps, sockets);
    put_report(path);
}

static lfcp_status answer_probe(lfcp_path *path, lfcp_client *client, unsigned server, const lfcp_outgoing *out)
{
    lfcp_params params;
    lfcp_put_hex(lfcp_params_begin(&params), path->probed[server]);
    lfcp_params_next(&params);
    lfcp_status status = lfcp_client_encode(client, server, LFCP_VERB_ACK, params.each, 1, out);
    if (status == LFCP_OK) {
        path->probed[server] = 0;
    }
    return status;
}

static lfcp_status next_frame(lfcp_path *path, lfcp_client *client, const lfcp_outgoing *out, unsigned *server,
                              unsigned *socket)
{
    *socket = 0;
    for (*server = 0; *server < client->config->servers; ++*server) {
        if (path->probed[*server] != 0) {
            return answer_probe(path, client, *server, out);
        }
    }
    *server = path->ladder.server;
    return lfcp_ladder_poll(&path->ladder, client, out->frame, out->size, out->length, socket);
}

lfcp_status lfcp_path_poll(lfcp_path *path, lfcp_client *client, uint64_t now_ms, uint8_t *frame, size_t size,
                           size_t *length, unsigned *server, unsigned *socket)
{
    const lfcp_outgoing out = {frame, size, length};
    *length = 0;
    if (size < LFCP_CLIENT_MAX_FRAME) {
        return LFCP_NO_SPACE;
    }
    lfcp_client_advance(client, now_ms);
    if (client->sleep_s != 0 && path->ladder.climbing) {
        lfcp_ladder_leave(&path->ladder);
        path->climb_at = path->began_at + PAUSE_MS;
    }
    if (client->now < client->retry_at) {
        return LFCP_OK;
    }
    lfcp_status status = next_frame(path, client, &out, server, socket);
    if (status != LFCP_OK) {
        *length = 0;
        client->retry_at = client->now + LFCP_HEARTBEAT_AGAIN_MS;
    }
    finish_ladder(path, client);
    return status;
}

void lfcp_path_next_wakeup_ms(const lfcp_path *path, const lfcp_client *client, uint64_t *wakeup_ms)
{
    uint64_t at = lfcp_ladder_due(&path->ladder);
    for (unsigned server = 0; server < client->config->servers; server++) {
        at = path->probed[server] != 0 ? 0 : at;
    }
    at = at < client->retry_at ? client->retry_at : at;
    at = at < client->now ? client->now : at;
    *wakeup_ms = at == LFCP_NEVER ? LFCP_NEVER : at - client->offset;
}

bool lfcp_path_uses(const lfcp_path *path, unsigned socket)
{
    return lfcp_ladder_uses(&path->ladder, socket);
}

/* The last heartbeat to it was not answered, and is not repeated any more. */
static bool is_silent(const lfcp_client *client, unsigned at)
{
    const lfcp_client_server *server = &client->servers[at];
    return server->unanswered && !server->beat_wanted && lfcp_heartbeat_due(client, at) == server->next_beat;
}

bool lfcp_path_wants_socket(const lfcp_path *path, const lfcp_client *client, uint64_t now_ms)
{
    bool all = true, due = false;
    for (unsigned at = 0; at < client->config->servers; at++) {
        bool is_due = is_silent(client, at) && now_ms + client->offset >= client->servers[at].next_beat;
        if (is_due && path->seen[at].known) {
            return true;
        }
        all = all && is_silent(client, at);
        due = due || is_due;
    }
    return all && due;
}

void lfcp_path_new_socket(lfcp_path *path, lfcp_client *client, uint64_t now_ms)
{
    uint64_t again_at = path->began_at + PAUSE_MS;
    lfcp_client_advance(client, now_ms);
    memset(path->seen, 0, sizeof path->seen);
    path->since = client->counter;
    if (!path->ladder.climbing && path->climb_at > again_at) {
        path->climb_at = again_at;
    }
    /* The servers may wish for one more again: else they have no proof of where the device is until the next regular. */
    for (unsigned at = 0; at < client->config->servers && client->sleep_s == 0; at++) {
        client->servers[at].beat_wanted = client->servers[at].last_beat < client->now;
        client->servers[at].asked = false;
    }
}

void lfcp_path_network_changed(lfcp_path *path, lfcp_client *client, uint64_t now_ms)
{
    lfcp_path_new_socket(path, client, now_ms);
    lfcp_ladder_leave(&path->ladder);
    path->climb_at = path->life = 0;
    path->climbed = false;
    path->mapping = UNKNOWN;
    put_report(path);
    learn(path, client);
}

char lfcp_path_mapping(const lfcp_path *path)
{
    return path->mapping;
}

bool lfcp_path_life(const lfcp_path *path, uint32_t *life)
{
    *life = path->life;
    return path->climbed;
}

uint32_t lfcp_path_interval_s(const lfcp_client *client)
{
    return client->interval_s;
}
