/* Frames <-> fields, as docs/protocol.md defines them; the same answers as the Python module `lfcp` (lfcp.decode with
 * no leniency, lfcp.encode, lfcp.encode_signed), byte for byte and reason for reason: tests/firmware compares them.
 * No allocation, no I/O, no global state. Text is not terminated by NUL unless it says so. */
#ifndef LFCP_CODEC_H
#define LFCP_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lfcp_crypto.h"
#include "lfcp_status.h"

typedef enum lfcp_sender { LFCP_FROM_DEVICE, LFCP_FROM_SERVER, LFCP_FROM_BOTH } lfcp_sender;

typedef enum lfcp_verb {
#define LFCP_VERB_OF(name, sender, command, secret, ...) LFCP_VERB_##name,
    LFCP_VERBS(LFCP_VERB_OF)
#undef LFCP_VERB_OF
    LFCP_VERB_COUNT
} lfcp_verb;

typedef struct lfcp_verb_entry {
    const char *name;
    uint8_t sender; /* lfcp_sender */
    bool command;
    bool secret;
    uint8_t limit[4];        /* bytes of p1 to p4 that may be sent unsigned; 0: the verb has no such parameter */
    uint8_t signed_limit[4]; /* the same in a signed frame, before sealing */
} lfcp_verb_entry;

/* Of a verb that is in range. */
const lfcp_verb_entry *lfcp_verb_entry_of(lfcp_verb verb);

/* A piece of the caller's buffer. */
typedef struct lfcp_text {
    const char *at;
    size_t length;
} lfcp_text;

typedef struct lfcp_message {
    lfcp_text name;
    lfcp_verb verb;
    lfcp_text params[LFCP_PARAMETERS]; /* always six; unused is "0" */
    bool has_signature;                /* p5 and p6 have the form of a counter and a tag; not verified */
    uint64_t counter;                  /* 0 without a signature */
    size_t content_length;             /* bytes of the frame without its end: what the tag is about, and the tag */
} lfcp_message;

/* Reads one frame strictly. The message points into `frame`. LFCP_OK, or the reason of refusal: then the message means
 * nothing. */
lfcp_status lfcp_decode(const uint8_t *frame, size_t length, lfcp_message *message);

/* Writes an unsigned frame without NUL or line end: name, verb, `count` parameters (at most six), the rest "0".
 * LFCP_NO_SPACE if `size` is less than the frame needs, *length then says how much; LFCP_SEND_MAX_FRAME is always
 * enough. Else the reason why it must not be sent. */
lfcp_status lfcp_encode(uint8_t *frame, size_t size, size_t *length, lfcp_text name, lfcp_verb verb,
                        const lfcp_text *params, size_t count);

/* Writes a signed frame: at most four parameters, those of secret verbs sealed already. counter: from 1, never used
 * before with this key. LFCP_SIGNED_MAX_FRAME bytes are always enough. Otherwise as
 * lfcp_encode. */
lfcp_status lfcp_encode_signed(const lfcp_crypto *crypto, const uint8_t tag_key[LFCP_KEY], uint64_t counter,
                               uint8_t *frame, size_t size, size_t *length, lfcp_text name, lfcp_verb verb,
                               const lfcp_text *params, size_t count);

bool lfcp_is_name(lfcp_text text);

#endif
