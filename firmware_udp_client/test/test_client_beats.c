/* Heartbeats, declared sleep and failover alarm mode. */
#include <stdlib.h>

#include "check.h"
#include "client_world.h"

static world w;

static void a_heartbeat_comes_every_interval_to_each_server(void)
{
    world_meet(&w);
    CHECK(wakeup_in(&w) == 20000);
    CHECK(poll_after(&w, 19999) == 0);
    CHECK(poll_after(&w, 1) == 2);
}

static void chance_only_makes_it_earlier(void)
{
    world_prepare(&w);
    w.random = UINT32_MAX;
    CHECK(world_start(&w, 1) == LFCP_OK);
    (void)poll_all(&w);
    CHECK(acknowledge_beats(&w) == LFCP_OK);
    CHECK(wakeup_in(&w) == 18001);
}

static void an_unanswered_one_is_repeated_after_1_2_and_4_s(void)
{
    world_begin(&w);
    CHECK(poll_all(&w) == 2);
    CHECK(acknowledge(&w, last(&w, 0), "0", "26") == LFCP_OK);
    const uint64_t waits[] = {1000, 2000, 4000, 13000};
    for (size_t at = 0; at < 3; at++) {
        CHECK(wakeup_in(&w) == waits[at]);
        CHECK(poll_after(&w, waits[at]) == 1 && is(last(&w, 0), 0, LFCP_VERB_HEARTBEAT));
    }
    CHECK(wakeup_in(&w) == waits[3]);
}

static void any_copys_ack_ends_the_repetition(void)
{
    world_begin(&w);
    w.config.servers = 1;
    CHECK(world_start(&w, 2) == LFCP_OK);
    CHECK(poll_all(&w) == 1 && poll_after(&w, 1000) == 1);
    CHECK(acknowledge(&w, last(&w, 1), "0", "26") == LFCP_OK);
    CHECK(wakeup_in(&w) == 19000);
}

static void a_server_may_wish_for_one_more(void)
{
    world_begin(&w);
    CHECK(poll_all(&w) == 2);
    CHECK(acknowledge(&w, last(&w, 1), "1", "26") == LFCP_OK);
    CHECK(poll_all(&w) == 1 && is(last(&w, 0), 0, LFCP_VERB_HEARTBEAT));
    CHECK(acknowledge(&w, last(&w, 0), "1", "26") == LFCP_OK); /* it is driving us */
    CHECK(poll_all(&w) == 0);
    CHECK(poll_after(&w, 20000) == 2);
    CHECK(acknowledge(&w, last(&w, 1), "1", "26") == LFCP_OK);
    CHECK(poll_all(&w) == 1);
}

static void a_wished_one_is_repeated_like_any_other(void)
{
    world_begin(&w);
    CHECK(poll_all(&w) == 2 && poll_after(&w, 1000) == 2 && poll_after(&w, 2000) == 2);
    CHECK(acknowledge(&w, last(&w, 0), "0", "26") == LFCP_OK);
    CHECK(acknowledge(&w, last(&w, 1), "1", "26") == LFCP_OK);
    CHECK(poll_all(&w) == 1);
    CHECK(wakeup_in(&w) == 1000 && poll_after(&w, 1000) == 1);
    CHECK(wakeup_in(&w) == 2000 && poll_after(&w, 2000) == 1);
    CHECK(wakeup_in(&w) == 4000 && poll_after(&w, 4000) == 1);
    CHECK(wakeup_in(&w) == 10000); /* the regular ones */
}

static void a_server_that_allows_less_is_heard_from_sooner(void)
{
    world_meet(&w);
    CHECK(poll_after(&w, 20000) == 2);
    CHECK(acknowledge(&w, last(&w, 1), "0", "7") == LFCP_OK);
    CHECK(acknowledge(&w, last(&w, 0), "0", "999999") == LFCP_OK && w.event.number == 999999);
    CHECK(poll_after(&w, 6999) == 0 && poll_after(&w, 1) == 1);
    CHECK(is(last(&w, 0), 0, LFCP_VERB_HEARTBEAT) && param_is(last(&w, 0), 2, "7"));
    CHECK(acknowledge(&w, last(&w, 0), "0", "26") == LFCP_OK);
    CHECK(poll_after(&w, 12999) == 1); /* once more after 7 s, which were set already */
    CHECK(poll_after(&w, 1) == 1 && is(last(&w, 0), 1, LFCP_VERB_HEARTBEAT) && param_is(last(&w, 0), 2, "20"));
}

static void what_is_no_interval_is_none(void)
{
    world_begin(&w);
    CHECK(poll_all(&w) == 2);
    const char *bad[] = {"0", "00", "07", "x", "1000000", "7s"};
    for (size_t at = 0; at < sizeof bad / sizeof *bad; at++) {
        check_why = bad[at];
        CHECK(acknowledge(&w, last(&w, 1), "0", bad[at]) == LFCP_OK && w.event.kind == LFCP_EVENT_NONE);
    }
    CHECK(wakeup_in(&w) == 1000);
}

static void an_answer_to_what_was_not_sent_is_none(void)
{
    world_meet(&w);
    CHECK(poll_after(&w, 20000) == 2);
    CHECK(serve(&w, 0, LFCP_VERB_ACK, "ffffffffffff", "0", "0", "26") == LFCP_OK);
    CHECK(w.event.kind == LFCP_EVENT_NONE && wakeup_in(&w) == 1000);
}

static void a_command_is_an_answer(void)
{
    world_begin(&w);
    CHECK(poll_all(&w) == 2);
    CHECK(acknowledge(&w, last(&w, 0), "0", "26") == LFCP_OK);
    CHECK(serve(&w, 0, LFCP_VERB_ENAL, "1", "0", "A.1", hex_of(last(&w, 1)->message.counter)) == LFCP_OK);
    CHECK(poll_all(&w) == 1 && wakeup_in(&w) == 20000);
}

static void a_pushed_command_is_none(void)
{
    world_meet(&w);
    CHECK(poll_after(&w, 20000) == 2);
    CHECK(command(&w, 0, LFCP_VERB_ENAL, "1", "0", "A.1") == LFCP_OK);
    CHECK(poll_all(&w) == 1 && wakeup_in(&w) == 1000);
}

static void a_sleep_is_declared_to_every_server(void)
{
    world_meet(&w);
    CHECK(!lfcp_client_may_sleep(&w.client));
    CHECK(lfcp_client_sleep(&w.client, 1800, w.now) == LFCP_OK);
    CHECK(poll_all(&w) == 2);
    CHECK(is(last(&w, 1), 0, LFCP_VERB_SLEP) && param_is(last(&w, 1), 1, "1800") && param_is(last(&w, 1), 2, "0"));
    CHECK(!lfcp_client_may_sleep(&w.client));
    CHECK(acknowledge(&w, last(&w, 1), "0", "0") == LFCP_OK && w.event.kind == LFCP_EVENT_HEARTBEAT_ANSWERED);
    CHECK(!lfcp_client_may_sleep(&w.client));
    CHECK(acknowledge(&w, last(&w, 0), "0", "26") == LFCP_OK);
    CHECK(lfcp_client_may_sleep(&w.client));
    uint64_t at;
    CHECK(lfcp_client_next_wakeup_ms(&w.client, &at) == LFCP_OK && at == UINT64_MAX);
}

static void a_server_that_does_not_answer_is_told_four_times(void)
{
    world_meet(&w);
    CHECK(lfcp_client_sleep(&w.client, 1800, w.now) == LFCP_OK);
    CHECK(poll_all(&w) == 2);
    CHECK(acknowledge(&w, last(&w, 0), "0", "0") == LFCP_OK);
    CHECK(poll_after(&w, 1000) == 1 && poll_after(&w, 2000) == 1 && !lfcp_client_may_sleep(&w.client));
    CHECK(poll_after(&w, 4000) == 1 && is(last(&w, 0), 0, LFCP_VERB_SLEP));
    CHECK(lfcp_client_may_sleep(&w.client));
    CHECK(acknowledge(&w, last(&w, 0), "1", "0") == LFCP_OK && poll_all(&w) == 1); /* one wish is met in sleep too */
}

static void a_heartbeats_late_answer_is_none_to_the_sleep(void)
{
    world_begin(&w);
    w.config.servers = 1;
    CHECK(world_start(&w, 1) == LFCP_OK);
    CHECK(poll_all(&w) == 1);
    CHECK(lfcp_client_sleep(&w.client, 60, w.now) == LFCP_OK);
    CHECK(poll_all(&w) == 1 && is(last(&w, 0), 0, LFCP_VERB_SLEP));
    CHECK(acknowledge(&w, last(&w, 1), "1", "26") == LFCP_OK);
    CHECK(!lfcp_client_may_sleep(&w.client) && poll_all(&w) == 0);
    CHECK(acknowledge(&w, last(&w, 0), "0", "0") == LFCP_OK);
    CHECK(lfcp_client_may_sleep(&w.client));
    w.now += 60000;
    CHECK(lfcp_client_woke(&w.client, &w.config, w.now, 0) == LFCP_OK);
    CHECK(poll_all(&w) == 1 && is(last(&w, 0), 0, LFCP_VERB_HEARTBEAT));
}

static void a_messages_second_ack_is_none_to_the_sleep(void)
{
    world_begin(&w);
    w.config.servers = 1;
    CHECK(world_start(&w, 1) == LFCP_OK && poll_all(&w) == 1 && acknowledge_beats(&w) == LFCP_OK);
    CHECK(lfcp_client_queue(&w.client, LFCP_VERB_LOG, "first", w.now) == LFCP_OK && poll_all(&w) == 1);
    const sent_frame *message = last(&w, 0);
    CHECK(acknowledge(&w, message, "1", "0") == LFCP_OK);
    CHECK(lfcp_client_queue(&w.client, LFCP_VERB_LOG, "in its place", w.now) == LFCP_OK && poll_all(&w) == 1);
    CHECK(acknowledge(&w, last(&w, 0), "1", "0") == LFCP_OK);
    CHECK(lfcp_client_sleep(&w.client, 60, w.now) == LFCP_OK && poll_all(&w) == 1);
    CHECK(acknowledge(&w, message, "1", "0") == LFCP_OK && w.event.kind == LFCP_EVENT_NONE);
    CHECK(!lfcp_client_may_sleep(&w.client));
}

static void a_sleeps_late_answer_is_none_to_a_heartbeat(void)
{
    world_begin(&w);
    w.config.servers = 1;
    CHECK(world_start(&w, 1) == LFCP_OK && poll_all(&w) == 1 && acknowledge_beats(&w) == LFCP_OK);
    CHECK(lfcp_client_sleep(&w.client, 60, w.now) == LFCP_OK && poll_all(&w) == 1);
    CHECK(lfcp_client_sleep(&w.client, 0, w.now) == LFCP_OK && poll_all(&w) == 1);
    CHECK(acknowledge(&w, last(&w, 1), "1", "26") == LFCP_OK && w.event.kind == LFCP_EVENT_HEARTBEAT_ANSWERED);
    CHECK(wakeup_in(&w) == 1000);
}

static void messages_come_before_the_sleep(void)
{
    world_meet(&w);
    CHECK(lfcp_client_queue(&w.client, LFCP_VERB_LOG, "good night", w.now) == LFCP_OK);
    CHECK(lfcp_client_sleep(&w.client, 60, w.now) == LFCP_OK);
    CHECK(poll_all(&w) == 4);
    for (size_t back = 0; back < 4; back++) {
        CHECK(!lfcp_client_may_sleep(&w.client));
        CHECK(acknowledge(&w, last(&w, back), "0", "0") == LFCP_OK);
    }
    CHECK(lfcp_client_may_sleep(&w.client));
}

static void a_sleep_can_be_called_off_and_lasts_a_day_at_most(void)
{
    world_meet(&w);
    CHECK(lfcp_client_sleep(&w.client, LFCP_CLIENT_MAX_SLEEP + 1, w.now) == LFCP_INVALID);
    CHECK(lfcp_client_sleep(&w.client, LFCP_CLIENT_MAX_SLEEP, w.now) == LFCP_OK);
    CHECK(lfcp_client_sleep(&w.client, 0, w.now) == LFCP_OK);
    CHECK(poll_all(&w) == 2 && is(last(&w, 0), 1, LFCP_VERB_HEARTBEAT) && !lfcp_client_may_sleep(&w.client));
}

static void begin_failover(void)
{
    world_prepare(&w);
    w.config.failover.configured = true;
    w.reachable = true;
    CHECK(world_start(&w, 1) == LFCP_OK);
    for (unsigned beats = 0; beats < 3; beats++) {
        (void)poll_after(&w, beats == 0 ? 0 : 20000);
    }
    CHECK(!lfcp_client_in_failover(&w.client));
    (void)poll_after(&w, 20000);
}

static void three_heartbeats_without_any_answer_begin_failover_alarm_mode(void)
{
    begin_failover();
    CHECK(poll_all(&w) == 0); /* the one that was sent counted the third miss */
    CHECK(lfcp_client_in_failover(&w.client) && lfcp_client_detector_on(&w.client));
    CHECK(lfcp_client_queue(&w.client, LFCP_VERB_MOAL, "yard, moving", w.now) == LFCP_OK);
    CHECK(w.told_count == 1 && strcmp(w.told, "yard; moving") == 0);
    CHECK(lfcp_client_queue(&w.client, LFCP_VERB_LOG, "nobody needs this now", w.now) == LFCP_OK);
    CHECK(w.told_count == 1);
    CHECK(poll_all(&w) == 2 && is(last(&w, 0), 1, LFCP_VERB_MOAL)); /* and kept for the next contact */
    CHECK(poll_after(&w, 1000) == 2 && param_is(last(&w, 0), 4, "acfs.-.0"));
}

static void the_first_answer_ends_it(void)
{
    begin_failover();
    (void)poll_all(&w);
    CHECK(acknowledge(&w, last(&w, 0), "0", "26") == LFCP_OK);
    CHECK(!lfcp_client_in_failover(&w.client) && !lfcp_client_detector_on(&w.client));
    (void)poll_all(&w);
    CHECK(!lfcp_client_in_failover(&w.client));
    CHECK(lfcp_client_queue(&w.client, LFCP_VERB_MOAL, "yard", w.now) == LFCP_OK && w.told_count == 0);
}

static void without_the_internet_it_waits(void)
{
    begin_failover();
    w.reachable = false;
    (void)poll_all(&w);
    CHECK(!lfcp_client_in_failover(&w.client));
    w.reachable = true;
    (void)poll_all(&w);
    CHECK(lfcp_client_in_failover(&w.client));
}

static void one_server_that_answers_is_enough_to_stay_out_of_it(void)
{
    begin_failover();
    CHECK(acknowledge(&w, last(&w, 0), "0", "26") == LFCP_OK);
    for (unsigned beats = 0; beats < 300; beats++) { /* more misses of the other one than a byte counts */
        w.sent_count = 0;
        CHECK(poll_after(&w, 20000) >= 1);
        CHECK(acknowledge(&w, last(&w, 0), "0", "26") == LFCP_OK);
        CHECK(poll_all(&w) == 0 && !lfcp_client_in_failover(&w.client));
    }
}

static void it_has_to_be_configured(void)
{
    world_begin(&w);
    w.reachable = true;
    for (unsigned beats = 0; beats < 5; beats++) {
        (void)poll_after(&w, 20000);
    }
    (void)poll_all(&w);
    CHECK(!lfcp_client_in_failover(&w.client));
}

static void a_second_is_the_shortest_interval(void)
{
    world_prepare(&w);
    w.config.interval_s = 1;
    w.config.servers = 1;
    CHECK(world_start(&w, 1) == LFCP_OK);
    for (unsigned beats = 0; beats < 5; beats++) {
        CHECK(poll_after(&w, beats == 0 ? 0 : 1000) == 1 && wakeup_in(&w) == 1000);
    }
    w.now += 5000;
    CHECK(wakeup_in(&w) == 0);
}

static void what_is_late_is_due_now(void)
{
    world_meet(&w);
    CHECK(poll_after(&w, 20000) == 2);
    CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.1") == LFCP_OK);
    uint64_t at;
    CHECK(lfcp_client_next_wakeup_ms(&w.client, &at) == LFCP_OK && at == w.now);
}

int main(void)
{
    RUN(a_heartbeat_comes_every_interval_to_each_server);
    RUN(chance_only_makes_it_earlier);
    RUN(an_unanswered_one_is_repeated_after_1_2_and_4_s);
    RUN(any_copys_ack_ends_the_repetition);
    RUN(a_server_may_wish_for_one_more);
    RUN(a_wished_one_is_repeated_like_any_other);
    RUN(a_server_that_allows_less_is_heard_from_sooner);
    RUN(what_is_no_interval_is_none);
    RUN(an_answer_to_what_was_not_sent_is_none);
    RUN(a_command_is_an_answer);
    RUN(a_pushed_command_is_none);
    RUN(a_sleep_is_declared_to_every_server);
    RUN(a_server_that_does_not_answer_is_told_four_times);
    RUN(a_heartbeats_late_answer_is_none_to_the_sleep);
    RUN(a_messages_second_ack_is_none_to_the_sleep);
    RUN(a_sleeps_late_answer_is_none_to_a_heartbeat);
    RUN(messages_come_before_the_sleep);
    RUN(a_sleep_can_be_called_off_and_lasts_a_day_at_most);
    RUN(three_heartbeats_without_any_answer_begin_failover_alarm_mode);
    RUN(the_first_answer_ends_it);
    RUN(without_the_internet_it_waits);
    RUN(one_server_that_answers_is_enough_to_stay_out_of_it);
    RUN(it_has_to_be_configured);
    RUN(a_second_is_the_shortest_interval);
    RUN(what_is_late_is_due_now);
    return checked();
}
