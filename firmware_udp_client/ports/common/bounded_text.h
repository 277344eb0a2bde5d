/* Text into a buffer of the caller's, never beyond it. What does not fit is not written, and text_finish() says so:
 * half a header or half a setting must never leave the device. */
#ifndef BOUNDED_TEXT_H
#define BOUNDED_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bounded_text {
    char *at;
    size_t size;
    size_t length; /* written so far, without the NUL */
    bool too_long;
} bounded_text;

/* size: at least 1, for the NUL. */
void text_start(bounded_text *out, char *buffer, size_t size);

void text_put(bounded_text *out, const char *piece);
void text_put_bytes(bounded_text *out, const char *piece, size_t length);
void text_put_number(bounded_text *out, int64_t number);
void text_put_html(bounded_text *out, const char *piece);    /* for element content and quoted attributes */
void text_put_percent(bounded_text *out, const char *piece); /* all but RFC 3986's unreserved characters as %XX */
void text_put_base64(bounded_text *out, const uint8_t *bytes, size_t length); /* RFC 4648 section 4 */

/* Ends the text with NUL. False if something did not fit: then the text is empty. */
bool text_finish(bounded_text *out);

/* A copy with its NUL. False, and an empty copy, if it does not fit. */
bool text_copy(char *to, size_t size, const char *from, size_t length);

/* A decimal number from least to greatest without sign or leading zero; false for anything else. */
bool text_to_number(const char *at, size_t length, uint32_t least, uint32_t greatest, uint32_t *number);

/* The reverse of text_put_percent() in place; plus_is_space: as forms write it. False for a broken %XX or a NUL in it. */
bool text_unescape(char *at, size_t *length, bool plus_is_space);

#endif
