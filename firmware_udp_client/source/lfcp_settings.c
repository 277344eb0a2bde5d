#include <string.h>

#include "lfcp_internal.h"
#include "lfcp_signing.h"

static const char *const names[] = {
#define NAME_OF(name, least, greatest) #name,
    LFCP_SETTINGS(NAME_OF)
#undef NAME_OF
};

/* Bytes of all names and values with `=` and LF. */
#define LENGTH_OF(name, least, greatest) +sizeof #name "=-2147483648"
enum { LONGEST = 0 LFCP_SETTINGS(LENGTH_OF) };

static const char hex_digits[] = "0123456789abcdef";

lfcp_status lfcp_settings_digest(const lfcp_crypto *crypto, const bool *given, const int32_t *values,
                                 char digest[LFCP_DIGEST + 1])
{
    char text[LONGEST];
    uint8_t hash[LFCP_MAC];
    lfcp_writer writer = {text, sizeof text, 0};
    for (size_t at = 0; at < sizeof names / sizeof *names; at++) {
        if (given[at]) {
            lfcp_put_word(&writer, names[at]);
            lfcp_put_word(&writer, "=");
            lfcp_put_decimal(&writer, values[at]);
            lfcp_put_word(&writer, "\n");
        }
    }
    if (writer.length == 0) {
        memcpy(digest, "-", sizeof "-");
        return LFCP_OK;
    }
    if (crypto->sha256(crypto->context, (const uint8_t *)text, writer.length, hash)) {
        return LFCP_CRYPTO_FAILED;
    }
    for (size_t at = 0; at < LFCP_DIGEST; at++) {
        digest[at] = hex_digits[hash[at / 2] >> (at % 2 == 0 ? 4 : 0) & 15];
    }
    digest[LFCP_DIGEST] = '\0';
    return LFCP_OK;
}
