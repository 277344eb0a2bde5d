/* The up counter: docs/protocol.md, "Counters", "SYNC". */
#include "lfcp_client_internal.h"

#define FIRST_BITS 48

static const char record[] = "counter"; /* the last reserved one, 8 bytes */

static lfcp_status reserve(lfcp_client *client)
{
    const lfcp_storage *storage = &client->config->storage;
    uint8_t bytes[8];
    if (client->counter > UINT64_MAX - LFCP_COUNTER_BLOCK) {
        return LFCP_NO_ROOM;
    }
    lfcp_put_big_endian(bytes, client->counter + LFCP_COUNTER_BLOCK, sizeof bytes);
    if (storage->write(storage->context, record, bytes, sizeof bytes) != 0) {
        return LFCP_STORAGE_FAILED;
    }
    client->reserved = client->counter + LFCP_COUNTER_BLOCK;
    return LFCP_OK;
}

/* Whatever was reserved may have been used. Without a record the counter begins at random: a device that lost its
 * memory must not meet the recorded answers to its first life. */
lfcp_status lfcp_counters_start(lfcp_client *client)
{
    const lfcp_storage *storage = &client->config->storage;
    uint8_t bytes[8];
    int answer = storage->read(storage->context, record, bytes, sizeof bytes);
    if (answer != 0 && answer != 1) {
        return LFCP_STORAGE_FAILED;
    }
    client->reserved = answer == 0 ? lfcp_get_big_endian(bytes, sizeof bytes) : client->boot_id >> (64 - FIRST_BITS);
    client->counter = client->counter_at_start = client->reserved;
    return LFCP_OK;
}

lfcp_status lfcp_counter_next(lfcp_client *client, uint64_t *counter)
{
    if (client->counter >= client->reserved) {
        lfcp_status status = reserve(client);
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
bool lfcp_counters_raise(lfcp_client *client, uint64_t highest)
{
    if (highest <= client->counter || highest > UINT64_MAX - LFCP_COUNTER_BLOCK) {
        return false;
    }
    client->counter = client->counter_at_start = highest;
    return true;
}
