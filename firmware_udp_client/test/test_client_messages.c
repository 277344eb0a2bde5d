/* Messages on their way to two servers, and the queue that keeps them. */
#include <stdlib.h>

#include "check.h"
#include "client_world.h"

static world w;

static lfcp_status say(lfcp_verb verb, const char *text)
{
    return lfcp_client_queue(&w.client, verb, text, w.now);
}

static void a_message_goes_to_every_server_with_its_age_and_number(void)
{
    world_meet(&w);
    CHECK(say(LFCP_VERB_LOG, "started") == LFCP_OK);
    CHECK(say(LFCP_VERB_ERR, "no camera") == LFCP_OK);
    CHECK(poll_after(&w, 3999) == 2);
    CHECK(is(last(&w, 1), 0, LFCP_VERB_ERR) && is(last(&w, 0), 1, LFCP_VERB_ERR));
    CHECK(param_is(last(&w, 0), 1, "no camera") && param_is(last(&w, 0), 2, "3"));
    CHECK(param_is(last(&w, 0), 3, "9f3c.2") && param_is(last(&w, 0), 4, "0"));
    CHECK(acknowledge(&w, last(&w, 0), "1", "0") == LFCP_OK);
    CHECK(w.event.kind == LFCP_EVENT_MESSAGE_STORED && w.event.verb == LFCP_VERB_ERR && w.event.number == 2);
    CHECK(poll_after(&w, 1) == 1 && is(last(&w, 0), 1, LFCP_VERB_LOG) && param_is(last(&w, 0), 2, "4"));
}

static void only_messages_can_be_queued(void)
{
    world_meet(&w);
    CHECK(say(LFCP_VERB_HEARTBEAT, "x") == LFCP_INVALID && say(LFCP_VERB_ACK, "x") == LFCP_INVALID);
    CHECK(poll_all(&w) == 0);
}

static void text_is_made_fit(void)
{
    char large[200];
    const struct {
        const char *text;
        const char *fit;
    } each[] = {{"a,b", "a;b"}, {"\ttab\r\n", " tab  "}, {"\x1c\x1f\x1b\x7f", "  ??"}, {"gr\xc3\xbcn", "gr??n"},
                {"", "-"},      {"~ !", "~ !"}};
    for (size_t at = 0; at < sizeof each / sizeof *each; at++) {
        world_meet(&w);
        check_why = each[at].fit;
        CHECK(say(LFCP_VERB_LOG, each[at].text) == LFCP_OK);
        CHECK(poll_all(&w) == 2 && param_is(last(&w, 0), 1, each[at].fit));
    }
    memset(large, 'x', sizeof large);
    large[sizeof large - 1] = '\0';
    world_meet(&w);
    CHECK(say(LFCP_VERB_LOG, large) == LFCP_OK);
    large[LFCP_SEND_MAX_FIELD] = '\0';
    CHECK(poll_all(&w) == 2 && param_is(last(&w, 0), 1, large));
}

/* With chance in the middle: 2, 3, 4.5, 6.75 and 10.125 s. */
static void it_is_repeated_with_growing_waits_and_then_kept(void)
{
    const uint64_t waits[] = {2000, 3000, 4500, 6750};
    world_prepare(&w);
    w.config.servers = 1;
    w.config.interval_s = 3600;
    CHECK(world_start(&w, 1) == LFCP_OK);
    (void)poll_all(&w);
    CHECK(acknowledge_beats(&w) == LFCP_OK); /* allows 26 s */
    CHECK(say(LFCP_VERB_MOAL, "gate") == LFCP_OK);
    w.random = UINT32_MAX / 2 + 1;
    CHECK(poll_all(&w) == 1);
    uint64_t first = last(&w, 0)->message.counter;
    for (size_t at = 0; at < sizeof waits / sizeof *waits; at++) {
        CHECK(poll_after(&w, waits[at] - 1) == 0 && poll_after(&w, 1) == 1);
        CHECK(is(last(&w, 0), 0, LFCP_VERB_MOAL) && param_is(last(&w, 0), 3, "1.1"));
        CHECK(last(&w, 0)->message.counter == first + at + 1);
    }
    CHECK(wakeup_in(&w) == 9750); /* the heartbeat after 26 s */
    CHECK(poll_after(&w, 10125) == 1 && is(last(&w, 0), 0, LFCP_VERB_HEARTBEAT));
    CHECK(acknowledge(&w, last(&w, 0), "0", "26") == LFCP_OK); /* the next contact */
    CHECK(poll_all(&w) == 1 && is(last(&w, 0), 0, LFCP_VERB_MOAL) && param_is(last(&w, 0), 2, "26"));
    CHECK(poll_after(&w, 2000) == 1); /* and from the beginning */
}

static void chance_spreads_the_waits(void)
{
    const struct {
        uint32_t random;
        uint64_t wait;
    } each[] = {{0, 1800}, {UINT32_MAX, 2199}};
    for (size_t at = 0; at < 2; at++) {
        world_meet(&w);
        w.random = each[at].random;
        CHECK(say(LFCP_VERB_LOG, "x") == LFCP_OK && poll_all(&w) == 2);
        CHECK(wakeup_in(&w) == each[at].wait);
    }
}

static void the_ack_of_any_copy_counts_once(void)
{
    world_meet(&w);
    CHECK(say(LFCP_VERB_MOAL, "gate") == LFCP_OK);
    CHECK(poll_all(&w) == 2 && poll_after(&w, 1800) == 2);
    CHECK(acknowledge(&w, last(&w, 3), "1", "0") == LFCP_OK && w.event.kind == LFCP_EVENT_MESSAGE_STORED);
    CHECK(acknowledge(&w, last(&w, 1), "1", "0") == LFCP_OK && w.event.kind == LFCP_EVENT_NONE);
    CHECK(poll_after(&w, 2700) == 1 && is(last(&w, 0), 1, LFCP_VERB_MOAL));
    CHECK(acknowledge(&w, last(&w, 0), "1", "0") == LFCP_OK && w.event.kind == LFCP_EVENT_MESSAGE_STORED);
    CHECK(poll_after(&w, 5000) == 0);
}

static void an_alarm_overtakes_a_log_whose_ack_still_counts(void)
{
    world_meet(&w);
    CHECK(say(LFCP_VERB_LOG, "hello") == LFCP_OK && poll_all(&w) == 2);
    CHECK(say(LFCP_VERB_MOAL, "gate") == LFCP_OK && poll_all(&w) == 2);
    CHECK(is(last(&w, 1), 0, LFCP_VERB_MOAL));
    CHECK(acknowledge(&w, last(&w, 3), "1", "0") == LFCP_OK && w.event.number == 1);
    CHECK(acknowledge(&w, last(&w, 1), "1", "0") == LFCP_OK && w.event.number == 2);
    CHECK(acknowledge(&w, last(&w, 0), "1", "0") == LFCP_OK);
    CHECK(poll_all(&w) == 1 && is(last(&w, 0), 1, LFCP_VERB_LOG));
}

static void a_forgotten_copys_ack_is_nobodys(void)
{
    world_meet(&w);
    CHECK(say(LFCP_VERB_LOG, "first") == LFCP_OK && poll_all(&w) == 2);
    const sent_frame *first = last(&w, 1);
    CHECK(say(LFCP_VERB_MOAL, "second") == LFCP_OK);
    CHECK(poll_all(&w) == 2);
    for (unsigned at = 0; at < LFCP_CLIENT_COPIES; at++) {
        (void)poll_after(&w, 12000);
        CHECK(acknowledge_beats(&w) == LFCP_OK);
    }
    CHECK(acknowledge(&w, first, "1", "0") == LFCP_OK && w.event.kind == LFCP_EVENT_NONE);
}

static void a_counter_of_before_a_sync_is_no_copys(void)
{
    world_begin(&w);
    w.config.servers = 1;
    CHECK(world_start(&w, UINT64_C(1) << 60) == LFCP_OK && poll_all(&w) == 1);
    CHECK(acknowledge_beats(&w) == LFCP_OK);
    CHECK(serve(&w, 0, LFCP_VERB_SYNC, "200000000000", hex_of(UINT64_C(1) << 60), "0", "0") == LFCP_OK);
    CHECK(say(LFCP_VERB_LOG, "x") == LFCP_OK && poll_all(&w) == 2);
    CHECK(serve(&w, 0, LFCP_VERB_ACK, hex_of(last(&w, 1)->message.counter - (UINT64_C(1) << 32)), "1", "0", "0") ==
          LFCP_OK);
    CHECK(w.event.kind == LFCP_EVENT_NONE);
}

static void fill(lfcp_verb verb, unsigned count)
{
    for (unsigned at = 0; at < count; at++) {
        CHECK(say(verb, "x") == LFCP_OK);
    }
}

static void a_full_queue_refuses_what_matters_no_more(void)
{
    world_meet(&w);
    fill(LFCP_VERB_LOG, LFCP_CLIENT_EVENTS);
    CHECK(say(LFCP_VERB_LOG, "too much") == LFCP_NO_ROOM);
    fill(LFCP_VERB_ERR, LFCP_CLIENT_EVENTS);
    CHECK(say(LFCP_VERB_LOG, "too much") == LFCP_NO_ROOM && say(LFCP_VERB_ERR, "too much") == LFCP_NO_ROOM);
    fill(LFCP_VERB_MOAL, LFCP_CLIENT_EVENTS);
    CHECK(say(LFCP_VERB_MOAL, "too much") == LFCP_NO_ROOM);
    CHECK(w.client.queue.displaced == 2 * LFCP_CLIENT_EVENTS);
    for (unsigned at = 0; at < LFCP_CLIENT_EVENTS; at++) { /* and the oldest goes first */
        char number[24];
        (void)snprintf(number, sizeof number, "9f3c.%s", hex_of(2 * LFCP_CLIENT_EVENTS + 1 + at));
        CHECK(poll_all(&w) == 2 && param_is(last(&w, 0), 3, number));
        CHECK(acknowledge(&w, last(&w, 1), "1", "0") == LFCP_OK);
        CHECK(acknowledge(&w, last(&w, 0), "1", "0") == LFCP_OK);
    }
    CHECK(poll_all(&w) == 0);
}

static void first_gives_way_what_one_server_has(void)
{
    world_meet(&w);
    fill(LFCP_VERB_MOAL, 3);
    fill(LFCP_VERB_LOG, LFCP_CLIENT_EVENTS - 3);
    CHECK(poll_all(&w) == 2 && acknowledge(&w, last(&w, 0), "1", "0") == LFCP_OK);
    CHECK(poll_all(&w) == 1 && acknowledge(&w, last(&w, 0), "1", "0") == LFCP_OK);
    CHECK(say(LFCP_VERB_LOG, "new") == LFCP_OK); /* at the cost of the first alarm, which B has */
    CHECK(poll_all(&w) == 2 && is(last(&w, 1), 0, LFCP_VERB_MOAL) && param_is(last(&w, 1), 3, "9f3c.2"));
    CHECK(is(last(&w, 0), 1, LFCP_VERB_MOAL) && param_is(last(&w, 0), 3, "9f3c.3"));
}

static void the_oldest_of_what_matters_least_gives_way(void)
{
    world_meet(&w);
    fill(LFCP_VERB_ERR, 1);
    fill(LFCP_VERB_LOG, LFCP_CLIENT_EVENTS - 1);
    fill(LFCP_VERB_MOAL, 2); /* in the places of the first two logs */
    fill(LFCP_VERB_ERR, 1);
    for (unsigned at = 0; at < LFCP_CLIENT_EVENTS; at++) {
        const char *numbers[] = {"9f3c.11", "9f3c.12", "9f3c.1", "9f3c.13", "9f3c.5"};
        CHECK(poll_all(&w) == 2);
        CHECK(at >= 5 || param_is(last(&w, 0), 3, numbers[at]));
        CHECK(acknowledge(&w, last(&w, 1), "1", "0") == LFCP_OK);
        CHECK(acknowledge(&w, last(&w, 0), "1", "0") == LFCP_OK);
    }
}

static void what_gave_way_is_repeated_no_more_and_its_ack_is_nobodys(void)
{
    world_meet(&w);
    fill(LFCP_VERB_LOG, LFCP_CLIENT_EVENTS);
    CHECK(poll_all(&w) == 2);
    const sent_frame *gone = last(&w, 1);
    fill(LFCP_VERB_ERR, 1); /* in the place of the first log, which is in flight */
    CHECK(acknowledge(&w, gone, "1", "0") == LFCP_OK && w.event.kind == LFCP_EVENT_NONE);
    CHECK(poll_all(&w) == 2 && is(last(&w, 1), 0, LFCP_VERB_ERR) && is(last(&w, 0), 1, LFCP_VERB_ERR));
}

static void a_place_that_is_used_again_makes_no_message_older(void)
{
    world_meet(&w);
    fill(LFCP_VERB_LOG, 2);
    CHECK(poll_all(&w) == 2);
    CHECK(acknowledge(&w, last(&w, 1), "1", "0") == LFCP_OK && acknowledge(&w, last(&w, 0), "1", "0") == LFCP_OK);
    fill(LFCP_VERB_LOG, LFCP_CLIENT_EVENTS - 1); /* the first of them in the place of the one that is gone */
    CHECK(poll_all(&w) == 2 && param_is(last(&w, 0), 3, "9f3c.2"));
    CHECK(acknowledge(&w, last(&w, 0), "1", "0") == LFCP_OK);
    CHECK(poll_all(&w) == 1 && param_is(last(&w, 0), 3, "9f3c.3"));
    CHECK(acknowledge(&w, last(&w, 0), "1", "0") == LFCP_OK); /* B has the second and the third */
    fill(LFCP_VERB_LOG, 1);                                   /* at the cost of the second */
    CHECK(poll_all(&w) == 2 && is(last(&w, 1), 0, LFCP_VERB_LOG) && param_is(last(&w, 1), 3, "9f3c.3"));
    fill(LFCP_VERB_LOG, 1); /* of the third */
    fill(LFCP_VERB_ERR, 1); /* of the fourth, which nobody has */
    CHECK(poll_all(&w) == 2 && is(last(&w, 0), 1, LFCP_VERB_ERR));
    CHECK(acknowledge(&w, last(&w, 1), "1", "0") == LFCP_OK && acknowledge(&w, last(&w, 0), "1", "0") == LFCP_OK);
    CHECK(poll_all(&w) == 2 && param_is(last(&w, 0), 3, "9f3c.5"));
}

int main(void)
{
    RUN(a_message_goes_to_every_server_with_its_age_and_number);
    RUN(only_messages_can_be_queued);
    RUN(text_is_made_fit);
    RUN(it_is_repeated_with_growing_waits_and_then_kept);
    RUN(chance_spreads_the_waits);
    RUN(the_ack_of_any_copy_counts_once);
    RUN(an_alarm_overtakes_a_log_whose_ack_still_counts);
    RUN(a_forgotten_copys_ack_is_nobodys);
    RUN(a_counter_of_before_a_sync_is_no_copys);
    RUN(a_full_queue_refuses_what_matters_no_more);
    RUN(first_gives_way_what_one_server_has);
    RUN(the_oldest_of_what_matters_least_gives_way);
    RUN(what_gave_way_is_repeated_no_more_and_its_ack_is_nobodys);
    RUN(a_place_that_is_used_again_makes_no_message_older);
    return checked();
}
