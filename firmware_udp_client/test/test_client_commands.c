/* Commands: once each, acknowledged as often as asked, remembered over restarts where that matters. */
#include <stdlib.h>

#include "check.h"
#include "client_world.h"

static world w;

static bool acknowledged(const char *result, const char *id)
{
    const sent_frame *sent = last(&w, 0);
    return sent->message.verb == LFCP_VERB_ACK && param_is(sent, 1, hex_of(w.down[sent->server])) &&
           param_is(sent, 2, result) && param_is(sent, 3, "0") && param_is(sent, 4, id);
}

static bool failed_with(const char *text, const char *id)
{
    return is(last(&w, 1), 0, LFCP_VERB_ERR) && param_is(last(&w, 1), 1, text) && param_is(last(&w, 1), 4, id) &&
           is(last(&w, 0), 1, LFCP_VERB_ERR);
}

static void a_command_is_carried_out_and_acknowledged(void)
{
    world_meet(&w);
    CHECK(command(&w, 1, LFCP_VERB_TLGS, "0", "0", "B.1f") == LFCP_OK);
    CHECK(w.event.kind == LFCP_EVENT_COMMAND && w.event.verb == LFCP_VERB_TLGS);
    CHECK(w.done_count == 1 && w.done[0].verb == LFCP_VERB_TLGS && w.done[0].server == 1);
    CHECK(strcmp(w.done[0].p1, "0") == 0);
    CHECK(wakeup_in(&w) == 0);
    CHECK(poll_all(&w) == 1 && last(&w, 0)->server == 1 && acknowledged("0", "B.1f"));
}

static void a_repeated_one_gets_its_ack_again(void)
{
    world_meet(&w);
    CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.1") == LFCP_OK && poll_all(&w) == 1);
    CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.1") == LFCP_OK);
    CHECK(w.event.kind == LFCP_EVENT_COMMAND_REPEATED);
    CHECK(w.done_count == 1 && poll_all(&w) == 1 && acknowledged("0", "A.1"));
    CHECK(command(&w, 1, LFCP_VERB_TLGS, "0", "0", "A.1") == LFCP_OK); /* by the other server */
    CHECK(w.done_count == 1 && poll_all(&w) == 1 && last(&w, 0)->server == 1 && acknowledged("0", "A.1"));
}

static void while_one_runs_nothing_is_begun_or_answered(void)
{
    world_meet(&w);
    w.leave_running = true;
    CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.1") == LFCP_OK && w.event.kind == LFCP_EVENT_COMMAND);
    uint64_t begun = w.down[0];
    CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.1") == LFCP_OK);
    CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.2") == LFCP_OK);
    CHECK(command(&w, 1, LFCP_VERB_ENAL, "1", "0", "B.1") == LFCP_OK);
    CHECK(w.event.kind == LFCP_EVENT_COMMAND_REPEATED && w.done_count == 1 && poll_all(&w) == 0);
    CHECK(lfcp_client_command_done(&w.client) == LFCP_OK);
    CHECK(poll_all(&w) == 1 && param_is(last(&w, 0), 1, hex_of(begun)));
    CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.2") == LFCP_OK && w.done_count == 2);
}

static void an_old_ack_is_given_while_another_command_runs(void)
{
    world_meet(&w);
    CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.1") == LFCP_OK && poll_all(&w) == 1);
    w.leave_running = true;
    CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.2") == LFCP_OK);
    CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.1") == LFCP_OK);
    CHECK(poll_all(&w) == 1 && acknowledged("0", "A.1"));
}

static void only_a_running_command_can_be_done_or_fail(void)
{
    world_meet(&w);
    CHECK(lfcp_client_command_done(&w.client) == LFCP_INVALID);
    CHECK(lfcp_client_command_failed(&w.client, "x", w.now) == LFCP_INVALID);
    CHECK(poll_all(&w) == 0);
}

static void one_that_fails_says_why_and_stays_failed(void)
{
    world_meet(&w);
    w.fail_with = "no, camera";
    CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.a1") == LFCP_OK);
    CHECK(poll_all(&w) == 3 && failed_with("no; camera", "A.a1"));
    CHECK(is(last(&w, 2), 0, LFCP_VERB_ACK) && param_is(last(&w, 2), 2, "1"));
    CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.a1") == LFCP_OK);
    CHECK(poll_all(&w) == 1 && acknowledged("1", "A.a1") && w.done_count == 1);
}

static void without_room_for_the_error_the_ack_goes_all_the_same(void)
{
    world_meet(&w);
    for (unsigned at = 0; at < LFCP_CLIENT_EVENTS; at++) {
        CHECK(lfcp_client_queue(&w.client, LFCP_VERB_MOAL, "x", w.now) == LFCP_OK);
    }
    w.leave_running = true;
    CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.1") == LFCP_OK);
    CHECK(lfcp_client_command_failed(&w.client, "x", w.now) == LFCP_NO_ROOM);
    CHECK(poll_all(&w) == 3 && is(last(&w, 2), 0, LFCP_VERB_ACK) && param_is(last(&w, 2), 2, "1"));
}

static void an_unknown_command_fails(void)
{
    world_prepare(&w);
    w.config.command_count = 0;
    CHECK(world_start(&w, 1) == LFCP_OK && poll_all(&w) == 2 && acknowledge_beats(&w) == LFCP_OK);
    CHECK(param_is(last(&w, 0), 4, "c.-.0")); /* no CONF, no flag for it */
    CHECK(command(&w, 0, LFCP_VERB_RST, "0", "0", "A.1") == LFCP_OK);
    CHECK(w.event.kind == LFCP_EVENT_COMMAND_REFUSED && w.event.verb == LFCP_VERB_RST);
    CHECK(poll_all(&w) == 3 && failed_with("RST is not supported", "A.1"));
}

static void sixteen_ids_are_remembered(void)
{
    world_meet(&w);
    for (unsigned at = 1; at <= LFCP_COMMAND_MEMORY + 1; at++) {
        char id[LFCP_COMMAND_ID + 1];
        (void)snprintf(id, sizeof id, "A.%s", hex_of(at));
        w.fail_with = at == 1 ? "x" : NULL;
        CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", id) == LFCP_OK && poll_all(&w) >= 1);
    }
    CHECK(w.done_count == LFCP_COMMAND_MEMORY + 1);
    CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.2") == LFCP_OK && w.done_count == LFCP_COMMAND_MEMORY + 1);
    CHECK(poll_all(&w) == 1 && acknowledged("0", "A.2")); /* the failed one had its place before */
    CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.1") == LFCP_OK && w.done_count == LFCP_COMMAND_MEMORY + 2);
}

static void an_ack_whose_command_was_forgotten_is_owed_no_more(void)
{
    world_meet(&w);
    CHECK(command(&w, 1, LFCP_VERB_TLGS, "0", "0", "B.1") == LFCP_OK);
    for (unsigned at = 1; at <= LFCP_COMMAND_MEMORY; at++) {
        char id[LFCP_COMMAND_ID + 1];
        (void)snprintf(id, sizeof id, "A.%s", hex_of(at));
        CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", id) == LFCP_OK);
    }
    CHECK(poll_all(&w) == 1 && last(&w, 0)->server == 0 && acknowledged("0", "A.10"));
}

static void a_restart_is_acknowledged_before_it_is_obeyed_and_obeyed_once(void)
{
    world_meet(&w);
    CHECK(command(&w, 0, LFCP_VERB_RST, "0", "0", "A.7") == LFCP_OK && w.event.kind == LFCP_EVENT_COMMAND);
    CHECK(w.done_count == 0 && wakeup_in(&w) == 0);
    size_t sent = w.sent_count;
    CHECK(command(&w, 1, LFCP_VERB_TLGS, "0", "0", "B.1") == LFCP_OK && w.done_count == 0); /* not any more */
    CHECK(poll_all(&w) == 1 && param_is(last(&w, 0), 4, "A.7"));
    CHECK(w.done_count == 1 && w.done[0].verb == LFCP_VERB_RST && w.done[0].sent_before == sent + 1);
    CHECK(world_start(&w, 0x9f3d) == LFCP_OK && poll_all(&w) == 2 && acknowledge_beats(&w) == LFCP_OK);
    CHECK(command(&w, 0, LFCP_VERB_RST, "0", "0", "A.7") == LFCP_OK && poll_all(&w) == 1);
    CHECK(acknowledged("0", "A.7") && w.done_count == 1);
    CHECK(command(&w, 0, LFCP_VERB_DSLP, "0", "0", "A.8") == LFCP_OK && poll_all(&w) == 1);
    CHECK(w.done_count == 2 && w.done[1].verb == LFCP_VERB_DSLP);
    CHECK(world_start(&w, 0x9f3e) == LFCP_OK && poll_all(&w) == 2 && acknowledge_beats(&w) == LFCP_OK);
    CHECK(command(&w, 0, LFCP_VERB_RST, "0", "0", "A.7") == LFCP_OK); /* both are known now */
    CHECK(command(&w, 0, LFCP_VERB_DSLP, "0", "0", "A.8") == LFCP_OK);
    CHECK(poll_all(&w) == 1 && acknowledged("0", "A.8") && w.done_count == 2);
}

static void the_memory_of_restarts_is_the_last_sixteen(void)
{
    world_meet(&w);
    for (unsigned at = 1; at <= LFCP_COMMAND_MEMORY + 2; at++) {
        char id[LFCP_COMMAND_ID + 1];
        (void)snprintf(id, sizeof id, "A.%s", hex_of(at));
        CHECK(command(&w, 0, LFCP_VERB_RST, "0", "0", id) == LFCP_OK && poll_all(&w) == 1);
    }
    CHECK(world_start(&w, 2) == LFCP_OK && poll_all(&w) == 2 && acknowledge_beats(&w) == LFCP_OK);
    size_t done = w.done_count;
    CHECK(command(&w, 0, LFCP_VERB_RST, "0", "0", "A.12") == LFCP_OK && poll_all(&w) == 1 && w.done_count == done);
    CHECK(command(&w, 0, LFCP_VERB_RST, "0", "0", "A.3") == LFCP_OK && poll_all(&w) == 1 && w.done_count == done);
    CHECK(command(&w, 0, LFCP_VERB_RST, "0", "0", "A.2") == LFCP_OK && poll_all(&w) == 1 && w.done_count == done + 1);
}

static void a_restart_that_cannot_be_remembered_fails(void)
{
    world_meet(&w);
    w.writes_fail = 1;
    CHECK(command(&w, 0, LFCP_VERB_RST, "0", "0", "A.7") == LFCP_OK && w.event.kind == LFCP_EVENT_COMMAND_REFUSED);
    CHECK(poll_all(&w) == 3 && failed_with("RST cannot be kept", "A.7") && w.done_count == 0);
}

static void secrets_are_opened_for_the_handler_alone(void)
{
    const char token[] = "123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr";
    world_meet(&w);
    CHECK(command(&w, 0, LFCP_VERB_TLGC, token, "-1001234567890", "A.1") == LFCP_OK && w.done_count == 1);
    CHECK(strcmp(w.done[0].p1, token) == 0 && strcmp(w.done[0].p2, "-1001234567890") == 0);
    CHECK(command(&w, 1, LFCP_VERB_PRCC, token, "0", "B.1") == LFCP_OK && w.done_count == 2);
    CHECK(strcmp(w.done[1].p1, token) == 0 && strcmp(w.done[1].p2, "0") == 0);
}

static void what_cannot_be_opened_fails(void)
{
    world_meet(&w);
    w.crypto.unseal = NULL; /* never asked, since there is nothing sealed */
    w.down[0]++;
    lfcp_text params[] = {{"token", 5}, {"chat", 4}, {"A.1", 3}, {"0", 1}};
    uint8_t key[LFCP_KEY];
    CHECK(lfcp_derive(w.real_crypto, world_key, LFCP_PURPOSE_TAG, LFCP_WAY_DOWN, 'A', key) == LFCP_OK);
    CHECK(lfcp_encode_signed(w.real_crypto, key, w.down[0], w.frame, sizeof w.frame, &w.frame_length,
                             (lfcp_text){"cam1", 4}, LFCP_VERB_TLGC, params, 4) == LFCP_OK);
    CHECK(serve_again(&w, 0) == LFCP_OK && w.event.kind == LFCP_EVENT_COMMAND_REFUSED && w.done_count == 0);
    CHECK(poll_all(&w) == 3 && failed_with("TLGC has a bad parameter", "A.1"));
}

static void nor_what_is_opened_by_half(void)
{
    char field[LFCP_SIGNED_MAX_FIELD];
    uint8_t seal_key[LFCP_KEY];
    uint8_t tag_key[LFCP_KEY];
    size_t length;
    const lfcp_text name = {"cam1", 4};
    world_meet(&w);
    w.down[0]++;
    CHECK(lfcp_derive(w.real_crypto, world_key, LFCP_PURPOSE_SEAL, LFCP_WAY_DOWN, 'A', seal_key) == LFCP_OK);
    CHECK(lfcp_derive(w.real_crypto, world_key, LFCP_PURPOSE_TAG, LFCP_WAY_DOWN, 'A', tag_key) == LFCP_OK);
    CHECK(lfcp_seal(w.real_crypto, seal_key, w.down[0], name, LFCP_VERB_TLGC, 1, (lfcp_text){"token", 5}, field,
                    sizeof field, &length) == LFCP_OK);
    const lfcp_text params[] = {{field, length}, {field, length}, {"A.1", 3}, {"0", 1}}; /* p1 in the place of p2 */
    CHECK(lfcp_encode_signed(w.real_crypto, tag_key, w.down[0], w.frame, sizeof w.frame, &w.frame_length, name,
                             LFCP_VERB_TLGC, params, 4) == LFCP_OK);
    CHECK(serve_again(&w, 0) == LFCP_OK && w.event.kind == LFCP_EVENT_COMMAND_REFUSED && w.done_count == 0);
}

static void nor_without_crypto(void)
{
    world_meet(&w);
    w.crypto_fails = 2; /* the tag can be verified, and no key derived */
    CHECK(command(&w, 0, LFCP_VERB_TLGC, "token", "chat", "A.1") == LFCP_OK);
    CHECK(w.event.kind == LFCP_EVENT_COMMAND_REFUSED && w.done_count == 0);
    CHECK(poll_all(&w) == 0 && w.poll_status == LFCP_CRYPTO_FAILED);
    w.crypto_fails = 0;
    CHECK(poll_after(&w, 1000) == 3 && failed_with("TLGC has a bad parameter", "A.1")); /* the ACK was not lost */
    CHECK(is(last(&w, 2), 0, LFCP_VERB_ACK));
}

int main(void)
{
    RUN(a_command_is_carried_out_and_acknowledged);
    RUN(a_repeated_one_gets_its_ack_again);
    RUN(while_one_runs_nothing_is_begun_or_answered);
    RUN(an_old_ack_is_given_while_another_command_runs);
    RUN(only_a_running_command_can_be_done_or_fail);
    RUN(one_that_fails_says_why_and_stays_failed);
    RUN(without_room_for_the_error_the_ack_goes_all_the_same);
    RUN(an_unknown_command_fails);
    RUN(sixteen_ids_are_remembered);
    RUN(an_ack_whose_command_was_forgotten_is_owed_no_more);
    RUN(a_restart_is_acknowledged_before_it_is_obeyed_and_obeyed_once);
    RUN(the_memory_of_restarts_is_the_last_sixteen);
    RUN(a_restart_that_cannot_be_remembered_fails);
    RUN(secrets_are_opened_for_the_handler_alone);
    RUN(what_cannot_be_opened_fails);
    RUN(nor_what_is_opened_by_half);
    RUN(nor_without_crypto);
    return checked();
}
