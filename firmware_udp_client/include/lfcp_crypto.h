/* The primitives that the library needs, behind one small interface, so that it runs on mbedTLS 2.28, 3.x or anything
 * else. Each function returns 0 on success. The library itself holds no key longer than its context. */
#ifndef LFCP_CRYPTO_H
#define LFCP_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

typedef struct lfcp_crypto {
    void *context; /* passed to each function; may be NULL */

    /* HMAC-SHA-256 (RFC 2104) of the concatenation of two pieces; mac has 32 bytes. */
    int (*hmac_sha256)(void *context, const uint8_t *key, size_t key_length, const uint8_t *first, size_t first_length,
                       const uint8_t *second, size_t second_length, uint8_t mac[32]);

    /* SHA-256 (FIPS 180-4). */
    int (*sha256)(void *context, const uint8_t *data, size_t length, uint8_t hash[32]);

    /* ChaCha20-Poly1305 (RFC 8439). sealed: length + 16 bytes, ciphertext then tag; it may be where plain is. */
    int (*seal)(void *context, const uint8_t key[32], const uint8_t nonce[12], const uint8_t *bound, size_t bound_length,
                const uint8_t *plain, size_t length, uint8_t *sealed);

    /* The reverse, also in place. sealed_length counts the tag; plain gets 16 bytes less. Non-zero as well if the tag is
     * wrong. */
    int (*unseal)(void *context, const uint8_t key[32], const uint8_t nonce[12], const uint8_t *bound,
                  size_t bound_length, const uint8_t *sealed, size_t sealed_length, uint8_t *plain);
} lfcp_crypto;

/* On mbedTLS, with what 2.28 and 3.x have in common (source/lfcp_crypto_mbedtls.c). */
extern const lfcp_crypto lfcp_crypto_mbedtls;

#endif
