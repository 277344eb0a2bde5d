#include <string.h>

#include "lfcp_internal.h"
#include "lfcp_signing.h"

#define SEAL_TAG 16 /* bytes that Poly1305 adds */
#define MAX_SEALED LFCP_BASE64URL_BYTES(LFCP_SIGNED_MAX_FIELD)
#define NONCE 12
#define POSITIONS 4     /* p1 to p4 */
#define LONGEST_BOUND (LFCP_MAX_NAME + sizeof ",HEARTBEAT,p1")

/* What a sealed parameter is tied to: none can be moved to another frame, verb or position. */
typedef struct lfcp_binding {
    uint8_t nonce[NONCE];
    char bound[LONGEST_BOUND];
    size_t bound_length;
} lfcp_binding;

static lfcp_status bind(lfcp_binding *binding, uint64_t counter, lfcp_text name, lfcp_verb verb, unsigned at)
{
    if (name.length > LFCP_MAX_NAME || (unsigned)verb >= LFCP_VERB_COUNT || at < 1 || at > POSITIONS) {
        return LFCP_INVALID;
    }
    memset(binding->nonce, 0, sizeof binding->nonce);
    binding->nonce[3] = (uint8_t)at;
    for (unsigned byte = 0; byte < 8; byte++) {
        binding->nonce[4 + byte] = (uint8_t)(counter >> (56 - 8 * byte) & 0xff);
    }
    lfcp_writer writer = {binding->bound, sizeof binding->bound, 0};
    lfcp_put(&writer, name);
    lfcp_put_word(&writer, ",");
    lfcp_put_word(&writer, lfcp_verb_entry_of(verb)->name);
    lfcp_put_word(&writer, ",p");
    lfcp_put_decimal(&writer, at);
    binding->bound_length = writer.length;
    return LFCP_OK;
}

lfcp_status lfcp_seal(const lfcp_crypto *crypto, const uint8_t seal_key[LFCP_KEY], uint64_t counter, lfcp_text name,
                      lfcp_verb verb, unsigned at, lfcp_text text, char *field, size_t size, size_t *length)
{
    lfcp_binding binding;
    uint8_t sealed[MAX_SEALED];
    lfcp_status status = bind(&binding, counter, name, verb, at);
    if (status != LFCP_OK) {
        return status;
    }
    if (text.length > MAX_SEALED - SEAL_TAG) {
        return LFCP_BAD_PARAMETER;
    }
    *length = LFCP_BASE64URL_TEXT(text.length + SEAL_TAG);
    if (*length > size) {
        return LFCP_NO_SPACE;
    }
    if (crypto->seal(crypto->context, seal_key, binding.nonce, (const uint8_t *)binding.bound, binding.bound_length,
                     (const uint8_t *)text.at, text.length, sealed))
{
        return LFCP_CRYPTO_FAILED;
    }
    lfcp_to_base64url(sealed, text.length + SEAL_TAG, field);
    return LFCP_OK;
}

/* What may be a parameter of a frame: a device's program takes it for one, and for a string. */
static bool is_parameter(const char *text, size_t length)
{
    for (size_t at = 0; at < length; at++) {
        if (!lfcp_is_printable(text[at]) || text[at] == ',') {
            return false;
        }
    }
    return true;
}

lfcp_status lfcp_unseal(const lfcp_crypto *crypto, const uint8_t seal_key[LFCP_KEY], uint64_t counter, lfcp_text name,
                        lfcp_verb verb, unsigned at, lfcp_text field, char *text, size_t size, size_t *length)
{
    lfcp_binding binding;
    uint8_t sealed[MAX_SEALED];
    lfcp_status status = bind(&binding, counter, name, verb, at);
    if (status != LFCP_OK) {
        return status;
    }
    size_t sealed_length = LFCP_BASE64URL_BYTES(field.length);
    if (field.length > LFCP_SIGNED_MAX_FIELD || sealed_length < SEAL_TAG || !lfcp_from_base64url(field, sealed)) {
        return LFCP_BAD_SEAL;
    }
    *length = sealed_length - SEAL_TAG;
    if (*length > size) {
        return LFCP_NO_SPACE;
    }
    if (crypto->unseal(crypto->context, seal_key, binding.nonce, (const uint8_t *)binding.bound, binding.bound_length,
                       sealed, sealed_length, (uint8_t *)text))
{
        return LFCP_BAD_SEAL;
    }
    return is_parameter(text, *length) ? LFCP_OK : LFCP_BAD_SEAL;
}
