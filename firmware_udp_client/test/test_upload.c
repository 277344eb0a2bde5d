/* Pictures: what a line says, what an answer does, and what SNAP and LIVE ask for. */
#include "lfcp_upload.h"

#include "check.h"
#include "client_world.h"
#include "vectors.h"

static const uint8_t jpeg[100] = {0xff, 0xd8, 0xff};

static world w;
static lfcp_picture picture;
static lfcp_upload upload;
static uint8_t line[LFCP_UPLOAD_MAX_LINE];
static size_t line_length;
static lfcp_message announced; /* by the last line */

static void with_a_camera(void)
{
    static const lfcp_verb verbs[] = {LFCP_VERB_SNAP, LFCP_VERB_LIVE};
    for (size_t at = 0; at < 2; at++) {
        lfcp_command_entry entry = {verbs[at], w.entries[0].handler, &w};
        w.entries[w.config.command_count++] = entry;
    }
}

static void begin(lfcp_trigger trigger, const char *id)
{
    CHECK(lfcp_picture_name(&picture, &w.client, jpeg, sizeof jpeg, trigger, id) == LFCP_OK);
    lfcp_upload_begin(&upload, &picture, 0);
}

/* What the next line announces: its offset, or -1 if there is none now. */
static int announces(void)
{
    line_length = 0;
    CHECK(lfcp_upload_poll(&upload, &w.client, w.now, line, sizeof line, &line_length) == LFCP_OK);
    if (line_length == 0) {
        return -1;
    }
    CHECK(line[line_length - 1] == '\n' && lfcp_decode(line, line_length, &announced) == LFCP_OK);
    CHECK(announced.verb == LFCP_VERB_FRAM && announced.has_signature == (w.config.key != NULL));
    return (int)upload.offset;
}

static bool announced_is(unsigned at, const char *text)
{
    return are_same(announced.params[at - 1].at, announced.params[at - 1].length, text, strlen(text));
}

static bool answer(const char *result, const char *detail, const char *id)
{
    char frame[LFCP_MAX_FRAME];
    (void)snprintf(frame, sizeof frame, "cam1,ACK,0,%s,%s,%s,0,0", result, detail, id);
    lfcp_status status = w.config.key == NULL
                             ? serve_text(&w, 0, frame)
                             : serve(&w, 0, LFCP_VERB_ACK, hex_of(announced.counter), result, detail, id);
    CHECK(status == LFCP_OK);
    return w.event.kind == LFCP_EVENT_PICTURE_ANSWERED &&
           lfcp_upload_answered(&upload, &w.client, &w.event.answer, w.now);
}

static void unsigned_with_crypto(void)
{
    world_begin_unsigned(&w);
    w.config.crypto = &w.crypto;
}

static void lines_are_those_of_the_vectors(void)
{
    const part_vector *vector;
    unsigned_with_crypto();
    for (vector = part_vectors; vector < part_vectors + sizeof part_vectors / sizeof *part_vectors; vector++) {
        check_why = vector->why;
        picture = (lfcp_picture){.length = vector->total, .trigger = vector->trigger};
        memcpy(picture.id, vector->upload, strlen(vector->upload) + 1);
        memcpy(picture.digest, vector->digest, strlen(vector->digest) + 1);
        lfcp_upload_begin(&upload, &picture, 0);
        upload.offset = vector->offset;
        CHECK(announces() == (int)vector->offset);
        CHECK(are_same(line, line_length - 1, vector->line, strlen(vector->line)));
    }
}

static void the_longest_line_fits(void)
{
    world_prepare(&w);
    w.config.name = "a234567890123456789012345678901b";
    w.client.counter = 0;
    CHECK(world_start(&w, UINT64_MAX) == LFCP_OK);
    w.client.pictures = UINT32_MAX - 1;
    w.client.counter = w.client.reserved = UINT64_MAX - 2 * LFCP_COUNTER_BLOCK;
    begin(LFCP_TRIGGER_SCHEDULE, NULL);
    CHECK(strlen(picture.id) == LFCP_UPLOAD_ID);
    picture.length = LFCP_MAX_PICTURE;
    upload.offset = LFCP_MAX_PICTURE - 1;
    CHECK(announces() == LFCP_MAX_PICTURE - 1 && line_length == LFCP_UPLOAD_MAX_LINE);
    CHECK(lfcp_upload_poll(&upload, &w.client, w.now, line, sizeof line - 1, &line_length) == LFCP_NO_SPACE);
}

static void it_asks_sends_the_rest_and_is_over(void)
{
    world_meet(&w);
    begin(LFCP_TRIGGER_ALARM, NULL);
    CHECK(lfcp_upload_wakeup_ms(&upload) == 0 && lfcp_upload_is_open(&upload));
    CHECK(announces() == 100 && announced_is(1, "9f3c.1") && announced_is(2, "100:100") && announced_is(4, "alarm"));
    CHECK(lfcp_upload_wakeup_ms(&upload) == UINT64_MAX && announces() == -1 && lfcp_upload_is_open(&upload));
    CHECK(announced.counter > w.highest_counter);
    CHECK(answer("1", "40", "9f3c.1") && announces() == 40 && announced_is(2, "40:100"));
    CHECK(answer("0", "0", "9f3c.1") && upload.state == LFCP_UPLOAD_ARRIVED && !lfcp_upload_is_open(&upload));
    CHECK(announces() == -1 && lfcp_upload_wakeup_ms(&upload) == UINT64_MAX);
}

static void the_digest_is_the_first_half_of_its_sha_256(void)
{
    uint8_t hash[32];
    char text[LFCP_PICTURE_DIGEST + 1] = "";
    world_meet(&w);
    begin(LFCP_TRIGGER_DEVICE, NULL);
    CHECK(lfcp_crypto_mbedtls.sha256(NULL, jpeg, sizeof jpeg, hash) == 0);
    for (size_t at = 0; at < LFCP_PICTURE_DIGEST / 2; at++) {
        (void)snprintf(text + 2 * at, 3, "%02x", hash[at]);
    }
    CHECK(strcmp(picture.digest, text) == 0);
}

static void what_is_refused_for_good_is_over(void)
{
    world_meet(&w);
    begin(LFCP_TRIGGER_ALARM, NULL);
    CHECK(announces() == 100 && answer("3", "not_adopted", "9f3c.1"));
    CHECK(upload.state == LFCP_UPLOAD_REFUSED && announces() == -1);
    CHECK(are_same(w.event.answer.reason.at, w.event.answer.reason.length, "not_adopted", 11));
}

static void each_wait_is_twice_the_one_before_and_then_it_is_given_up(void)
{
    for (int breaks = 0; breaks < 2; breaks++) {
        world_meet(&w);
        begin(LFCP_TRIGGER_ALARM, NULL);
        for (unsigned tries = 0; tries < LFCP_UPLOAD_TRIES; tries++) {
            CHECK(upload.state == LFCP_UPLOAD_WAITS && announces() == 100);
            if (breaks != 0) {
                lfcp_upload_broke(&upload, &w.client, w.now);
            } else {
                CHECK(answer("2", "busy", "9f3c.1"));
            }
            CHECK(announces() == -1);
            uint64_t due = w.now + ((uint64_t)LFCP_UPLOAD_AGAIN_MS << tries);
            CHECK(upload.state == LFCP_UPLOAD_GIVEN_UP || lfcp_upload_wakeup_ms(&upload) == due);
            w.now = due;
        }
        CHECK(upload.state == LFCP_UPLOAD_GIVEN_UP && !lfcp_upload_is_open(&upload));
    }
}

static void waits_are_spread(void)
{
    world_meet(&w);
    w.random = UINT32_MAX;
    begin(LFCP_TRIGGER_ALARM, NULL);
    CHECK(announces() == 100 && answer("2", "busy", "9f3c.1"));
    CHECK(lfcp_upload_wakeup_ms(&upload) == w.now + LFCP_UPLOAD_AGAIN_MS * 11 / 10 - 1);
}

static void a_try_after_which_the_server_has_more_counts_as_the_first(void)
{
    world_meet(&w);
    begin(LFCP_TRIGGER_ALARM, NULL);
    for (unsigned tens = 1; tens < 10; tens++) {
        CHECK(announces() == 100 && answer("1", hex_of(tens * 16), "9f3c.1")); /* "10", "20", … */
        CHECK(announces() == (int)tens * 10);
        lfcp_upload_broke(&upload, &w.client, w.now);
        CHECK(lfcp_upload_wakeup_ms(&upload) == w.now + LFCP_UPLOAD_AGAIN_MS);
        w.now += LFCP_UPLOAD_AGAIN_MS;
    }
}

static void an_offset_that_leads_nowhere_is_a_try_in_vain(void)
{
    static const char *const offsets[] = {"100", "101", "99999999"};
    for (size_t at = 0; at < 3; at++) {
        world_meet(&w);
        begin(LFCP_TRIGGER_ALARM, NULL);
        CHECK(announces() == 100 && answer("1", offsets[at], "9f3c.1") && announces() == -1);
        w.now += LFCP_UPLOAD_AGAIN_MS;
        CHECK(announces() == 100 && answer("1", "0", "9f3c.1") && announces() == 0);
        CHECK(answer("1", "7", "9f3c.1") && announces() == -1); /* to a part that was sent */
    }
}

static void what_is_not_its_answer_changes_nothing(void)
{
    static const char *const not_of_the_form[][3] = {
        {"4", "0", "9f3c.1"}, {"00", "0", "9f3c.1"}, {"1", "x", "9f3c.1"}, {"1", "01", "9f3c.1"}, {"0", "0", "9f3c"},
        {"0", "0", "9F3C.1"}, {"0", "0", ".1"},      {"0", "0", "9f3c.01"}, {"0", "0", "9f3c.x"},  {"0", "0", "26"},
        {"0", "0", "9f3c."},  {"0", "0", "A.0"},     {"/", "0", "9f3c.1"},  {"1", "100000000", "9f3c.1"},
        {"0", "0", "fffffffffffffffff.1"}, {"0", "0", "9f3c.111111111"}, {"0", "0", "9f3c/1"},
    };
    unsigned_with_crypto();
    begin(LFCP_TRIGGER_ALARM, NULL);
    CHECK(!answer("0", "0", "9f3c.1")); /* nothing is under way */
    CHECK(announces() == 100);
    for (size_t at = 0; at < sizeof not_of_the_form / sizeof *not_of_the_form; at++) {
        check_why = not_of_the_form[at][2];
        CHECK(!answer(not_of_the_form[at][0], not_of_the_form[at][1], not_of_the_form[at][2]));
        CHECK(w.event.kind != LFCP_EVENT_PICTURE_ANSWERED);
    }
    CHECK(!answer("0", "0", "9f3c.2") && w.event.kind == LFCP_EVENT_PICTURE_ANSWERED); /* another picture's */
    CHECK(upload.state == LFCP_UPLOAD_UNDER_WAY);
    CHECK(answer("2", "busy", "9f3c.1"));
    lfcp_upload_broke(&upload, &w.client, w.now); /* nothing is under way */
    CHECK(lfcp_upload_wakeup_ms(&upload) == w.now + LFCP_UPLOAD_AGAIN_MS);
}

static void a_signed_answer_counts_once_and_only_to_what_was_sent(void)
{
    world_meet(&w);
    begin(LFCP_TRIGGER_ALARM, NULL);
    CHECK(announces() == 100);
    CHECK(serve_text(&w, 0, "cam1,ACK,0,0,0,9f3c.1,0,0") == LFCP_NOT_SIGNED);
    CHECK(serve(&w, 0, LFCP_VERB_ACK, hex_of(announced.counter + 1), "0", "0", "9f3c.1") == LFCP_OK);
    CHECK(w.event.kind == LFCP_EVENT_NONE);
    CHECK(answer("1", "40", "9f3c.1"));
    CHECK(serve_again(&w, 0) == LFCP_REPLAYED);
}

static void an_answer_that_later_frames_overtook_counts_once(void)
{
    world_meet(&w);
    begin(LFCP_TRIGGER_ALARM, NULL);
    CHECK(announces() == 100);
    uint64_t before = w.down[0];
    w.down[0] += 10000;
    CHECK(serve(&w, 0, LFCP_VERB_ACK, "1", "0", "0", "0") == LFCP_OK);
    w.down[0] = before;
    CHECK(serve(&w, 0, LFCP_VERB_ACK, hex_of(announced.counter - 1), "0", "0", "9f3c.1") == LFCP_REPLAYED);
    CHECK(answer("1", "40", "9f3c.1") && announces() == 40);
    w.down[0] = before;
    CHECK(serve(&w, 0, LFCP_VERB_ACK, hex_of(announced.counter - 1), "1", "40", "9f3c.1") == LFCP_REPLAYED);
    CHECK(answer("0", "0", "9f3c.1") && serve_again(&w, 0) == LFCP_REPLAYED);
}

static void an_unsigned_answer_is_no_heartbeats(void)
{
    unsigned_with_crypto();
    CHECK(poll_all(&w) == 2);
    CHECK(serve_text(&w, 0, "cam1,ACK,0,0,0,A.1,0,0") == LFCP_OK && w.event.kind == LFCP_EVENT_PICTURE_ANSWERED);
    CHECK(serve_text(&w, 0, "cam1,ACK,0,0,0,0,0,0") == LFCP_OK && w.event.kind == LFCP_EVENT_HEARTBEAT_ANSWERED);
}

static void a_live_picture_is_sent_whole_and_once(void)
{
    static const struct {
        const char *result;
        lfcp_upload_state state;
    } ends[] = {{"0", LFCP_UPLOAD_ARRIVED}, {"1", LFCP_UPLOAD_GIVEN_UP}, {"2", LFCP_UPLOAD_GIVEN_UP},
                {"3", LFCP_UPLOAD_REFUSED}};
    world_meet(&w);
    for (size_t at = 0; at < 4; at++) {
        begin(LFCP_TRIGGER_LIVE, NULL);
        CHECK(announces() == 0 && announced_is(4, "live"));
        CHECK(answer(ends[at].result, "0", picture.id) && upload.state == ends[at].state);
    }
    begin(LFCP_TRIGGER_LIVE, NULL);
    CHECK(strcmp(picture.id, "9f3c.5") == 0 && announces() == 0);
    lfcp_upload_broke(&upload, &w.client, w.now);
    CHECK(upload.state == LFCP_UPLOAD_GIVEN_UP);
}

static void what_cannot_be_a_picture_gets_no_name(void)
{
    static const char *const ids[] = {"", "x", "A.", "A.0", "a.b.c", "9f3c.123456789"};
    world_meet(&w);
    CHECK(lfcp_picture_name(&picture, &w.client, jpeg, 0, LFCP_TRIGGER_ALARM, NULL) == LFCP_INVALID);
    CHECK(lfcp_picture_name(&picture, &w.client, jpeg, LFCP_MAX_PICTURE + 1, LFCP_TRIGGER_ALARM, NULL) == LFCP_INVALID);
    CHECK(lfcp_picture_name(&picture, &w.client, jpeg, 1, LFCP_TRIGGER_COUNT, NULL) == LFCP_INVALID);
    for (size_t at = 0; at < sizeof ids / sizeof *ids; at++) {
        CHECK(lfcp_picture_name(&picture, &w.client, jpeg, 1, LFCP_TRIGGER_COMMAND, ids[at]) == LFCP_INVALID);
    }
    w.crypto_fails = 1;
    CHECK(lfcp_picture_name(&picture, &w.client, jpeg, 1, LFCP_TRIGGER_ALARM, NULL) == LFCP_CRYPTO_FAILED);
    world_begin_unsigned(&w);
    CHECK(lfcp_picture_name(&picture, &w.client, jpeg, 1, LFCP_TRIGGER_ALARM, NULL) == LFCP_INVALID);
}

static void a_line_that_cannot_be_made_is_tried_again_later(void)
{
    world_meet(&w);
    begin(LFCP_TRIGGER_ALARM, NULL);
    w.crypto_fails = 1;
    CHECK(lfcp_upload_poll(&upload, &w.client, w.now, line, sizeof line, &line_length) == LFCP_CRYPTO_FAILED);
    w.crypto_fails = 0;
    CHECK(line_length == 0 && announces() == -1);
    CHECK(lfcp_upload_wakeup_ms(&upload) == w.now + LFCP_HEARTBEAT_AGAIN_MS);
    w.now += LFCP_HEARTBEAT_AGAIN_MS;
    CHECK(announces() == 100);
}

static void heartbeats_announce_a_camera(void)
{
    world_prepare(&w);
    with_a_camera();
    CHECK(world_start(&w, 0x9f3c) == LFCP_OK && poll_all(&w) == 2);
    CHECK(param_is(last(&w, 0), 4, "cspl.-.0"));
    world_prepare(&w);
    CHECK(world_start(&w, 0x9f3c) == LFCP_OK && poll_all(&w) == 2);
    CHECK(param_is(last(&w, 0), 4, "cs.-.0"));
}

static void snap_and_live_are_handed_on_with_what_they_say(void)
{
    world_prepare(&w);
    with_a_camera();
    CHECK(world_start(&w, 0x9f3c) == LFCP_OK && poll_all(&w) == 2 && acknowledge_beats(&w) == LFCP_OK);
    w.leave_running = true;
    CHECK(command(&w, 0, LFCP_VERB_SNAP, "A.1f", "0", "A.1f") == LFCP_OK && w.event.kind == LFCP_EVENT_COMMAND);
    CHECK(w.done_count == 1 && w.done[0].verb == LFCP_VERB_SNAP && strcmp(w.done[0].p1, "A.1f") == 0);
    begin(LFCP_TRIGGER_COMMAND, w.done[0].p1);
    CHECK(lfcp_client_command_done(&w.client) == LFCP_OK && poll_all(&w) == 1);
    CHECK(announces() == 100 && announced_is(1, "A.1f") && announced_is(4, "command"));
    CHECK(command(&w, 0, LFCP_VERB_SNAP, "A.1f", "0", "A.1f") == LFCP_OK);
    CHECK(w.event.kind == LFCP_EVENT_COMMAND_REPEATED && w.done_count == 1 && poll_all(&w) == 1);
    CHECK(command(&w, 0, LFCP_VERB_LIVE, "600", "0", "A.20") == LFCP_OK && strcmp(w.done[1].p1, "600") == 0);
    CHECK(lfcp_client_command_done(&w.client) == LFCP_OK && poll_all(&w) == 1);
}

static void a_parameter_that_is_none_fails_the_command(void)
{
    static const struct {
        lfcp_verb verb;
        const char *p1;
    } wrong[] = {{LFCP_VERB_SNAP, "0"},    {LFCP_VERB_SNAP, "9f3c.1"}, {LFCP_VERB_LIVE, "0"}, {LFCP_VERB_LIVE, "601"},
                 {LFCP_VERB_LIVE, "06"},   {LFCP_VERB_LIVE, "x"}};
    world_prepare(&w);
    with_a_camera();
    CHECK(world_start(&w, 0x9f3c) == LFCP_OK && poll_all(&w) == 2 && acknowledge_beats(&w) == LFCP_OK);
    for (size_t at = 0; at < sizeof wrong / sizeof *wrong; at++) {
        check_why = wrong[at].p1;
        CHECK(command(&w, 0, wrong[at].verb, wrong[at].p1, "0", hex_of(0xa000 + at)) == LFCP_BAD_PARAMETER);
        char id[8];
        (void)snprintf(id, sizeof id, "A.%x", (unsigned)at + 1);
        CHECK(command(&w, 0, wrong[at].verb, wrong[at].p1, "0", id) == LFCP_OK);
        CHECK(w.event.kind == LFCP_EVENT_COMMAND_REFUSED && w.done_count == 0);
    }
}

int main(void)
{
    RUN(lines_are_those_of_the_vectors);
    RUN(the_longest_line_fits);
    RUN(it_asks_sends_the_rest_and_is_over);
    RUN(the_digest_is_the_first_half_of_its_sha_256);
    RUN(what_is_refused_for_good_is_over);
    RUN(each_wait_is_twice_the_one_before_and_then_it_is_given_up);
    RUN(waits_are_spread);
    RUN(a_try_after_which_the_server_has_more_counts_as_the_first);
    RUN(an_offset_that_leads_nowhere_is_a_try_in_vain);
    RUN(what_is_not_its_answer_changes_nothing);
    RUN(a_signed_answer_counts_once_and_only_to_what_was_sent);
    RUN(an_answer_that_later_frames_overtook_counts_once);
    RUN(an_unsigned_answer_is_no_heartbeats);
    RUN(a_live_picture_is_sent_whole_and_once);
    RUN(what_cannot_be_a_picture_gets_no_name);
    RUN(a_line_that_cannot_be_made_is_tried_again_later);
    RUN(heartbeats_announce_a_camera);
    RUN(snap_and_live_are_handed_on_with_what_they_say);
    RUN(a_parameter_that_is_none_fails_the_command);
    return checked();
}
