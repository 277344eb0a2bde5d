/* The primitives on mbedTLS, with what 2.28 and 3.x have in common. It must be built with MBEDTLS_MD_C,
 * MBEDTLS_SHA256_C and MBEDTLS_CHACHAPOLY_C. */
#include <mbedtls/chachapoly.h>
#include <mbedtls/md.h>

#include "lfcp_crypto.h"

#define SEAL_TAG 16

static int hmac_pieces(mbedtls_md_context_t *hmac, const uint8_t *key, size_t key_length, const uint8_t *first,
                       size_t first_length, const uint8_t *second, size_t second_length, uint8_t mac[32])
{
    int failed = mbedtls_md_setup(hmac, mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), 1);
    if (!failed) {
        failed = mbedtls_md_hmac_starts(hmac, key, key_length);
    }
    if (!failed) {
        failed = mbedtls_md_hmac_update(hmac, first, first_length);
    }
    if (!failed && second_length > 0) {
        failed = mbedtls_md_hmac_update(hmac, second, second_length);
    }
    return failed ? failed : mbedtls_md_hmac_finish(hmac, mac);
}

static int hmac_sha256(void *context, const uint8_t *key, size_t key_length, const uint8_t *first, size_t first_length,
                       const uint8_t *second, size_t second_length, uint8_t mac[32])
{
    (void)context;
    mbedtls_md_context_t hmac;
    mbedtls_md_init(&hmac);
    int failed = hmac_pieces(&hmac, key, key_length, first, first_length, second, second_length, mac);
    mbedtls_md_free(&hmac);
    return failed;
}

static int sha256(void *context, const uint8_t *data, size_t length, uint8_t hash[32])
{
    (void)context;
    return mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), data, length, hash);
}

static int seal(void *context, const uint8_t key[32], const uint8_t nonce[12], const uint8_t *bound,
                size_t bound_length, const uint8_t *plain, size_t length, uint8_t *sealed)
{
    (void)context;
    mbedtls_chachapoly_context cipher;
    mbedtls_chachapoly_init(&cipher);
    int failed = mbedtls_chachapoly_setkey(&cipher, key);
    if (!failed) {
        failed = mbedtls_chachapoly_encrypt_and_tag(&cipher, length, nonce, bound, bound_length, plain, sealed,
                                                    sealed + length);
    }
    mbedtls_chachapoly_free(&cipher);
    return failed;
}

static int unseal(void *context, const uint8_t key[32], const uint8_t nonce[12], const uint8_t *bound,
                  size_t bound_length, const uint8_t *sealed, size_t sealed_length, uint8_t *plain)
{
    (void)context;
    if (sealed_length < SEAL_TAG) {
        return -1;
    }
    size_t length = sealed_length - SEAL_TAG;
    mbedtls_chachapoly_context cipher;
    mbedtls_chachapoly_init(&cipher);
    int failed = mbedtls_chachapoly_setkey(&cipher, key);
    if (!failed) {
        failed = mbedtls_chachapoly_auth_decrypt(&cipher, length, nonce, bound, bound_length, sealed + length, sealed,
                                                 plain);
    }
    mbedtls_chachapoly_free(&cipher);
    return failed;
}

const lfcp_crypto lfcp_crypto_mbedtls = {NULL, hmac_sha256, sha256, seal, unseal};
