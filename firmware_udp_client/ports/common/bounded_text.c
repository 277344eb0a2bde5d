#include "bounded_text.h"

#include <string.h>

void text_start(bounded_text *out, char *buffer, size_t size)
{
    *out = (bounded_text){.at = buffer, .size = size};
    buffer[0] = '\0';
}

void text_put_bytes(bounded_text *out, const char *piece, size_t length)
{
    if (out->too_long || length >= out->size - out->length) {
        out->too_long = true;
        return;
    }
    memcpy(out->at + out->length, piece, length);
    out->length += length;
}

void text_put(bounded_text *out, const char *piece)
{
    text_put_bytes(out, piece, strlen(piece));
}

void text_put_number(bounded_text *out, int64_t number)
{
    char digits[21]; /* of -2^63, and its sign */
    size_t at = sizeof digits;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (number < 0) {
        digits[--at] = '-';
    }
    text_put_bytes(out, digits + at, sizeof digits - at);
}

static const char *html_of(char character)
{
    switch (character) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void text_put_html(bounded_text *out, const char *piece)
{
    for (; *piece != '\0'; piece++) {
        const char *escaped = html_of(*piece);
        if (escaped != NULL) {
            text_put(out, escaped);
        } else {
            text_put_bytes(out, piece, 1);
        }
    }
}

static bool is_unreserved(char character)
{
    return (character >= 'A' && character <= 'Z') || (character >= 'a' && character <= 'z') ||
           (character >= '0' && character <= '9') || (character != '\0' && strchr("-._~", character) != NULL);
}

void text_put_percent(bounded_text *out, const char *piece)
{
    static const char hexadecimal[] = "0123456789ABCDEF";
    for (; *piece != '\0'; piece++) {
        const uint8_t byte = (uint8_t)*piece;
        const char escaped[3] = {'%', hexadecimal[byte >> 4], hexadecimal[byte & 15]};
        if (is_unreserved(*piece)) {
            text_put_bytes(out, piece, 1);
        } else {
            text_put_bytes(out, escaped, sizeof escaped);
        }
    }
}

void text_put_base64(bounded_text *out, const uint8_t *bytes, size_t length)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t at = 0; at < length; at += 3) {
        const size_t left = length - at;
        const uint32_t bits = (uint32_t)bytes[at] << 16 | (left > 1 ? (uint32_t)bytes[at + 1] << 8 : 0) |
                              (left > 2 ? (uint32_t)bytes[at + 2] : 0);
        const char four[4] = {alphabet[bits >> 18], alphabet[bits >> 12 & 63],
                              left > 1 ? alphabet[bits >> 6 & 63] : '=', left > 2 ? alphabet[bits & 63] : '='};
        text_put_bytes(out, four, sizeof four);
    }
}

bool text_finish(bounded_text *out)
{
    if (out->too_long) {
        out->length = 0;
    }
    out->at[out->length] = '\0';
    return !out->too_long;
}

bool text_copy(char *to, size_t size, const char *from, size_t length)
{
    bounded_text out;
    text_start(&out, to, size);
    text_put_bytes(&out, from, length);
    return text_finish(&out);
}

bool text_to_number(const char *at, size_t length, uint32_t least, uint32_t greatest, uint32_t *number)
{
    if (length == 0 || length > 10 || (length > 1 && at[0] == '0')) {
        return false;
    }
    uint64_t sum = 0;
    for (size_t digit = 0; digit < length; digit++) {
        if (at[digit] < '0' || at[digit] > '9') {
            return false;
        }
        sum = sum * 10 + (uint64_t)(at[digit] - '0');
    }
    *number = (uint32_t)sum;
    return sum >= least && sum <= greatest;
}

static int value_of_digit(char character)
{
    if (character >= '0' && character <= '9') {
        return character - '0';
    }
    const char lower = (char)(character | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool text_unescape(char *at, size_t *length, bool plus_is_space)
{
    size_t to = 0;
    for (size_t from = 0; from < *length; from++) {
        char character = at[from];
        if (character == '%') {
            const int high = from + 2 < *length ? value_of_digit(at[from + 1]) : -1;
            const int low = from + 2 < *length ? value_of_digit(at[from + 2]) : -1;
            if (high < 0 || low < 0 || (high == 0 && low == 0)) {
                return false;
            }
            character = (char)(high << 4 | low);
            from += 2;
        } else if (character == '+' && plus_is_space) {
            character = ' ';
        }
        at[to++] = character;
    }
    *length = to;
    return true;
}
