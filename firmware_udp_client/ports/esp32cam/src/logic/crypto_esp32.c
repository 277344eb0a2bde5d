#include "crypto_esp32.h"

#include <mbedtls/md.h>
#include <sodium.h>
#include <string.h>

#include "lfcp_constants.h"

#define LONGEST_MESSAGE (LFCP_SIGNED_MAX_FRAME + LFCP_KEY) /* of a tag; those of HKDF are shorter */

static int hmac_sha256(void *context, const uint8_t *key, size_t key_length, const uint8_t *first, size_t first_length,
                       const uint8_t *second, size_t second_length, uint8_t mac[32])
{
    uint8_t message[LONGEST_MESSAGE];
    (void)context;
    if (first_length > sizeof message || second_length > sizeof message - first_length) {
        return -1;
    }
    memcpy(message, first, first_length);
    if (second_length > 0) {
        memcpy(message + first_length, second, second_length);
    }
    const mbedtls_md_info_t *sha = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
    return mbedtls_md_hmac(sha, key, key_length, message, first_length + second_length, mac);
}

static int sha256(void *context, const uint8_t *data, size_t length, uint8_t hash[32])
{
    (void)context;
    return mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), data, length, hash);
}

static int seal(void *context, const uint8_t key[32], const uint8_t nonce[12], const uint8_t *bound, size_t bound_length,
                const uint8_t *plain, size_t length, uint8_t *sealed)
{
    (void)context;
    return crypto_aead_chacha20poly1305_ietf_encrypt(sealed, NULL, plain, length, bound, bound_length, NULL, nonce, key);
}

static int unseal(void *context, const uint8_t key[32], const uint8_t nonce[12], const uint8_t *bound,
                  size_t bound_length, const uint8_t *sealed, size_t sealed_length, uint8_t *plain)
{
    (void)context;
    return crypto_aead_chacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed, sealed_length, bound, bound_length, nonce,
                                                     key);
}

const lfcp_crypto lfcp_crypto_esp32 = {
    .context = NULL, .hmac_sha256 = hmac_sha256, .sha256 = sha256, .seal = seal, .unseal = unseal};
