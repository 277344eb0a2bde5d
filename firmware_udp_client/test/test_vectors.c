/* The golden values of protocol/vectors, which bind every implementation of LFCP. */
#include <stdlib.h>

#include "check.h"
#include "hex.h"
#include "lfcp_internal.h"
#include "lfcp_signing.h"
#include "vectors.h"

#define EACH(vector, table) (vector) = (table); (vector) < (table) + sizeof(table) / sizeof *(table); (vector)++

static const lfcp_crypto *const crypto = &lfcp_crypto_mbedtls;

static lfcp_verb verb_of(const char *name)
{
    lfcp_verb verb = LFCP_VERB_COUNT;
    lfcp_find_verb(lfcp_text_of(name), &verb);
    return verb;
}

static bool text_is(lfcp_text text, const char *expected)
{
    return are_same(text.at, text.length, expected, strlen(expected));
}

/* A copy of exactly that size, so that a sanitizer sees who reads beyond; the caller frees it. */
static uint8_t *copy_of(bytes frame, size_t times)
{
    uint8_t *copy = malloc(frame.length * times + 1);
    copy = copy == NULL ? NULL : realloc(copy, frame.length * times + (frame.length * times == 0));
    if (copy == NULL) {
        abort();
    }
    for (size_t at = 0; at < times; at++) {
        memcpy(copy + at * frame.length, frame.at, frame.length);
    }
    return copy;
}

static lfcp_status sub_key_of(vector_key from, uint8_t sub_key[LFCP_KEY])
{
    uint8_t key[LFCP_KEY];
    lfcp_status status = lfcp_key_from_text(from.text, strlen(from.text), key);
    return status == LFCP_OK ? lfcp_derive(crypto, key, from.purpose, from.way, from.label, sub_key) : status;
}

static void frames_are_read_or_refused(void)
{
    const read_vector *vector;
    for (EACH(vector, read_vectors)) {
        check_why = vector->why;
        lfcp_message message;
        uint8_t *frame = copy_of(vector->frame, vector->times);
        CHECK(lfcp_decode(frame, vector->frame.length * vector->times, &message) == vector->reason);
        if (vector->reason == LFCP_OK) {
            CHECK(text_is(message.name, vector->name));
            CHECK(message.verb == verb_of(vector->verb));
            CHECK(!message.has_signature && message.counter == 0);
            for (size_t at = 0; at < LFCP_PARAMETERS; at++) {
                CHECK(text_is(message.params[at], vector->params[at]));
            }
        }
        free(frame);
    }
}

static void take_params(const sent_vector *vector, lfcp_text *params)
{
    for (size_t at = 0; at < vector->count; at++) {
        params[at].at = vector->params[at].at;
        params[at].length = vector->params[at].length;
    }
}

static void frames_are_sent_or_not(void)
{
    const sent_vector *vector;
    for (EACH(vector, sent_vectors)) {
        check_why = vector->why;
        uint8_t frame[LFCP_SEND_MAX_FRAME];
        size_t length = 0;
        lfcp_text params[8];
        take_params(vector, params);
        CHECK(lfcp_encode(frame, sizeof frame, &length, lfcp_text_of(vector->name), verb_of(vector->verb), params,
                          vector->count) == vector->reason);
        CHECK(are_same(frame, length, vector->frame, strlen(vector->frame)));
    }
}

static void sub_keys_are_derived(void)
{
    const sub_key_vector *vector;
    for (EACH(vector, sub_key_vectors)) {
        check_why = vector->why;
        uint8_t sub_key[LFCP_KEY];
        CHECK(sub_key_of(vector->key, sub_key) == LFCP_OK);
        CHECK(is_hex(sub_key, sizeof sub_key, vector->sub_key));
    }
}

static void keys_are_read_from_text(void)
{
    const key_text_vector *vector;
    for (EACH(vector, key_text_vectors)) {
        check_why = vector->why;
        uint8_t key[LFCP_KEY];
        CHECK(lfcp_key_from_text(vector->text.at, vector->text.length, key) == vector->reason);
        CHECK(vector->reason != LFCP_OK || is_hex(key, sizeof key, vector->key));
    }
}

static void signed_frames_are_sent_or_not(void)
{
    const signed_vector *vector;
    for (EACH(vector, signed_vectors)) {
        const sent_vector *sent = &vector->sent;
        check_why = sent->why;
        uint8_t tag_key[LFCP_KEY], frame[LFCP_SIGNED_MAX_FRAME];
        size_t length = 0;
        lfcp_text params[8];
        take_params(sent, params);
        CHECK(sub_key_of(vector->key, tag_key) == LFCP_OK);
        CHECK(lfcp_encode_signed(crypto, tag_key, vector->counter, frame, sizeof frame, &length,
                                 lfcp_text_of(sent->name), verb_of(sent->verb), params,
                                 sent->count) == sent->reason);
        CHECK(are_same(frame, length, sent->frame, strlen(sent->frame)));
    }
}

static void signed_frames_are_taken_or_refused(void)
{
    const signed_read_vector *vector;
    for (EACH(vector, signed_read_vectors)) {
        check_why = vector->why;
        uint8_t tag_key[LFCP_KEY];
        lfcp_message message;
        uint8_t *frame = copy_of(vector->frame, 1);
        CHECK(sub_key_of(vector->key, tag_key) == LFCP_OK);
        lfcp_status status = lfcp_decode(frame, vector->frame.length, &message);
        CHECK((status == LFCP_OK ? lfcp_verify(crypto, tag_key, frame, &message) : status) == vector->reason);
        free(frame);
    }
}

static void signed_frames_are_read_as_they_were_meant(void)
{
    const signed_vector *vector;
    for (EACH(vector, signed_vectors)) {
        const sent_vector *sent = &vector->sent;
        check_why = sent->why;
        lfcp_message message;
        if (sent->reason != LFCP_OK) {
            continue;
        }
        CHECK(lfcp_decode((const uint8_t *)sent->frame, strlen(sent->frame), &message) == LFCP_OK);
        CHECK(text_is(message.name, sent->name));
        CHECK(message.verb == verb_of(sent->verb));
        CHECK(message.has_signature && message.counter == vector->counter);
        for (size_t at = 0; at < 4; at++) {
            CHECK(text_is(message.params[at], at < sent->count ? sent->params[at].at : "0"));
        }
    }
}

static void parameters_are_opened_or_not(void)
{
    const sealed_vector *vector;
    for (EACH(vector, sealed_vectors)) {
        check_why = vector->why;
        uint8_t seal_key[LFCP_KEY];
        char text[LFCP_SIGNED_MAX_FIELD];
        size_t length = 0;
        lfcp_text field = {vector->field.at, vector->field.length};
        CHECK(sub_key_of(vector->key, seal_key) == LFCP_OK);
        CHECK(lfcp_unseal(crypto, seal_key, vector->counter, lfcp_text_of(vector->name), verb_of(vector->verb),
                          vector->at, field, text, sizeof text, &length) == vector->reason);
        CHECK(vector->reason != LFCP_OK || are_same(text, length, vector->text, strlen(vector->text)));
    }
}

static void parameters_are_sealed(void)
{
    const sealed_vector *vector;
    for (EACH(vector, sealed_vectors)) {
        check_why = vector->why;
        uint8_t seal_key[LFCP_KEY];
        char field[LFCP_SIGNED_MAX_FIELD];
        size_t length = 0;
        if (vector->reason != LFCP_OK) {
            continue;
        }
        CHECK(sub_key_of(vector->key, seal_key) == LFCP_OK);
        CHECK(lfcp_seal(crypto, seal_key, vector->counter, lfcp_text_of(vector->name), verb_of(vector->verb),
                        vector->at, lfcp_text_of(vector->text), field, sizeof field, &length) == LFCP_OK);
        CHECK(are_same(field, length, vector->field.at, vector->field.length));
    }
}

static void counters_are_taken_once(void)
{
    const counters_vector *vector;
    for (EACH(vector, counters_vectors)) {
        check_why = vector->why;
        lfcp_window window;
        lfcp_window_open(&window, vector->opened_at);
        for (size_t at = 0; at < vector->count; at++) {
            lfcp_status expected = vector->is_new[at] ? LFCP_OK : LFCP_REPLAYED;
            CHECK(lfcp_window_accept(&window, vector->counters[at]) == expected);
        }
    }
}

static void settings_are_digested(void)
{
    const digest_vector *vector;
    for (EACH(vector, digest_vectors)) {
        check_why = vector->why;
        char digest[LFCP_DIGEST + 1];
        CHECK(lfcp_settings_digest(crypto, vector->given, vector->values, digest) == LFCP_OK);
        CHECK(strcmp(digest, vector->digest) == 0);
    }
}

int main(void)
{
    RUN(frames_are_read_or_refused);
    RUN(frames_are_sent_or_not);
    RUN(sub_keys_are_derived);
    RUN(keys_are_read_from_text);
    RUN(signed_frames_are_sent_or_not);
    RUN(signed_frames_are_taken_or_refused);
    RUN(signed_frames_are_read_as_they_were_meant);
    RUN(parameters_are_opened_or_not);
    RUN(parameters_are_sealed);
    RUN(counters_are_taken_once);
    RUN(settings_are_digested);
    return checked();
}
