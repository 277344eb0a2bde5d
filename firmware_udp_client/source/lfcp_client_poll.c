/* What is to be sent now, and when the next will be. ACKs first, then for each server its message and its heartbeat:
 * the order of lfcp.client. */
#include "lfcp_client_internal.h"

static lfcp_status owed_ack(lfcp_client *client, const lfcp_outgoing *out, unsigned *server)
{
    for (*server = 0; *server < client->config->servers; ++*server) {
        if (client->servers[*server].ack_owed) {
            return lfcp_commands_send_ack(client, *server, out);
        }
    }
    return LFCP_OK;
}

static lfcp_status due_to(lfcp_client *client, unsigned server, const lfcp_outgoing *out)
{
    if (client->now >= lfcp_messages_due(client, server)) {
        lfcp_status status = lfcp_messages_send(client, server, out);
        if (status != LFCP_OK || *out->length != 0) {
            return status;
        }
    }
    return client->now >= lfcp_heartbeat_due(client, server) ? lfcp_heartbeat_send(client, server, out) : LFCP_OK;
}

static lfcp_status next_frame(lfcp_client *client, const lfcp_outgoing *out, unsigned *server)
{
    lfcp_status status = owed_ack(client, out, server);
    if (status != LFCP_OK || *out->length != 0) {
        return status;
    }
    lfcp_dispatch_obey(client);
    for (*server = 0; *server < client->config->servers; ++*server) {
        status = due_to(client, *server, out);
        if (status != LFCP_OK || *out->length != 0) {
            return status;
        }
    }
    return LFCP_OK;
}

lfcp_status lfcp_client_poll(lfcp_client *client, uint64_t now_ms, uint8_t *frame, size_t size, size_t *length,
                             unsigned *server)
{
    *length = 0;
    if (size < LFCP_CLIENT_MAX_FRAME) {
        return LFCP_NO_SPACE;
    }
    lfcp_client_advance(client, now_ms);
    if (client->now < client->retry_at) {
        return LFCP_OK;
    }
    lfcp_failover_watch(client);
    lfcp_outgoing out = {frame, size, length};
    lfcp_status status = next_frame(client, &out, server);
    if (status != LFCP_OK) {
        *length = 0;
        client->retry_at = client->now + LFCP_HEARTBEAT_AGAIN_MS;
    }
    return status;
}

static uint64_t earlier(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

uint64_t lfcp_client_due(const lfcp_client *client)
{
    uint64_t at = client->obey != 0 ? 0 : LFCP_NEVER;
    for (unsigned server = 0; server < client->config->servers; server++) {
        uint64_t due = earlier(lfcp_messages_due(client, server), lfcp_heartbeat_due(client, server));
        at = client->servers[server].ack_owed ? 0 : earlier(at, due);
    }
    return at;
}

lfcp_status lfcp_client_next_wakeup_ms(const lfcp_client *client, uint64_t *wakeup_ms)
{
    uint64_t at = lfcp_client_due(client);
    if (at < client->retry_at) {
        at = client->retry_at;
    }
    if (at < client->now) {
        at = client->now;
    }
    *wakeup_ms = at == LFCP_NEVER ? LFCP_NEVER : at - client->offset;
    return LFCP_OK;
}
