/* The primitives against the examples of their standards. */
#include "check.h"
#include "hex.h"
#include "lfcp_crypto.h"

static const lfcp_crypto *const crypto = &lfcp_crypto_mbedtls;

/* The examples of FIPS 180-4, as NIST publishes them. */
static void sha256_is_that_of_fips_180(void)
{
    uint8_t hash[32];
    CHECK(crypto->sha256(NULL, (const uint8_t *)"abc", 3, hash) == 0);
    CHECK(is_hex(hash, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    CHECK(crypto->sha256(NULL, (const uint8_t *)"", 0, hash) == 0);
    CHECK(is_hex(hash, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
}

/* RFC 4231 test case 2, cut in two at every place. */
static void hmac_is_that_of_rfc_4231(void)
{
    static const char data[] = "what do ya want for nothing?";
    const uint8_t *bytes = (const uint8_t *)data;
    uint8_t mac[32];
    for (size_t cut = 0; cut < sizeof data; cut++) {
        CHECK(crypto->hmac_sha256(NULL, (const uint8_t *)"Jefe", 4, bytes, cut, bytes + cut, sizeof data - 1 - cut,
                                  mac) == 0);
        CHECK(is_hex(mac, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
    }
}

/* RFC 4231 test case 6. */
static void a_key_longer_than_a_block_is_hashed_first(void)
{
    static const char data[] = "Test Using Larger Than Block-Size Key - Hash Key First";
    uint8_t key[131], mac[32];
    memset(key, 0xaa, sizeof key);
    CHECK(crypto->hmac_sha256(NULL, key, sizeof key, (const uint8_t *)data, sizeof data - 1, NULL, 0, mac) == 0);
    CHECK(is_hex(mac, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"));
}

/* RFC 5869 appendix A.1 and A.3, of which the first block: the steps that lfcp_derive takes. */
static void two_macs_make_hkdf_of_rfc_5869(void)
{
    static const uint8_t one = 1;
    uint8_t salt[32] = {0}, input[22], info[10], pseudo_random[32], block[32];
    memset(input, 0x0b, sizeof input);
    CHECK(crypto->hmac_sha256(NULL, salt, 32, input, sizeof input, NULL, 0, pseudo_random) == 0);
    CHECK(is_hex(pseudo_random, 32, "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04"));
    CHECK(crypto->hmac_sha256(NULL, pseudo_random, 32, &one, 1, NULL, 0, block) == 0);
    CHECK(is_hex(block, 32, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"));

    size_t salt_length = from_hex("000102030405060708090a0b0c", salt);
    size_t info_length = from_hex("f0f1f2f3f4f5f6f7f8f9", info);
    CHECK(crypto->hmac_sha256(NULL, salt, salt_length, input, sizeof input, NULL, 0, pseudo_random) == 0);
    CHECK(is_hex(pseudo_random, 32, "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"));
    CHECK(crypto->hmac_sha256(NULL, pseudo_random, 32, info, info_length, &one, 1, block) == 0);
    CHECK(is_hex(block, 32, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"));
}

static const char sunscreen[] = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
                                "future, sunscreen would be it.";
static const char sunscreen_sealed[] =
    "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b"
    "1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
    "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691";

static uint8_t seal_key[32], nonce[12], bound[12], sealed[256];

static void take_the_example_of_rfc_8439(void)
{
    from_hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", seal_key);
    from_hex("070000004041424344454647", nonce);
    from_hex("50515253c0c1c2c3c4c5c6c7", bound);
    from_hex(sunscreen_sealed, sealed);
}

/* RFC 8439 section 2.8.2. */
static void seals_are_those_of_rfc_8439(void)
{
    uint8_t made[256], opened[256];
    size_t length = sizeof sunscreen - 1;
    take_the_example_of_rfc_8439();
    CHECK(crypto->seal(NULL, seal_key, nonce, bound, 12, (const uint8_t *)sunscreen, length, made) == 0);
    CHECK(is_hex(made, length + 16, sunscreen_sealed));
    CHECK(crypto->unseal(NULL, seal_key, nonce, bound, 12, made, length + 16, opened) == 0);
    CHECK(are_same(opened, length, sunscreen, length));
}

static void every_flipped_bit_of_a_seal_is_noticed(void)
{
    uint8_t opened[256];
    size_t length = sizeof sunscreen - 1 + 16;
    take_the_example_of_rfc_8439();
    for (size_t bit = 0; bit < 8 * length; bit++) {
        sealed[bit / 8] = (uint8_t)(sealed[bit / 8] ^ 1U << bit % 8);
        CHECK(crypto->unseal(NULL, seal_key, nonce, bound, 12, sealed, length, opened) != 0);
        sealed[bit / 8] = (uint8_t)(sealed[bit / 8] ^ 1U << bit % 8);
    }
    CHECK(crypto->unseal(NULL, seal_key, nonce, bound, 11, sealed, length, opened) != 0);
    CHECK(crypto->unseal(NULL, seal_key, nonce, bound, 12, sealed, 15, opened) != 0);
    CHECK(crypto->unseal(NULL, seal_key, nonce, bound, 12, sealed, length, opened) == 0);
}

int main(void)
{
    RUN(sha256_is_that_of_fips_180);
    RUN(hmac_is_that_of_rfc_4231);
    RUN(a_key_longer_than_a_block_is_hashed_first);
    RUN(two_macs_make_hkdf_of_rfc_5869);
    RUN(seals_are_those_of_rfc_8439);
    RUN(every_flipped_bit_of_a_seal_is_noticed);
    return checked();
}
