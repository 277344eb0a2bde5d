/* The parser under any bytes: it stays within them, and what it reads is written again as it was. */
#include <stdlib.h>
#include <string.h>

#include "lfcp_signing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition)
{
    if (!condition) {
        abort();
    }
}

static void demand_within(lfcp_text text, const uint8_t *data, size_t size)
{
    const char *begin = (const char *)data;
    demand(text.length > 0 && text.at >= begin && text.at + text.length <= begin + size);
    for (size_t at = 0; at < text.length; at++) {
        demand(text.at[at] >= 0x20 && text.at[at] <= 0x7e && text.at[at] != ',');
    }
}

/* Only what a sender may send can be written, and that comes out as it went in. */
static void demand_same(const lfcp_message *message, const uint8_t *data)
{
    uint8_t frame[LFCP_SEND_MAX_FRAME];
    size_t length = 0;
    if (lfcp_encode(frame, sizeof frame, &length, message->name, message->verb, message->params, LFCP_PARAMETERS) ==
        LFCP_OK) {
        demand(length == message->content_length && memcmp(frame, data, length) == 0);
    }
}

static void demand_same_signed(const lfcp_message *message, const uint8_t *data)
{
    static const uint8_t key[LFCP_KEY];
    uint8_t frame[LFCP_SIGNED_MAX_FRAME];
    size_t length = 0;
    if (lfcp_encode_signed(&lfcp_crypto_mbedtls, key, message->counter, frame, sizeof frame, &length, message->name,
                           message->verb, message->params, 4) == LFCP_OK) {
        int is_right = memcmp(frame, data, length) == 0;
        demand(length == message->content_length && memcmp(frame, data, length - LFCP_TAG) == 0);
        demand(is_right == (lfcp_verify(&lfcp_crypto_mbedtls, key, data, message) == LFCP_OK));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lfcp_message message;
    lfcp_status status = lfcp_decode(data, size, &message);
    demand(lfcp_status_text(status)[0] != '\0');
    if (status != LFCP_OK) {
        return 0;
    }
    demand_within(message.name, data, size);
    for (size_t at = 0; at < LFCP_PARAMETERS; at++) {
        demand_within(message.params[at], data, size);
    }
    if (message.has_signature) {
        demand_same_signed(&message, data);
    } else {
        demand_same(&message, data);
    }
    return 0;
}
