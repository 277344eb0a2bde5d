#include "lfcp_internal.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The character's six bits, or 64. */
static unsigned value_of(char character)
{
    unsigned value = 0;
    while (value < 64 && alphabet[value] != character) {
        value++;
    }
    return value;
}

bool lfcp_is_base64url(lfcp_text text)
{
    for (size_t at = 0; at < text.length; at++) {
        if (value_of(text.at[at]) == 64) {
            return false;
        }
    }
    return true;
}

void lfcp_to_base64url(const uint8_t *bytes, size_t length, char *text)
{
    uint32_t bits = 0;
    unsigned count = 0; /* of bits that wait, fewer than six */
    for (size_t at = 0; at < length; at++) {
        bits = bits << 8 | bytes[at];
        for (count += 8; count >= 6; count -= 6) {
            *text++ = alphabet[bits >> (count - 6) & 63];
        }
    }
    if (count > 0) {
        *text = alphabet[bits << (6 - count) & 63];
    }
}

bool lfcp_from_base64url(lfcp_text text, uint8_t *bytes)
{
    uint32_t bits = 0;
    unsigned count = 0; /* of bits that wait, fewer than eight */
    for (size_t at = 0; at < text.length; at++) {
        unsigned value = value_of(text.at[at]);
        if (value == 64) {
            return false;
        }
        bits = bits << 6 | value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            *bytes++ = (uint8_t)(bits >> count & 0xff);
        }
    }
    return count < 6 && (bits & ((1U << count) - 1)) == 0;
}
