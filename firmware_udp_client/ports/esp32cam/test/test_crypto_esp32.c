/* The chip's crypto answers as mbedTLS's, which the vectors are about. */
#include "check.h"
#include "crypto_esp32.h"

static const uint8_t key[32] = {1, 2, 3}, nonce[12] = {4, 5, 6};
static const uint8_t text[300] = {7, 8, 9};

static void hashes_are_the_same(void)
{
    uint8_t one[32], other[32];
    for (size_t length = 0; length <= sizeof text; length += 37) {
        CHECK(lfcp_crypto_esp32.sha256(NULL, text, length, one) == 0);
        CHECK(lfcp_crypto_mbedtls.sha256(NULL, text, length, other) == 0 && memcmp(one, other, 32) == 0);
        CHECK(lfcp_crypto_esp32.hmac_sha256(NULL, key, 32, key, 5, text, length, one) == 0);
        CHECK(lfcp_crypto_mbedtls.hmac_sha256(NULL, key, 32, key, 5, text, length, other) == 0);
        CHECK(memcmp(one, other, 32) == 0);
    }
    CHECK(lfcp_crypto_esp32.hmac_sha256(NULL, key, 32, text, sizeof text, text, sizeof text, one) != 0);
}

static void what_one_seals_the_other_opens(void)
{
    uint8_t sealed[64 + 16], also[64 + 16], opened[64];
    for (size_t length = 0; length <= 64; length += 16) {
        CHECK(lfcp_crypto_esp32.seal(NULL, key, nonce, text, 9, text, length, sealed) == 0);
        CHECK(lfcp_crypto_mbedtls.seal(NULL, key, nonce, text, 9, text, length, also) == 0);
        CHECK(memcmp(sealed, also, length + 16) == 0);
        CHECK(lfcp_crypto_esp32.unseal(NULL, key, nonce, text, 9, also, length + 16, opened) == 0);
        CHECK(memcmp(opened, text, length) == 0);
        sealed[0] ^= 1;
        CHECK(lfcp_crypto_esp32.unseal(NULL, key, nonce, text, 9, sealed, length + 16, opened) != 0);
    }
    CHECK(lfcp_crypto_esp32.unseal(NULL, key, nonce, text, 9, sealed, 15, opened) != 0);
}

int main(void)
{
    RUN(hashes_are_the_same);
    RUN(what_one_seals_the_other_opens);
    return checked();
}
