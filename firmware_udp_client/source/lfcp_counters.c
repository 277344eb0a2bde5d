/* The up counter: docs/protocol.md, "Counters", "SYNC". */
#include "lfcp_client_internal.h"

#define HIGHEST_COUNTER INT64_MAX /* servers keep counters in databases, which have no larger numbers */

static const char record[] = "counter"; /* the last reserved one, 8 bytes */

static lfcp_status reserve_above(lfcp_client *client, uint64_t counter)
{
    const lfcp_storage *storage = &client->config->storage;
    uint8_t bytes[8];
    if (counter > HIGHEST_COUNTER - LFCP_COUNTER_BLOCK) {
        return LFCP_NO_ROOM;
    }
    lfcp_put_big_endian(bytes, counter + LFCP_COUNTER_BLOCK, sizeof bytes);
    if (storage->write(storage->context, record, bytes, sizeof bytes) != 0) {
        return LFCP_STORAGE_FAILED;
    }
    client->counter = counter;
    client->reserved = counter + LFCP_COUNTER_BLOCK;
    return LFCP_OK;
}

/* Whatever was reserved may have been used. */
lfcp_status lfcp_counters_start(lfcp_client *client)
{
    const lfcp_storage *storage = &client->config->storage;
    uint8_t bytes[8];
    int answer = storage->read(storage->context, record, bytes, sizeof bytes);
    if (answer != 0 && answer != 1) {
        return LFCP_STORAGE_FAILED;
    }
    client->reserved = answer == 0 ? lfcp_get_big_endian(bytes, sizeof bytes) : 0;
    client->counter = client->counter_at_start = client->reserved;
    return LFCP_OK;
}

lfcp_status lfcp_counter_next(lfcp_client *client, uint64_t *counter)
{
    if (client->counter >= client->reserved) {
        lfcp_status status = reserve_above(client, client->counter);
        if (status != LFCP_OK) {
            return status;
        }
    }
    *counter = ++client->counter;
    return LFCP_OK;
}

bool lfcp_counter_is_ours(const lfcp_client *client, uint64_t counter)
{
    return counter > client->counter_at_start && counter <= client->counter;
}

/* Counters up to `highest` were used by an earlier life of this device: what answers one of them is not fresh. */
lfcp_status lfcp_counters_synchronise(lfcp_client *client, uint64_t highest)
{
    if (highest <= client->counter) {
        return LFCP_OK;
    }
    lfcp_status status = reserve_above(client, highest);
    if (status == LFCP_OK) {
        client->counter_at_start = highest;
    }
    return status;
}
