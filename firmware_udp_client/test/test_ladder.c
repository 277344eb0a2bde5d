/* The ladder against a NAT that forgets: a server that answers late, mappings that live for a while, datagrams lost. */
#include <stdlib.h>

#include "check.h"
#include "client_world.h"
#include "lfcp_path.h"

#define ANSWERS 64
#define KEEPS 512
#define ROUND_TRIP_MS 80

typedef struct answer {
    uint64_t at;
    uint64_t counter;
    uint64_t sent_at;
    unsigned socket;
    bool refused;
} answer;

typedef struct keep_sent {
    uint64_t at;
    unsigned socket;
    uint32_t delay;
} keep_sent;

static world w;
static lfcp_path path;

static struct {
    uint64_t life;                           /* of a mapping that nothing passes, ms */
    uint64_t used[256]; /* when something last passed the socket's mapping */
    unsigned loss_percent;
    uint32_t chance;
    unsigned room; /* for delayed answers, at the server */
    answer answers[ANSWERS];
    size_t answer_count;
    keep_sent keeps[KEEPS];
    size_t keep_count;
    unsigned most_open;
} nat;

static bool lost(void)
{
    nat.chance = nat.chance * 1664525u + 1013904223u;
    return (nat.chance >> 16) % 100 < nat.loss_percent;
}

static void begin(const lfcp_ladder_steps *steps, unsigned sockets, uint64_t life)
{
    nat.life = life;
    nat.answer_count = nat.keep_count = 0;
    nat.most_open = 0;
    nat.room = LFCP_MAX_KEEPS;
    world_prepare(&w);
    lfcp_path_start(&path, steps, sockets);
    w.config.modules = &path.module;
    w.config.interval_s = 0;
    CHECK(world_start(&w, 0x9f3c) == LFCP_OK);
}

static unsigned waiting(void)
{
    unsigned count = 0;
    for (size_t at = 0; at < nat.answer_count; at++) {
        count += nat.answers[at].at > w.now + ROUND_TRIP_MS ? 1 : 0;
    }
    return count;
}

static void note_open_sockets(void)
{
    unsigned open = 0;
    for (unsigned socket = 0; socket < 64; socket++) {
        open += lfcp_path_uses(&path, socket) ? 1 : 0;
    }
    nat.most_open = open > nat.most_open ? open : nat.most_open;
}

/* A KEEP arrives at the server, which answers it, late if it is told to. */
static void serve_keep(const lfcp_message *message, unsigned socket)
{
    uint32_t delay = (uint32_t)strtoul(message->params[0].at, NULL, 10);
    keep_sent *sent = &nat.keeps[nat.keep_count++];
    CHECK(nat.keep_count < KEEPS && lfcp_path_uses(&path, socket));
    *sent = (keep_sent){w.now, socket, delay};
    nat.used[socket] = w.now;
    if (lost() || lost()) {
        return;
    }
    bool refused = delay > 0 && waiting() >= nat.room;
    CHECK(nat.answer_count < ANSWERS);
    nat.answers[nat.answer_count++] =
        (answer){w.now + ROUND_TRIP_MS + (refused ? 0 : delay), message->counter, w.now, socket, refused};
}

static void send_all(void)
{
    uint8_t frame[LFCP_CLIENT_MAX_FRAME];
    size_t length;
    unsigned server, socket;
    lfcp_message message;
    w.sent_count = 0;
    (void)poll_all(&w);
    CHECK(acknowledge_beats(&w) == LFCP_OK);
    while (lfcp_path_poll(&path, &w.client, w.now, frame, sizeof frame, &length, &server, &socket) == LFCP_OK &&
           length > 0) {
        CHECK(lfcp_decode(frame, length, &message) == LFCP_OK && message.verb == LFCP_VERB_KEEP && server == 0);
        w.highest_counter = message.counter > w.highest_counter ? message.counter : w.highest_counter;
        serve_keep(&message, socket);
    }
    note_open_sockets();
}

static void deliver(size_t which)
{
    answer due = nat.answers[which];
    nat.answers[which] = nat.answers[--nat.answer_count];
    if (due.at - nat.used[due.socket] <= nat.life) {
        nat.used[due.socket] = due.at;
        CHECK(serve(&w, 0, LFCP_VERB_ACK, hex_of(due.counter), due.refused ? "1" : "0", "192.0.2.1:4000", "0") ==
              LFCP_OK);
    }
}

static uint64_t next_event(size_t *which)
{
    uint64_t at = w.now + wakeup_in(&w), path_at;
    lfcp_path_next_wakeup_ms(&path, &w.client, &path_at);
    at = path_at < at ? path_at : at;
    *which = ANSWERS;
    for (size_t each = 0; each < nat.answer_count; each++) {
        if (nat.answers[each].at <= at) {
            at = nat.answers[each].at;
            *which = each;
        }
    }
    return at;
}

/* Whatever happens next. */
static void step(void)
{
    size_t which;
    send_all();
    w.now = next_event(&which);
    if (which < ANSWERS) {
        deliver(which);
    }
}

static uint32_t climb(void)
{
    uint32_t life = 0;
    for (unsigned steps = 0; steps < 20000 && !lfcp_path_life(&path, &life); steps++) {
        step();
    }
    CHECK(lfcp_path_life(&path, &life));
    CHECK(!lfcp_path_uses(&path, 1));
    return life;
}

static void the_longest_step_that_is_outlived_is_the_life(void)
{
    static const struct {
        uint64_t life;
        uint32_t found, interval;
    } cases[] = {{20000, 0, 15},     {30000, 25, 15},    {60000, 55, 45},   {120000, 115, 105},
                 {180000, 175, 165}, {290000, 175, 165}, {400000, 295, 170}};
    for (size_t at = 0; at < sizeof cases / sizeof *cases; at++) {
        begin(&lfcp_ladder_usual, LFCP_LADDER_SOCKETS, cases[at].life);
        CHECK(climb() == cases[at].found);
        CHECK(lfcp_path_interval_s(&w.client) == cases[at].interval);
        CHECK(w.now < 5000 + 2 * 310000); /* what was not outlived is tried once more */
    }
    (void)poll_after(&w, wakeup_in(&w));
    CHECK(param_is(last(&w, 0), 4, "csk.-.0.e295"));
    CHECK(param_is(last(&w, 0), 2, "26")); /* as the server allows */
}

static void each_socket_is_answered_three_times_over_2400_ms_and_then_silent(void)
{
    begin(&lfcp_ladder_usual, LFCP_LADDER_SOCKETS, 400000);
    (void)climb();
    CHECK(nat.keep_count == 7 * 2 * 4 && nat.most_open == 14);
    for (unsigned socket = 1; socket <= 14; socket++) {
        keep_sent of[4] = {{0, 0, 0}};
        unsigned count = 0;
        for (size_t at = 0; at < nat.keep_count; at++) {
            if (nat.keeps[at].socket == socket && count < 4) {
                of[count++] = nat.keeps[at];
            }
        }
        CHECK(count == 4 && of[0].delay == 0 && of[1].delay == 0 && of[2].delay == 0);
        CHECK(of[2].at - of[0].at == 2400 && of[3].at == of[2].at + ROUND_TRIP_MS);
        CHECK(of[3].delay == lfcp_ladder_usual.seconds[(socket - 1) / 2] * 1000u);
    }
}

static void what_was_not_outlived_is_tried_once_more(void)
{
    begin(&lfcp_ladder_usual, LFCP_LADDER_SOCKETS, 60000);
    CHECK(climb() == 55);
    CHECK(nat.keep_count == (7 + 2) * 2 * 4);
    uint32_t longest = 0;
    for (size_t at = 0; at < nat.keep_count; at++) {
        bool again = nat.keeps[at].socket > 14;
        CHECK(nat.keeps[at].socket <= 18 && (!again || nat.keeps[at].delay <= 115000));
        longest = again && nat.keeps[at].delay > longest ? nat.keeps[at].delay : longest;
    }
    CHECK(longest == 115000);
}

static void few_sockets_climb_step_by_step_until_two_are_not_outlived(void)
{
    begin(&lfcp_ladder_usual, 3, 60000);
    CHECK(climb() == 55);
    CHECK(nat.most_open == 2 && nat.keep_count == (5 + 2) * 2 * 4);
    CHECK(nat.keeps[0].socket == 1 && nat.keeps[nat.keep_count - 1].delay == 115000);
    begin(&lfcp_ladder_usual, 4, 400000);
    CHECK(climb() == 295);
    CHECK(nat.most_open == 4 && nat.keep_count == 7 * 2 * 4);
}

static void at_a_fifth_of_loss_it_is_seldom_wrong_and_never_too_long(void)
{
    unsigned right = 0;
    nat.loss_percent = 10; /* each way */
    for (uint32_t seed = 1; seed <= 50; seed++) {
        nat.chance = seed;
        begin(&lfcp_ladder_usual, LFCP_LADDER_SOCKETS, 120000);
        uint32_t life = climb();
        CHECK(life <= 115 && life >= 85);
        right += life == 115 ? 1 : 0;
    }
    nat.loss_percent = 0;
    CHECK(right >= 48);
}

static void play_until_no_keep_is_under_way(void)
{
    do {
        step();
    } while (lfcp_path_uses(&path, 1) || path.ladder.climbing);
}

static void without_an_answer_nothing_is_learned_and_it_climbs_again_after_600_s(void)
{
    uint32_t life;
    begin(&lfcp_ladder_usual, LFCP_LADDER_SOCKETS, 60000);
    nat.loss_percent = 100;
    play_until_no_keep_is_under_way();
    nat.loss_percent = 0;
    CHECK(nat.keep_count == 14 * 5); /* each sent again four times */
    CHECK(nat.keeps[nat.keep_count - 1].at - nat.keeps[0].at == 4000);
    CHECK(!lfcp_path_life(&path, &life) && lfcp_path_interval_s(&w.client) == 20);
    uint64_t ended_at = w.now;
    nat.keep_count = 0;
    CHECK(climb() == 55);
    CHECK(nat.keeps[0].at >= ended_at + 600000 && nat.keeps[0].at < ended_at + 600000 + 30000);
}

static void a_server_that_is_full_spoils_it(void)
{
    uint32_t life;
    begin(&lfcp_ladder_usual, LFCP_LADDER_SOCKETS, 120000);
    nat.room = 0;
    play_until_no_keep_is_under_way();
    CHECK(!lfcp_path_life(&path, &life));
    nat.room = LFCP_MAX_KEEPS;
    CHECK(climb() == 115);
}

static void a_fixed_interval_stays(void)
{
    begin(&lfcp_ladder_usual, LFCP_LADDER_SOCKETS, 120000);
    w.config.interval_s = 20;
    CHECK(climb() == 115);
    CHECK(lfcp_path_interval_s(&w.client) == 20);
}

static void it_does_not_begin_before_a_server_knows_where_the_device_is(void)
{
    for (unsigned again = 0; again < 2; again++) {
        uint8_t frame[LFCP_CLIENT_MAX_FRAME];
        size_t length;
        unsigned server, socket;
        begin(&lfcp_ladder_usual, LFCP_LADDER_SOCKETS, 120000);
        CHECK(poll_all(&w) == 2);
        CHECK(acknowledge(&w, last(&w, 0), again ? "1" : "0", "26") == LFCP_OK);
        CHECK(lfcp_path_poll(&path, &w.client, w.now, frame, sizeof frame, &length, &server, &socket) == LFCP_OK);
        CHECK((length > 0) == !again);
    }
}

static void it_is_climbed_once_a_day_and_keeps_what_it_knows_meanwhile(void)
{
    begin(&lfcp_ladder_usual, LFCP_LADDER_SOCKETS, 120000);
    (void)climb();
    uint64_t began_at = nat.keeps[0].at;
    nat.keep_count = 0;
    nat.life = 60000;
    uint32_t life = 115;
    while (nat.keep_count == 0) {
        step();
    }
    CHECK(w.now - began_at >= 24 * 3600 * 1000 && w.now - began_at < 24 * 3600 * 1000 + 60000);
    CHECK(lfcp_path_life(&path, &life) && life == 115);
    while (lfcp_path_life(&path, &life) && life == 115) {
        step();
    }
    CHECK(life == 55 && lfcp_path_interval_s(&w.client) == 45);
}

static void another_network_makes_it_climb_anew(void)
{
    begin(&lfcp_ladder_usual, LFCP_LADDER_SOCKETS, 120000);
    (void)climb();
    lfcp_path_network_changed(&path, &w.client, w.now);
    uint32_t life;
    CHECK(!lfcp_path_life(&path, &life) && lfcp_path_interval_s(&w.client) == 20);
    nat.life = 30000;
    nat.answer_count = 0;
    CHECK(climb() == 25);
}

static void another_socket_makes_it_climb_anew_after_600_s(void)
{
    begin(&lfcp_ladder_usual, LFCP_LADDER_SOCKETS, 120000);
    (void)climb();
    uint64_t began_at = nat.keeps[0].at;
    nat.keep_count = 0;
    lfcp_path_new_socket(&path, &w.client, w.now);
    while (nat.keep_count == 0) {
        step();
    }
    CHECK(w.now >= began_at + 600000 && w.now < began_at + 600000 + 30000);
}

static void a_sleeping_device_leaves_it(void)
{
    begin(&lfcp_ladder_usual, LFCP_LADDER_SOCKETS, 120000);
    for (unsigned steps = 0; steps < 10; steps++) {
        step();
    }
    CHECK(lfcp_path_uses(&path, 14)); /* the last of the first try */
    CHECK(lfcp_client_sleep(&w.client, 3600, w.now) == LFCP_OK);
    send_all();
    CHECK(!lfcp_path_uses(&path, 14));
    nat.answer_count = 0;
    CHECK(lfcp_client_woke(&w.client, &w.config, w.now, 3600000) == LFCP_OK);
    CHECK(climb() == 115);
}

int main(void)
{
    RUN(note_open_sockets);
    RUN(the_longest_step_that_is_outlived_is_the_life);
    RUN(each_socket_is_answered_three_times_over_2400_ms_and_then_silent);
    RUN(what_was_not_outlived_is_tried_once_more);
    RUN(few_sockets_climb_step_by_step_until_two_are_not_outlived);
    RUN(at_a_fifth_of_loss_it_is_seldom_wrong_and_never_too_long);
    RUN(without_an_answer_nothing_is_learned_and_it_climbs_again_after_600_s);
    RUN(a_server_that_is_full_spoils_it);
    RUN(a_fixed_interval_stays);
    RUN(it_does_not_begin_before_a_server_knows_where_the_device_is);
    RUN(it_is_climbed_once_a_day_and_keeps_what_it_knows_meanwhile);
    RUN(another_network_makes_it_climb_anew);
    RUN(another_socket_makes_it_climb_anew_after_600_s);
    RUN(a_sleeping_device_leaves_it);
    return checked();
}
