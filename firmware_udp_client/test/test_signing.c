/* Signing beyond the vectors: every flipped bit, arguments that are excluded, and a crypto library that fails. */
#include "check.h"
#include "lfcp_internal.h"
#include "lfcp_signing.h"

#define MAX_SEALED_TEXT 80 /* characters that fit LFCP_SIGNED_MAX_FIELD once they are sealed */

static const lfcp_crypto *const crypto = &lfcp_crypto_mbedtls;
static const uint8_t key[LFCP_KEY] = {7, 7, 7};
static uint8_t tag_key[LFCP_KEY];
static uint8_t frame[LFCP_SIGNED_MAX_FRAME];
static size_t frame_length;

static lfcp_text text(const char *of)
{
    return lfcp_text_of(of);
}

static void sign_a_frame(void)
{
    lfcp_text params[] = {text("garden_gate"), text("0"), text("9f3c.1")};
    CHECK(lfcp_derive(crypto, key, LFCP_PURPOSE_TAG, LFCP_WAY_UP, 'A', tag_key) == LFCP_OK);
    CHECK(lfcp_encode_signed(crypto, tag_key, 0x192, frame, sizeof frame, &frame_length, text("cam1"), LFCP_VERB_MOAL,
                             params, 3) == LFCP_OK);
}

static lfcp_status judged(void)
{
    lfcp_message message;
    lfcp_status status = lfcp_decode(frame, frame_length, &message);
    return status == LFCP_OK ? lfcp_verify(crypto, tag_key, frame, &message) : status;
}

static void every_flipped_bit_of_a_signed_frame_is_noticed(void)
{
    sign_a_frame();
    CHECK(judged() == LFCP_OK);
    for (size_t bit = 0; bit < 8 * frame_length; bit++) {
        frame[bit / 8] = (uint8_t)(frame[bit / 8] ^ 1U << bit % 8);
        CHECK(judged() != LFCP_OK);
        frame[bit / 8] = (uint8_t)(frame[bit / 8] ^ 1U << bit % 8);
    }
    CHECK(judged() == LFCP_OK);
}

static void a_truncated_frame_is_never_right(void)
{
    sign_a_frame();
    while (frame_length > 0) {
        frame_length--;
        CHECK(judged() != LFCP_OK);
    }
}

static void a_label_is_a_letter_from_a_to_z(void)
{
    uint8_t sub_key[LFCP_KEY];
    CHECK(lfcp_derive(crypto, key, LFCP_PURPOSE_TAG, LFCP_WAY_UP, '@', sub_key) == LFCP_INVALID);
    CHECK(lfcp_derive(crypto, key, LFCP_PURPOSE_TAG, LFCP_WAY_UP, '[', sub_key) == LFCP_INVALID);
    CHECK(lfcp_derive(crypto, key, LFCP_PURPOSE_TAG, LFCP_WAY_UP, 'a', sub_key) == LFCP_INVALID);
}

static lfcp_status sealed_at(lfcp_verb verb, unsigned at, const char *name, size_t length, size_t size)
{
    static const char secret[MAX_SEALED_TEXT + 1] = "secret";
    char field[LFCP_SIGNED_MAX_FIELD];
    lfcp_text said = {secret, length};
    size_t written = 0;
    return lfcp_seal(crypto, key, 1, text(name), verb, at, said, field, size, &written);
}

static void what_cannot_be_sealed_is_refused(void)
{
    static const char long_name[] = "123456789012345678901234567890123";
    CHECK(sealed_at(LFCP_VERB_TLGC, 1, "cam1", MAX_SEALED_TEXT, LFCP_SIGNED_MAX_FIELD) == LFCP_OK);
    CHECK(sealed_at(LFCP_VERB_TLGC, 4, long_name + 1, 1, LFCP_SIGNED_MAX_FIELD) == LFCP_OK);
    CHECK(sealed_at(LFCP_VERB_TLGC, 1, "cam1", MAX_SEALED_TEXT + 1, LFCP_SIGNED_MAX_FIELD) == LFCP_BAD_PARAMETER);
    CHECK(sealed_at(LFCP_VERB_TLGC, 1, "cam1", MAX_SEALED_TEXT, LFCP_SIGNED_MAX_FIELD - 1) == LFCP_NO_SPACE);
    CHECK(sealed_at(LFCP_VERB_COUNT, 1, "cam1", 1, LFCP_SIGNED_MAX_FIELD) == LFCP_INVALID);
    CHECK(sealed_at(LFCP_VERB_TLGC, 0, "cam1", 1, LFCP_SIGNED_MAX_FIELD) == LFCP_INVALID);
    CHECK(sealed_at(LFCP_VERB_TLGC, 5, "cam1", 1, LFCP_SIGNED_MAX_FIELD) == LFCP_INVALID);
    CHECK(sealed_at(LFCP_VERB_TLGC, 1, long_name, 1, LFCP_SIGNED_MAX_FIELD) == LFCP_INVALID);
}

static void a_parameter_is_opened_only_where_it_fits(void)
{
    static const char secret[] = "123456:secret";
    char field[LFCP_SIGNED_MAX_FIELD], opened[sizeof secret];
    size_t sealed_length = 0, length = 0;
    CHECK(lfcp_seal(crypto, key, 1, text("cam1"), LFCP_VERB_TLGC, 1, text(secret), field, sizeof field,
                    &sealed_length) == LFCP_OK);
    lfcp_text sealed = {field, sealed_length};
    for (size_t size = 0; size < sizeof secret; size++) {
        memset(opened, 'x', sizeof opened);
        lfcp_status status = lfcp_unseal(crypto, key, 1, text("cam1"), LFCP_VERB_TLGC, 1, sealed, opened, size,
                                         &length);
        CHECK(status == (size < sizeof secret - 1 ? LFCP_NO_SPACE : LFCP_OK));
        CHECK(status == LFCP_OK ? memcmp(opened, secret, length) == 0 : opened[0] == 'x');
    }
    CHECK(lfcp_unseal(crypto, key, 1, text("cam1"), LFCP_VERB_TLGC, 0, sealed, opened, sizeof opened, &length) ==
          LFCP_INVALID);
}

static void the_digest_of_any_value_fits(void)
{
    bool given[32];
    int32_t values[32];
    char digest[LFCP_DIGEST + 1];
    for (size_t at = 0; at < 32; at++) {
        given[at] = true;
        values[at] = INT32_MIN;
    }
    CHECK(lfcp_settings_digest(crypto, given, values, digest) == LFCP_OK);
    CHECK(strlen(digest) == LFCP_DIGEST);
}

/* A crypto library whose calls succeed as often as `left` says. */
static int left;

static int hmac_sha256(void *context, const uint8_t *mac_key, size_t key_length, const uint8_t *first,
                       size_t first_length, const uint8_t *second, size_t second_length, uint8_t mac[32])
{
    (void)context;
    return left-- <= 0 ? -1
                       : crypto->hmac_sha256(NULL, mac_key, key_length, first, first_length, second, second_length, mac);
}

static int sha256(void *context, const uint8_t *data, size_t length, uint8_t hash[32])
{
    (void)context, (void)data, (void)length, (void)hash;
    return -1;
}

static int seal(void *context, const uint8_t seal_key[32], const uint8_t nonce[12], const uint8_t *bound,
                size_t bound_length, const uint8_t *plain, size_t length, uint8_t *sealed)
{
    (void)context, (void)seal_key, (void)nonce, (void)bound, (void)bound_length, (void)plain, (void)length;
    (void)sealed;
    return -1;
}

static const lfcp_crypto failing = {NULL, hmac_sha256, sha256, seal, NULL};

static void a_failure_of_the_crypto_library_is_told(void)
{
    uint8_t sub_key[LFCP_KEY];
    char field[LFCP_SIGNED_MAX_FIELD], digest[LFCP_DIGEST + 1];
    bool given[32] = {true};
    int32_t values[32] = {0};
    lfcp_message message;
    for (int calls = 0; calls < 2; calls++) {
        left = calls;
        CHECK(lfcp_derive(&failing, key, LFCP_PURPOSE_TAG, LFCP_WAY_UP, 'A', sub_key) == LFCP_CRYPTO_FAILED);
    }
    sign_a_frame();
    CHECK(lfcp_decode(frame, frame_length, &message) == LFCP_OK);
    left = 0;
    CHECK(lfcp_verify(&failing, tag_key, frame, &message) == LFCP_CRYPTO_FAILED);
    CHECK(lfcp_encode_signed(&failing, tag_key, 1, frame, sizeof frame, &frame_length, text("cam1"), LFCP_VERB_RST,
                             NULL, 0) == LFCP_CRYPTO_FAILED);
    CHECK(lfcp_seal(&failing, key, 1, text("cam1"), LFCP_VERB_TLGC, 1, text("x"), field, sizeof field,
                    &frame_length) == LFCP_CRYPTO_FAILED);
    CHECK(lfcp_settings_digest(&failing, given, values, digest) == LFCP_CRYPTO_FAILED);
}

static void keys_are_wiped(void)
{
    uint8_t secret[LFCP_KEY];
    static const uint8_t nothing[LFCP_KEY];
    memset(secret, 0x5a, sizeof secret);
    lfcp_wipe(secret, sizeof secret - 1);
    CHECK(memcmp(secret, nothing, sizeof secret - 1) == 0 && secret[LFCP_KEY - 1] == 0x5a);
}

int main(void)
{
    RUN(every_flipped_bit_of_a_signed_frame_is_noticed);
    RUN(a_truncated_frame_is_never_right);
    RUN(a_label_is_a_letter_from_a_to_z);
    RUN(what_cannot_be_sealed_is_refused);
    RUN(a_parameter_is_opened_only_where_it_fits);
    RUN(the_digest_of_any_value_fits);
    RUN(a_failure_of_the_crypto_library_is_told);
    RUN(keys_are_wiped);
    return checked();
}
