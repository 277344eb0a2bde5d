/* Numbers and texts of parameters. */
#include <string.h>

#include "lfcp_client_internal.h"

bool lfcp_read_counter_or_0(lfcp_text text, uint64_t *number)
{
    *number = 0;
    return lfcp_same_text(text, "0") || lfcp_read_counter(text, number);
}

bool lfcp_read_decimal(lfcp_text text, size_t digits, uint64_t *number)
{
    *number = 0;
    for (size_t at = 0; at < text.length; at++) {
        if (text.at[at] < '0' || text.at[at] > '9') {
            return false;
        }
        *number = *number * 10 + (uint64_t)(text.at[at] - '0');
    }
    return text.length <= digits && (text.at[0] != '0' || text.length == 1);
}

void lfcp_put_command_id(lfcp_writer *writer, char label, uint64_t number)
{
    lfcp_put(writer, (lfcp_text){&label, 1});
    lfcp_put_word(writer, ".");
    lfcp_put_hex(writer, number);
}

bool lfcp_read_command_id(lfcp_text text, char *label, uint64_t *number)
{
    if (text.length < 3 || text.at[0] < 'A' || text.at[0] > 'Z' || text.at[1] != '.') {
        return false;
    }
    *label = text.at[0];
    return lfcp_read_counter((lfcp_text){text.at + 2, text.length - 2}, number);
}

void lfcp_put_of_boot(lfcp_writer *writer, const lfcp_client *client, uint64_t number)
{
    lfcp_put_hex(writer, client->boot_id);
    lfcp_put_word(writer, ".");
    lfcp_put_hex(writer, number);
}

lfcp_writer *lfcp_params_begin(lfcp_params *params)
{
    params->writer = (lfcp_writer){params->text, sizeof params->text, 0};
    params->count = 0;
    return &params->writer;
}

void lfcp_params_next(lfcp_params *params)
{
    lfcp_writer *writer = &params->writer;
    params->each[params->count++] = (lfcp_text){writer->at, writer->length};
    writer->at += writer->length;
    writer->size -= writer->length;
    writer->length = 0;
}

/* As lfcp.safe_text does for ASCII; every byte of other text becomes '?'. */
void lfcp_make_fit(char field[LFCP_SEND_MAX_FIELD + 1], const char *text)
{
    size_t at = 0;
    for (; at < LFCP_SEND_MAX_FIELD && text[at] != '\0'; at++) {
        char character = text[at];
        bool space = (character >= '\t' && character <= '\r') || (character >= 0x1c && character <= 0x1f);
        if (character == ',') {
            character = ';';
        } else if (space) {
            character = ' ';
        }
        field[at] = character;
        if (character < ' ' || character > '~') {
            field[at] = '?';
        }
    }
    if (at == 0) {
        field[at++] = '-';
    }
    field[at] = '\0';
}

void lfcp_put_big_endian(uint8_t *to, uint64_t number, size_t bytes)
{
    for (size_t at = bytes; at > 0; number >>= 8) {
        to[--at] = (uint8_t)(number & 255u);
    }
}

uint64_t lfcp_get_big_endian(const uint8_t *from, size_t bytes)
{
    uint64_t number = 0;
    for (size_t at = 0; at < bytes; at++) {
        number = number << 8 | from[at];
    }
    return number;
}
