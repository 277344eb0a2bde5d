#include "lfcp_internal.h"
#include "lfcp_signing.h"

#define DOMAIN "LFCP2"
#define TAG_BYTES LFCP_BASE64URL_BYTES(LFCP_TAG)

lfcp_status lfcp_hkdf(const lfcp_crypto *crypto, const uint8_t key[LFCP_KEY], lfcp_text info, uint8_t sub_key[LFCP_KEY])
{
    static const uint8_t no_salt[LFCP_MAC]; /* RFC 5869 section 2.2 */
    static const uint8_t first_block = 1;
    uint8_t pseudo_random[LFCP_MAC];
    int failed =
        crypto->hmac_sha256(crypto->context, no_salt, sizeof no_salt, key, LFCP_KEY, NULL, 0, pseudo_random) ||
        crypto->hmac_sha256(crypto->context, pseudo_random, LFCP_MAC, (const uint8_t *)info.at, info.length,
                            &first_block, 1, sub_key);
    lfcp_wipe(pseudo_random, sizeof pseudo_random);
    return failed ? LFCP_CRYPTO_FAILED : LFCP_OK;
}

lfcp_status lfcp_derive(const lfcp_crypto *crypto, const uint8_t key[LFCP_KEY], lfcp_purpose purpose, lfcp_way way,
                        char label, uint8_t sub_key[LFCP_KEY])
{
    char info[sizeof DOMAIN ",seal,D,A"];
    lfcp_writer writer = {info, sizeof info, 0};
    if (label < 'A' || label > 'Z') {
        return LFCP_INVALID;
    }
    lfcp_put_word(&writer, purpose == LFCP_PURPOSE_TAG ? DOMAIN ",tag," : DOMAIN ",seal,");
    lfcp_put_word(&writer, way == LFCP_WAY_UP ? "U," : "D,");
    lfcp_put(&writer, (lfcp_text){&label, 1});
    return lfcp_hkdf(crypto, key, (lfcp_text){info, writer.length}, sub_key);
}

lfcp_status lfcp_tag_of(const lfcp_crypto *crypto, const uint8_t tag_key[LFCP_KEY], const uint8_t *head, size_t length,
                        char tag[LFCP_TAG])
{
    uint8_t mac[LFCP_MAC];
    if (crypto->hmac_sha256(crypto->context, tag_key, LFCP_KEY, (const uint8_t *)DOMAIN, sizeof DOMAIN - 1, head,
                            length, mac))
{
        return LFCP_CRYPTO_FAILED;
    }
    lfcp_to_base64url(mac, TAG_BYTES, tag);
    return LFCP_OK;
}

/* Takes as long whatever differs, so that no tag can be found byte by byte. */
static bool are_equal(const char *one, const char *other, size_t length)
{
    volatile uint8_t difference = 0;
    for (size_t at = 0; at < length; at++) {
        difference = (uint8_t)(difference | (one[at] ^ other[at]));
    }
    return difference == 0;
}

lfcp_status lfcp_verify(const lfcp_crypto *crypto, const uint8_t tag_key[LFCP_KEY], const uint8_t *frame,
                        const lfcp_message *message)
{
    if (!message->has_signature) {
        return LFCP_NOT_SIGNED;
    }
    char tag[LFCP_TAG];
    size_t head = message->content_length - LFCP_TAG;
    lfcp_status status = lfcp_tag_of(crypto, tag_key, frame, head, tag);
    if (status != LFCP_OK) {
        return status;
    }
    return are_equal(tag, (const char *)frame + head, LFCP_TAG) ? LFCP_OK : LFCP_BAD_TAG;
}

lfcp_status lfcp_key_from_text(const char *text, size_t length, uint8_t key[LFCP_KEY])
{
    lfcp_text whole = {text, length};
    if (length != LFCP_BASE64URL_TEXT(LFCP_KEY) || !lfcp_from_base64url(whole, key)) {
        return LFCP_BAD_KEY;
    }
    return LFCP_OK;
}
