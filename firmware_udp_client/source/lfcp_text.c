#include <string.h>

#include "lfcp_internal.h"

void lfcp_wipe(void *at, size_t length)
{
    volatile uint8_t *bytes = at;
    while (length > 0) {
        bytes[--length] = 0;
    }
}

lfcp_text lfcp_text_of(const char *text)
{
    lfcp_text whole = {text, strlen(text)};
    return whole;
}

bool lfcp_same_text(lfcp_text text, const char *word)
{
    return text.length == strlen(word) && memcmp(text.at, word, text.length) == 0;
}

bool lfcp_is_printable(char character)
{
    return character >= 0x20 && character <= 0x7e;
}

static bool is_alphanumeric(char character)
{
    return (character >= '0' && character <= '9') || (character >= 'A' && character <= 'Z') ||
           (character >= 'a' && character <= 'z');
}

bool lfcp_is_name(lfcp_text text)
{
    if (text.length == 0 || text.length > LFCP_MAX_NAME || !is_alphanumeric(text.at[0])) {
        return false;
    }
    for (size_t at = 1; at < text.length; at++) {
        char character = text.at[at];
        if (!is_alphanumeric(character) && character != '_' && character != '-' && character != '.') {
            return false;
        }
        if (character == '.' && text.at[at - 1] == '.') {
            return false;
        }
    }
    return true;
}

static const char hex_digits[] = "0123456789abcdef";

/* The digit's value, or 16. */
static unsigned hex_value(char character)
{
    unsigned value = 0;
    while (value < 16 && hex_digits[value] != character) {
        value++;
    }
    return value;
}

bool lfcp_read_counter(lfcp_text text, uint64_t *counter)
{
    if (text.length == 0 || text.length > LFCP_COUNTER_DIGITS || text.at[0] == '0') {
        return false;
    }
    uint64_t number = 0;
    for (size_t at = 0; at < text.length; at++) {
        unsigned value = hex_value(text.at[at]);
        if (value == 16) {
            return false;
        }
        number = number << 4 | value;
    }
    *counter = number;
    return true;
}

void lfcp_put(lfcp_writer *writer, lfcp_text text)
{
    if (writer->length <= writer->size && text.length <= writer->size - writer->length && text.length > 0) {
        memcpy(writer->at + writer->length, text.at, text.length);
    }
    writer->length += text.length;
}

void lfcp_put_word(lfcp_writer *writer, const char *word)
{
    lfcp_put(writer, lfcp_text_of(word));
}

static void write_number(lfcp_writer *writer, uint64_t number, unsigned base)
{
    char digits[20];
    size_t begin = sizeof digits;
    do {
        digits[--begin] = hex_digits[number % base];
        number /= base;
    } while (number > 0);
    lfcp_text text = {digits + begin, sizeof digits - begin};
    lfcp_put(writer, text);
}

void lfcp_put_hex(lfcp_writer *writer, uint64_t number)
{
    write_number(writer, number, 16);
}

void lfcp_put_decimal(lfcp_writer *writer, int64_t number)
{
    if (number < 0) {
        lfcp_put_word(writer, "-");
    }
    write_number(writer, number < 0 ? 0 - (uint64_t)number : (uint64_t)number, 10);
}
