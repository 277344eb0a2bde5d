/* Bytes as the standards print them. */
#ifndef HEX_H
#define HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Reads pairs of hexadecimal digits until the text ends; gives the number of bytes. */
static inline size_t from_hex(const char *text, uint8_t *bytes)
{
    size_t length = 0;
    unsigned byte = 0;
    for (; sscanf(text, "%2x", &byte) == 1; text += 2) {
        bytes[length++] = (uint8_t)byte;
    }
    return length;
}

/* Whether these bytes, at most 256, are printed so. */
static inline bool is_hex(const uint8_t *bytes, size_t length, const char *text)
{
    uint8_t expected[256] = {0};
    return from_hex(text, expected) == length && memcmp(bytes, expected, length) == 0;
}

#endif
