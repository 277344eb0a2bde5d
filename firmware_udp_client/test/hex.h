/* Bytes as the standards print them. */
#ifndef HEX_H
#define HEX_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

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

#endif
