/* What the library's own files share. Nothing here is for its users. */
#ifndef LFCP_INTERNAL_H
#define LFCP_INTERNAL_H

#include "lfcp_codec.h"

#define LFCP_MAC 32 /* bytes of an HMAC-SHA-256 and of a SHA-256 */

/* memset that the compiler may not leave out, for keys on the stack. */
void lfcp_wipe(void *at, size_t length);

/* Text. */

lfcp_text lfcp_text_of(const char *text);

bool lfcp_same_text(lfcp_text text, const char *word);

/* One byte of printable ASCII, the comma too. */
bool lfcp_is_printable(char character);

/* A counter, an event's number or the number of a command's id: lower-case hexadecimal from 1, no leading zero. */
bool lfcp_read_counter(lfcp_text text, uint64_t *counter);

/* False if the table does not have it. */
bool lfcp_find_verb(lfcp_text text, lfcp_verb *verb);

/* The next piece of the text, which is cut off with its end; the whole text without that end. */
lfcp_text lfcp_cut(lfcp_text *text, char end);

/* Text on its way into a bounded buffer. What does not fit is counted and not written. */
typedef struct lfcp_writer {
    char *at;
    size_t size;
    size_t length; /* more than size: it did not fit */
} lfcp_writer;

void lfcp_put(lfcp_writer *writer, lfcp_text text);
void lfcp_put_word(lfcp_writer *writer, const char *word);
void lfcp_put_hex(lfcp_writer *writer, uint64_t number);
void lfcp_put_decimal(lfcp_writer *writer, int64_t number);

/* Base64url without padding (RFC 4648 section 5). */

#define LFCP_BASE64URL_TEXT(bytes) (((bytes) * 4 + 2) / 3)
#define LFCP_BASE64URL_BYTES(text) ((text) * 3 / 4)

bool lfcp_is_base64url(lfcp_text text);

/* Writes LFCP_BASE64URL_TEXT(length) characters. */
void lfcp_to_base64url(const uint8_t *bytes, size_t length, char *text);

/* Writes LFCP_BASE64URL_BYTES(text.length) bytes. False for text that lfcp_to_base64url would not write; the bytes are
 * then meaningless. */
bool lfcp_from_base64url(lfcp_text text, uint8_t *bytes);

/* HKDF-SHA-256 (RFC 5869) without salt, one block. */
lfcp_status lfcp_hkdf(const lfcp_crypto *crypto, const uint8_t key[LFCP_KEY], lfcp_text info,
                      uint8_t sub_key[LFCP_KEY]);

/* The tag of a frame; head: the frame up to and with the comma before its tag. */
lfcp_status lfcp_tag_of(const lfcp_crypto *crypto, const uint8_t tag_key[LFCP_KEY], const uint8_t *head, size_t length,
                        char tag[LFCP_TAG]);

#endif
