/* A client's start, its counters, and which frames it takes. */
#include <stdlib.h>

#include "check.h"
#include "client_world.h"

static world w;

static void the_first_heartbeat_says_who_starts_and_how(void)
{
    world_begin(&w);
    CHECK(poll_all(&w) == 2);
    CHECK(is(last(&w, 1), 0, LFCP_VERB_HEARTBEAT) && is(last(&w, 0), 1, LFCP_VERB_HEARTBEAT));
    CHECK(param_is(last(&w, 0), 1, "2") && param_is(last(&w, 0), 2, "20"));
    CHECK(param_is(last(&w, 0), 3, "9f3c.0") && param_is(last(&w, 0), 4, "cs.-.0"));
}

static void a_configuration_that_is_none_is_refused(void)
{
    const lfcp_config *good = &w.config;
    lfcp_config bad;
    lfcp_command_entry entry = {LFCP_VERB_TLGS, NULL, NULL};
    lfcp_client client;
    world_prepare(&w);
#define REFUSED(change, status)                                                                                        \
    do {                                                                                                               \
        bad = *good;                                                                                                   \
        change;                                                                                                        \
        CHECK(lfcp_client_start(&client, &bad, 1, 0) == (status));                                                     \
        CHECK(lfcp_client_woke(&client, &bad, 0, 0) == (status));                                                      \
    } while (0)
    REFUSED(bad.name = "cam 1", LFCP_BAD_NAME);
    REFUSED(bad.name = "", LFCP_BAD_NAME);
    REFUSED(bad.servers = 0, LFCP_INVALID);
    REFUSED(bad.servers = 3, LFCP_INVALID);
    REFUSED(bad.interval_s = LFCP_MAX_REPORT_INTERVAL + 1, LFCP_INVALID);
    REFUSED(bad.labels[0] = '@', LFCP_INVALID);
    REFUSED(bad.labels[1] = 'a', LFCP_INVALID);
    REFUSED(bad.labels[1] = 'A', LFCP_INVALID);
    REFUSED(bad.crypto = NULL, LFCP_INVALID);
    REFUSED(bad.random = NULL, LFCP_INVALID);
    REFUSED(bad.storage.read = NULL, LFCP_INVALID);
    REFUSED(bad.storage.write = NULL, LFCP_INVALID);
    REFUSED((bad.failover.configured = true, bad.failover.internet_reachable = NULL), LFCP_INVALID);
    REFUSED((bad.failover.configured = true, bad.failover.tell_directly = NULL), LFCP_INVALID);
    REFUSED((bad.commands = &entry, bad.command_count = 1), LFCP_INVALID);
    entry = (lfcp_command_entry){LFCP_VERB_SYNC, good->commands[0].handler, NULL};
    REFUSED((bad.commands = &entry, bad.command_count = 1), LFCP_INVALID);
    entry.verb = LFCP_VERB_COUNT;
    REFUSED((bad.commands = &entry, bad.command_count = 1), LFCP_INVALID);
#undef REFUSED
}

static void a_start_that_cannot_read_or_derive_says_so(void)
{
    const int records = LFCP_SETTING_COUNT + 2; /* and counter, commands */
    world_prepare(&w);
    for (int which = 1; which <= records; which++) {
        w.reads_fail = which;
        CHECK(world_start(&w, 1) == LFCP_STORAGE_FAILED);
    }
    w.reads_fail = 0;
    w.crypto_fails = 1;
    CHECK(world_start(&w, 1) == LFCP_CRYPTO_FAILED);
}

static void counters_are_reserved_before_they_are_used_and_go_on_after_a_restart(void)
{
    world_begin(&w);
    w.random = 0;
    CHECK(w.writes == 0);
    (void)poll_all(&w);
    CHECK(w.writes == 1);
    uint64_t before = w.highest_counter;
    CHECK(world_start(&w, 0x9f3d) == LFCP_OK);
    (void)poll_all(&w);
    CHECK(last(&w, 1)->message.counter == before - 1 + LFCP_COUNTER_BLOCK); /* two were used */
    CHECK(w.writes == 2);
}

static void a_block_is_followed_by_the_next_one(void)
{
    world_meet(&w);
    for (unsigned at = 0; at < LFCP_COUNTER_BLOCK; at += 2) {
        w.sent_count = 0;
        CHECK(poll_after(&w, 20000) == 2);
        CHECK(acknowledge_beats(&w) == LFCP_OK);
    }
    CHECK(w.writes == 2);
}

static void a_device_without_a_memory_begins_where_chance_wants_it(void)
{
    world_prepare(&w);
    CHECK(world_start(&w, 0x123456789abcdef0) == LFCP_OK);
    (void)poll_all(&w);
    CHECK(last(&w, 1)->message.counter == 0x123456789abd);
}

static void without_a_reservation_nothing_is_sent(void)
{
    world_begin(&w);
    w.writes_fail = 1;
    CHECK(poll_all(&w) == 0 && w.poll_status == LFCP_STORAGE_FAILED);
    CHECK(poll_all(&w) == 0 && w.poll_status == LFCP_OK); /* no busy loop */
    CHECK(wakeup_in(&w) == LFCP_HEARTBEAT_AGAIN_MS);
    CHECK(poll_after(&w, LFCP_HEARTBEAT_AGAIN_MS) == 0 && w.poll_status == LFCP_STORAGE_FAILED);
    w.writes_fail = 0;
    CHECK(poll_after(&w, LFCP_HEARTBEAT_AGAIN_MS) == 2);
}

static void nor_without_crypto(void)
{
    world_begin(&w);
    w.crypto_fails = 1;
    CHECK(lfcp_client_queue(&w.client, LFCP_VERB_LOG, "hello", w.now) == LFCP_OK);
    CHECK(poll_all(&w) == 0 && w.poll_status == LFCP_CRYPTO_FAILED);
    w.crypto_fails = 0;
    CHECK(poll_after(&w, LFCP_HEARTBEAT_AGAIN_MS) == 4);
    CHECK(is(last(&w, 3), 0, LFCP_VERB_LOG) && is(last(&w, 2), 0, LFCP_VERB_HEARTBEAT));
    CHECK(is(last(&w, 1), 1, LFCP_VERB_LOG) && is(last(&w, 0), 1, LFCP_VERB_HEARTBEAT));
}

static void a_small_buffer_gets_nothing(void)
{
    uint8_t frame[LFCP_CLIENT_MAX_FRAME];
    size_t length;
    unsigned server;
    world_begin(&w);
    CHECK(lfcp_client_poll(&w.client, w.now, frame, sizeof frame - 1, &length, &server) == LFCP_NO_SPACE);
    CHECK(length == 0);
    CHECK(lfcp_client_poll(&w.client, w.now, frame, sizeof frame, &length, &server) == LFCP_OK);
    CHECK(length > 0);
}

static void a_counter_ends_where_numbers_end(void)
{
    world_meet(&w);
    CHECK(serve(&w, 0, LFCP_VERB_SYNC, "fffffffffffffbff", "9f3c", "0", "0") == LFCP_OK);
    CHECK(w.event.kind == LFCP_EVENT_SYNCED);
    for (unsigned at = 0; at < LFCP_COUNTER_BLOCK; at++) {
        w.sent_count = 0;
        if (poll_after(&w, 20000) == 0) {
            break;
        }
    }
    CHECK(w.poll_status == LFCP_NO_ROOM);
    CHECK(w.highest_counter == UINT64_MAX);
}

static void nothing_is_taken_before_an_answer_that_is_fresh(void)
{
    world_begin(&w);
    (void)poll_all(&w);
    CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.1") == LFCP_REPLAYED);
    CHECK(serve(&w, 0, LFCP_VERB_ACK, hex_of(last(&w, 1)->message.counter - 1), "0", "0", "26") == LFCP_REPLAYED);
    CHECK(serve(&w, 0, LFCP_VERB_ACK, hex_of(last(&w, 0)->message.counter + 1), "0", "0", "26") == LFCP_REPLAYED);
    CHECK(serve(&w, 0, LFCP_VERB_ACK, "x", "0", "0", "26") == LFCP_REPLAYED);
    CHECK(w.done_count == 0);
    CHECK(acknowledge(&w, last(&w, 1), "0", "26") == LFCP_OK);
    CHECK(w.event.kind == LFCP_EVENT_HEARTBEAT_ANSWERED && w.event.number == 26);
    CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.1") == LFCP_OK && w.done_count == 1);
    CHECK(command(&w, 1, LFCP_VERB_TLGS, "0", "0", "B.1") == LFCP_REPLAYED); /* each server for itself */
}

static void a_command_that_answers_a_heartbeat_opens_the_window_too(void)
{
    world_begin(&w);
    (void)poll_all(&w);
    CHECK(serve(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.1", hex_of(last(&w, 1)->message.counter)) == LFCP_OK);
    CHECK(w.done_count == 1);
}

static void a_frame_is_taken_once(void)
{
    world_meet(&w);
    CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.1") == LFCP_OK);
    CHECK(serve_again(&w, 0) == LFCP_REPLAYED);
    CHECK(serve_again(&w, 1) == LFCP_BAD_TAG); /* it was for the other label */
    w.down[0] -= LFCP_WINDOW;
    CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.2") == LFCP_REPLAYED);
}

static void the_echo_is_the_highest_counter_taken_from_that_server(void)
{
    char echo[32];
    world_meet(&w);
    w.down[0] += 5;
    CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.1") == LFCP_OK);
    w.down[0] -= 3;
    CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.2") == LFCP_OK);
    CHECK(poll_after(&w, 20000) == 3);
    (void)snprintf(echo, sizeof echo, "9f3c.%s", hex_of(w.down[0] + 2));
    CHECK(is(last(&w, 1), 0, LFCP_VERB_HEARTBEAT) && param_is(last(&w, 1), 3, echo));
    (void)snprintf(echo, sizeof echo, "9f3c.%s", hex_of(w.down[1]));
    CHECK(is(last(&w, 0), 1, LFCP_VERB_HEARTBEAT) && param_is(last(&w, 0), 3, echo));
}

static void what_is_not_for_this_device_is_refused(void)
{
    world_meet(&w);
    CHECK(serve_text(&w, 0, "cam1,ACK,0,0,0,26,0,0") == LFCP_NOT_SIGNED);
    CHECK(serve_text(&w, 0, "cam2,ACK,0,0,0,26,0,0") == LFCP_NOT_FOR_ME);
    CHECK(serve_text(&w, 0, "cam1") == LFCP_BEACON);
    CHECK(serve_text(&w, 2, "cam1,ACK,0,0,0,26,0,0") == LFCP_INVALID);
    CHECK(serve(&w, 0, LFCP_VERB_HEARTBEAT, "2", "0", "0", "0") == LFCP_NOT_FOR_ME);
    CHECK(serve(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.0", "0") == LFCP_BAD_PARAMETER);
    CHECK(serve(&w, 0, LFCP_VERB_TLGS, "0", "0", "a.1", "0") == LFCP_BAD_PARAMETER);
    CHECK(serve(&w, 0, LFCP_VERB_TLGS, "0", "0", "{.1", "0") == LFCP_BAD_PARAMETER);
    CHECK(serve(&w, 0, LFCP_VERB_TLGS, "0", "0", "A-1", "0") == LFCP_BAD_PARAMETER);
    CHECK(serve(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.", "0") == LFCP_BAD_PARAMETER);
    CHECK(w.done_count == 0 && w.event.kind == LFCP_EVENT_NONE);
    w.crypto_fails = 1;
    CHECK(serve_again(&w, 0) == LFCP_CRYPTO_FAILED);
}

static void sync_lifts_the_counter_for_this_boot_only(void)
{
    world_begin(&w);
    (void)poll_all(&w);
    CHECK(serve(&w, 0, LFCP_VERB_SYNC, "500000", "9f3d", "0", "0") == LFCP_REPLAYED);
    CHECK(serve(&w, 0, LFCP_VERB_SYNC, "500000", "-", "0", "0") == LFCP_REPLAYED);
    CHECK(serve(&w, 0, LFCP_VERB_SYNC, "500000", "9f3c", "0", "0") == LFCP_OK);
    CHECK(w.event.kind == LFCP_EVENT_SYNCED && w.event.verb == LFCP_VERB_SYNC);
    CHECK(poll_all(&w) == 1);
    CHECK(is(last(&w, 0), 0, LFCP_VERB_HEARTBEAT) && last(&w, 0)->message.counter == 0x500001);
    CHECK(serve(&w, 0, LFCP_VERB_SYNC, "600000", "9f3d", "0", "0") == LFCP_NOT_FOR_ME);
    CHECK(serve(&w, 0, LFCP_VERB_SYNC, "x", "9f3c", "0", "0") == LFCP_BAD_PARAMETER);
    CHECK(serve(&w, 0, LFCP_VERB_SYNC, "400000", "9f3c", "0", "0") == LFCP_OK);
    CHECK(w.event.kind == LFCP_EVENT_NONE && poll_all(&w) == 0);
    CHECK(serve(&w, 0, LFCP_VERB_SYNC, "fffffffffffffc00", "9f3c", "0", "0") == LFCP_OK);
    CHECK(w.event.kind == LFCP_EVENT_NONE); /* no room above */
}

static void what_answers_a_counter_of_before_the_sync_is_not_fresh(void)
{
    world_begin(&w);
    (void)poll_all(&w);
    CHECK(serve(&w, 0, LFCP_VERB_SYNC, "500000", "9f3c", "0", "0") == LFCP_OK);
    (void)poll_all(&w);
    CHECK(serve(&w, 1, LFCP_VERB_ACK, "4fffff", "0", "0", "26") == LFCP_REPLAYED);
}

static void a_synchronised_counter_is_reserved_before_it_is_used(void)
{
    world_meet(&w);
    size_t writes = w.writes;
    CHECK(serve(&w, 0, LFCP_VERB_SYNC, "500000", "9f3c", "0", "0") == LFCP_OK);
    w.writes_fail = 1;
    CHECK(poll_all(&w) == 0 && w.poll_status == LFCP_STORAGE_FAILED);
    w.writes_fail = 0;
    CHECK(poll_after(&w, LFCP_HEARTBEAT_AGAIN_MS) == 1 && w.writes == writes + 1);
    CHECK(world_start(&w, 1) == LFCP_OK);
    (void)poll_all(&w);
    CHECK(last(&w, 1)->message.counter == 0x500001 + LFCP_COUNTER_BLOCK);
}

static void a_clock_that_is_set_back_stands_still(void)
{
    world_meet(&w);
    CHECK(poll_after(&w, 10000) == 0);
    w.now -= 8000;
    CHECK(poll_all(&w) == 0);
    CHECK(poll_after(&w, 17999) == 0);
    CHECK(poll_after(&w, 1) == 2);
}

static void a_wake_up_is_no_start(void)
{
    static world before;
    world_meet(&w);
    CHECK(lfcp_client_queue(&w.client, LFCP_VERB_LOG, "before", w.now) == LFCP_OK);
    memcpy(&before, &w, sizeof w);
    memset(&w.client, 0xee, sizeof w.client);           /* memory that a sleep does not keep … */
    memcpy(&w.client, &before.client, sizeof w.client); /* … but for a copy */
    w.now = 10;                                         /* the clock began anew */
    CHECK(lfcp_client_woke(&w.client, &w.config, w.now, 3600000) == LFCP_OK);
    CHECK(poll_all(&w) == 4);
    CHECK(is(last(&w, 3), 0, LFCP_VERB_LOG) && param_is(last(&w, 3), 2, "3600") && param_is(last(&w, 3), 3, "9f3c.1"));
    CHECK(is(last(&w, 0), 1, LFCP_VERB_HEARTBEAT) && param_is(last(&w, 0), 2, "20"));
    CHECK(wakeup_in(&w) == 1000);
    CHECK(acknowledge(&w, last(&w, 0), "0", "26") == LFCP_OK);
    CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.1") == LFCP_OK); /* the window is still open */
}

static void one_server_is_enough(void)
{
    world_prepare(&w);
    w.config.servers = 1;
    CHECK(world_start(&w, 1) == LFCP_OK);
    CHECK(poll_all(&w) == 1);
}

static void the_longest_frame_fits(void)
{
    char text[LFCP_SEND_MAX_FIELD + 2];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    world_prepare(&w);
    w.config.name = "a23456789b123456789c123456789d12";
    CHECK(world_start(&w, UINT64_MAX) == LFCP_OK);
    (void)poll_all(&w);
    CHECK(serve(&w, 0, LFCP_VERB_SYNC, "ffffffffffff0000", "ffffffffffffffff", "0", "0") == LFCP_OK);
    w.fail_with = text;
    CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.ffffffffffffffff") == LFCP_OK);
    w.now += UINT64_C(86400000) * 1000;
    (void)poll_all(&w);
    for (size_t back = 0; back < w.sent_count; back++) {
        const sent_frame *sent = last(&w, back);
        if (sent->message.verb == LFCP_VERB_ERR) {
            CHECK(param_is(sent, 2, "9999999") && sent->message.params[0].length == LFCP_SEND_MAX_FIELD);
            CHECK(sent->length + LFCP_COUNTER_DIGITS - 1 <= LFCP_CLIENT_MAX_FRAME); /* with the longest number */
            return;
        }
    }
    CHECK(!"an ERR was sent");
}

int main(void)
{
    RUN(the_first_heartbeat_says_who_starts_and_how);
    RUN(a_configuration_that_is_none_is_refused);
    RUN(a_start_that_cannot_read_or_derive_says_so);
    RUN(counters_are_reserved_before_they_are_used_and_go_on_after_a_restart);
    RUN(a_block_is_followed_by_the_next_one);
    RUN(a_device_without_a_memory_begins_where_chance_wants_it);
    RUN(without_a_reservation_nothing_is_sent);
    RUN(nor_without_crypto);
    RUN(a_small_buffer_gets_nothing);
    RUN(a_counter_ends_where_numbers_end);
    RUN(nothing_is_taken_before_an_answer_that_is_fresh);
    RUN(a_command_that_answers_a_heartbeat_opens_the_window_too);
    RUN(a_frame_is_taken_once);
    RUN(the_echo_is_the_highest_counter_taken_from_that_server);
    RUN(what_is_not_for_this_device_is_refused);
    RUN(sync_lifts_the_counter_for_this_boot_only);
    RUN(what_answers_a_counter_of_before_the_sync_is_not_fresh);
    RUN(a_synchronised_counter_is_reserved_before_it_is_used);
    RUN(a_clock_that_is_set_back_stands_still);
    RUN(a_wake_up_is_no_start);
    RUN(one_server_is_enough);
    RUN(the_longest_frame_fits);
    return checked();
}
