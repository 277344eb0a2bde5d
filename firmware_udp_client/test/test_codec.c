/* What the vectors do not say of the codec: the caller's buffers, and texts for statuses. */
#include "check.h"
#include "lfcp_internal.h"

#define GUARD 0xa5

static const uint8_t tag_key[LFCP_KEY] = {1, 2, 3};

static lfcp_text text(const char *of)
{
    return lfcp_text_of(of);
}

static bool is_untouched(const uint8_t *bytes, size_t from, size_t to)
{
    while (from < to && bytes[from] == GUARD) {
        from++;
    }
    return from == to;
}

static void every_status_has_its_own_text(void)
{
    for (unsigned one = 0; one <= (unsigned)LFCP_INVALID; one++) {
        CHECK(strlen(lfcp_status_text((lfcp_status)one)) > 0);
        for (unsigned other = 0; other < one; other++) {
            CHECK(strcmp(lfcp_status_text((lfcp_status)one), lfcp_status_text((lfcp_status)other)) != 0);
        }
    }
    CHECK(strcmp(lfcp_status_text(LFCP_OK), "ok") == 0);
    CHECK(strcmp(lfcp_status_text(LFCP_BAD_TAG), "bad_tag") == 0);
    CHECK(strcmp(lfcp_status_text(LFCP_INVALID), "invalid") == 0);
    CHECK(strcmp(lfcp_status_text((lfcp_status)((unsigned)LFCP_INVALID + 1)), "unknown") == 0);
}

static void every_verb_is_found_by_its_name(void)
{
    for (unsigned at = 0; at < LFCP_VERB_COUNT; at++) {
        lfcp_verb verb = LFCP_VERB_COUNT;
        CHECK(lfcp_find_verb(text(lfcp_verb_entry_of((lfcp_verb)at)->name), &verb));
        CHECK((unsigned)verb == at);
    }
    lfcp_verb verb = LFCP_VERB_SYNC;
    CHECK(!lfcp_find_verb(text("SYN"), &verb) && !lfcp_find_verb(text("SYNCH"), &verb));
    CHECK(verb == LFCP_VERB_SYNC);
}

static void the_table_says_who_sends_what(void)
{
    const lfcp_verb_entry *secret = lfcp_verb_entry_of(LFCP_VERB_TLGC);
    CHECK(secret->secret && secret->command && secret->sender == LFCP_FROM_SERVER && secret->limit[0] == 47);
    const lfcp_verb_entry *beat = lfcp_verb_entry_of(LFCP_VERB_HEARTBEAT);
    CHECK(!beat->secret && !beat->command && beat->sender == LFCP_FROM_DEVICE && beat->limit[3] == 38);
    const lfcp_verb_entry *ack = lfcp_verb_entry_of(LFCP_VERB_ACK);
    CHECK(ack->sender == LFCP_FROM_BOTH && ack->limit[0] == 0 && ack->signed_limit[0] == 16);
}

static void a_frame_is_written_only_where_it_fits(void)
{
    static const char expected[] = "cam1,LOG,hello,0,0,0,0,0";
    lfcp_text said = text("hello");
    for (size_t size = 0; size <= sizeof expected; size++) {
        uint8_t frame[sizeof expected + 1];
        size_t length = 0;
        memset(frame, GUARD, sizeof frame);
        lfcp_status status = lfcp_encode(frame, size, &length, text("cam1"), LFCP_VERB_LOG, &said, 1);
        CHECK(status == (size < sizeof expected - 1 ? LFCP_NO_SPACE : LFCP_OK));
        CHECK(length == sizeof expected - 1);
        CHECK(status != LFCP_OK || memcmp(frame, expected, length) == 0);
        CHECK(is_untouched(frame, size, sizeof frame));
    }
}

static void a_signed_frame_is_written_only_where_it_fits(void)
{
    static const char head[] = "cam1,LOG,hello,0,0,0,1a,";
    lfcp_text said = text("hello");
    size_t needed = sizeof head - 1 + LFCP_TAG;
    for (size_t size = 0; size <= needed + 1; size++) {
        uint8_t frame[64];
        size_t length = 0;
        memset(frame, GUARD, sizeof frame);
        lfcp_status status = lfcp_encode_signed(&lfcp_crypto_mbedtls, tag_key, 0x1a, frame, size, &length,
                                                text("cam1"), LFCP_VERB_LOG, &said, 1);
        CHECK(status == (size < needed ? LFCP_NO_SPACE : LFCP_OK));
        CHECK(length == needed);
        CHECK(status != LFCP_OK || memcmp(frame, head, sizeof head - 1) == 0);
        CHECK(is_untouched(frame, size, sizeof frame));
    }
}

static void a_verb_beyond_the_table_is_unknown(void)
{
    uint8_t frame[LFCP_SEND_MAX_FRAME];
    size_t length = 0;
    CHECK(lfcp_encode(frame, sizeof frame, &length, text("cam1"), LFCP_VERB_COUNT, NULL, 0) == LFCP_UNKNOWN_VERB);
    CHECK(length == 0);
}

static void what_the_message_says_lies_within_the_frame(void)
{
    static const uint8_t frame[] = "cam1,MOAL,garden gate,0,9f3c.1,0,192,3DoSv_fh_hv0qbHk\r\n";
    lfcp_message message;
    CHECK(lfcp_decode(frame, sizeof frame, &message) == LFCP_OK);
    CHECK(message.content_length == sizeof frame - 3);
    CHECK(message.name.at == (const char *)frame && message.name.length == 4);
    CHECK(message.params[0].at == (const char *)frame + 10 && message.params[0].length == 11);
    CHECK(message.params[5].at + message.params[5].length == (const char *)frame + message.content_length);
}

static void nothing_at_all_is_an_empty_frame(void)
{
    lfcp_message message;
    CHECK(lfcp_decode(NULL, 0, &message) == LFCP_EMPTY);
    CHECK(lfcp_decode((const uint8_t *)"\n\0\r", 3, &message) == LFCP_EMPTY);
}

static void one_nul_ends_a_frame_and_two_do_not(void)
{
    lfcp_message message;
    CHECK(lfcp_decode((const uint8_t *)"c,RST,0,0,0,0,0,0\0\n", 19, &message) == LFCP_OK);
    CHECK(lfcp_decode((const uint8_t *)"c,RST,0,0,0,0,0,0\0\0", 19, &message) == LFCP_CONTROL_CHARACTERS);
}

static void numbers_are_written_in_one_form(void)
{
    char room[32];
    lfcp_writer writer = {room, sizeof room, 0};
    lfcp_put_decimal(&writer, INT32_MIN);
    lfcp_put_word(&writer, " ");
    lfcp_put_decimal(&writer, 0);
    lfcp_put_word(&writer, " ");
    lfcp_put_hex(&writer, UINT64_MAX);
    CHECK(are_same(room, writer.length, "-2147483648 0 ffffffffffffffff", 30));
}

static void counters_are_read_in_one_form(void)
{
    static const char *const none[] = {"", "0", "01", "1A", "1 ", "g", "-1", "10000000000000000"};
    uint64_t counter = 0;
    for (size_t at = 0; at < sizeof none / sizeof *none; at++) {
        check_why = none[at];
        CHECK(!lfcp_read_counter(text(none[at]), &counter) && counter == 0);
    }
    CHECK(lfcp_read_counter(text("ffffffffffffffff"), &counter) && counter == UINT64_MAX);
    CHECK(lfcp_read_counter(text("1a"), &counter) && counter == 0x1a);
}

static void nothing_is_written_as_nothing(void)
{
    lfcp_writer writer = {NULL, 0, 0};
    lfcp_text nothing = {NULL, 0};
    lfcp_put(&writer, nothing);
    CHECK(writer.length == 0);
}

static void a_writer_past_its_end_writes_nothing_more(void)
{
    uint8_t room[8];
    memset(room, GUARD, sizeof room);
    lfcp_writer writer = {(char *)room, 4, 0};
    lfcp_put_word(&writer, "abc");
    lfcp_put_word(&writer, "de");
    lfcp_put_word(&writer, "f");
    CHECK(writer.length == 6);
    CHECK(memcmp(room, "abc", 3) == 0 && is_untouched(room, 3, sizeof room));
}

int main(void)
{
    RUN(every_status_has_its_own_text);
    RUN(every_verb_is_found_by_its_name);
    RUN(the_table_says_who_sends_what);
    RUN(a_frame_is_written_only_where_it_fits);
    RUN(a_signed_frame_is_written_only_where_it_fits);
    RUN(a_verb_beyond_the_table_is_unknown);
    RUN(what_the_message_says_lies_within_the_frame);
    RUN(nothing_at_all_is_an_empty_frame);
    RUN(one_nul_ends_a_frame_and_two_do_not);
    RUN(numbers_are_written_in_one_form);
    RUN(counters_are_read_in_one_form);
    RUN(nothing_is_written_as_nothing);
    RUN(a_writer_past_its_end_writes_nothing_more);
    return checked();
}
