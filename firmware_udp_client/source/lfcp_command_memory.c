/* The ids and results of the last commands. Those of RST and DSLP outlast a restart: obeyed again after it, they would
 * restart the device for ever. */
#include <string.h>

#include "lfcp_client_internal.h"

#define ENTRY 9 /* bytes of a record's entry: label, number */

static const char record[] = "commands"; /* the oldest first; a label of 0 is an empty entry */

static uint8_t after(uint8_t place)
{
    return (uint8_t)((place + 1) % LFCP_COMMAND_MEMORY);
}

uint8_t lfcp_memory_find(const lfcp_command_memory *memory, char label, uint64_t number)
{
    for (uint8_t place = 0; place < LFCP_COMMAND_MEMORY; place++) {
        if (memory->labels[place] == label && memory->numbers[place] == number) {
            return place;
        }
    }
    return LFCP_NONE;
}

/* The oldest gives way, and with it an ACK that is still owed for it: its server repeats the command or gave it up. */
uint8_t lfcp_memory_add(lfcp_client *client, char label, uint64_t number)
{
    lfcp_command_memory *memory = &client->memory;
    uint8_t place = memory->next;
    memory->next = after(place);
    memory->labels[place] = label;
    memory->numbers[place] = number;
    memory->failed &= (uint16_t)~(1u << place);
    memory->lasting &= (uint16_t)~(1u << place);
    for (unsigned at = 0; at < client->config->servers; at++) {
        if (client->servers[at].ack_place == place) {
            client->servers[at].ack_owed = false;
        }
    }
    return place;
}

/* Writes this one and the others that last. */
lfcp_status lfcp_memory_keep(lfcp_client *client, uint8_t kept)
{
    const lfcp_storage *storage = &client->config->storage;
    lfcp_command_memory *memory = &client->memory;
    uint8_t bytes[LFCP_COMMAND_MEMORY * ENTRY] = {0};
    unsigned lasting = memory->lasting | 1u << kept;
    uint8_t *entry = bytes;
    for (uint8_t count = 0, place = memory->next; count < LFCP_COMMAND_MEMORY; count++, place = after(place)) {
        if ((lasting >> place & 1u) == 0) {
            continue;
        }
        entry[0] = (uint8_t)memory->labels[place];
        lfcp_put_big_endian(entry + 1, memory->numbers[place], ENTRY - 1);
        entry += ENTRY;
    }
    if (storage->write(storage->context, record, bytes, sizeof bytes) != 0) {
        return LFCP_STORAGE_FAILED;
    }
    memory->lasting = (uint16_t)lasting;
    return LFCP_OK;
}

lfcp_status lfcp_memory_start(lfcp_client *client)
{
    const lfcp_storage *storage = &client->config->storage;
    uint8_t bytes[LFCP_COMMAND_MEMORY * ENTRY];
    int answer = storage->read(storage->context, record, bytes, sizeof bytes);
    if (answer != 0 && answer != 1) {
        return LFCP_STORAGE_FAILED;
    }
    for (const uint8_t *entry = bytes; answer == 0 && entry < bytes + sizeof bytes && entry[0] != 0; entry += ENTRY) {
        uint8_t place = lfcp_memory_add(client, (char)entry[0], lfcp_get_big_endian(entry + 1, ENTRY - 1));
        client->memory.lasting |= (uint16_t)(1u << place);
    }
    return LFCP_OK;
}
