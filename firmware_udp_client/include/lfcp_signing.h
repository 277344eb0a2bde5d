/* Sub-keys, tags and sealed parameters of LFCP/2: docs/protocol.md, "Keys and tags", "Sealed parameters". */
#ifndef LFCP_SIGNING_H
#define LFCP_SIGNING_H

#include "lfcp_codec.h"

typedef enum lfcp_purpose { LFCP_PURPOSE_TAG, LFCP_PURPOSE_SEAL } lfcp_purpose;
typedef enum lfcp_way { LFCP_WAY_UP, LFCP_WAY_DOWN } lfcp_way; /* up: from the device */

/* HKDF-SHA-256 (RFC 5869). label: the server's, 'A' to 'Z', else LFCP_INVALID. */
lfcp_status lfcp_derive(const lfcp_crypto *crypto, const uint8_t key[LFCP_KEY], lfcp_purpose purpose, lfcp_way way,
                        char label, uint8_t sub_key[LFCP_KEY]);

/* LFCP_OK if the tag of a decoded frame is right, LFCP_NOT_SIGNED without one, LFCP_BAD_TAG. In constant time. */
lfcp_status lfcp_verify(const lfcp_crypto *crypto, const uint8_t tag_key[LFCP_KEY], const uint8_t *frame,
                        const lfcp_message *message);

/* The parameter p`at` (1 to 4) as it travels; `size` of LFCP_SIGNED_MAX_FIELD is always enough. LFCP_BAD_PARAMETER for
 * a text that would not fit there, LFCP_INVALID for a name that is too long or a verb or position that is none. */
lfcp_status lfcp_seal(const lfcp_crypto *crypto, const uint8_t seal_key[LFCP_KEY], uint64_t counter, lfcp_text name,
                      lfcp_verb verb, unsigned at, lfcp_text text, char *field, size_t size, size_t *length);

/* The reverse. LFCP_BAD_SEAL if it cannot be opened. The text is ASCII and may be empty; no NUL ends it. */
lfcp_status lfcp_unseal(const lfcp_crypto *crypto, const uint8_t seal_key[LFCP_KEY], uint64_t counter, lfcp_text name,
                        lfcp_verb verb, unsigned at, lfcp_text field, char *text, size_t size, size_t *length);

/* A key's text of 43 characters (base64url, unused bits zero). LFCP_BAD_KEY for any other. */
lfcp_status lfcp_key_from_text(const char *text, size_t length, uint8_t key[LFCP_KEY]);

/* Which counters have been seen: a sliding window of LFCP_WINDOW (RFC 4303 section 3.4.3). Counters start at 1. */
typedef struct lfcp_window {
    uint64_t highest;
    uint64_t seen; /* bit n: highest - n was seen */
} lfcp_window;

/* Everything up to `highest` counts as seen. */
void lfcp_window_open(lfcp_window *window, uint64_t highest);

/* LFCP_OK if the counter is new, and it is no longer; LFCP_REPLAYED. Only for a frame whose tag is right. */
lfcp_status lfcp_window_accept(lfcp_window *window, uint64_t counter);

/* The digest of settings that CONF gave, LFCP_DIGEST characters, or "-" if none is given. given[n] tells whether
 * values[n] of the n-th setting of LFCP_SETTINGS counts. digest gets a NUL. */
lfcp_status lfcp_settings_digest(const lfcp_crypto *crypto, const bool *given, const int32_t *values,
                                 char digest[LFCP_DIGEST + 1]);

#endif
