/* What a device learns of its way to the servers, and what it answers to PROB; the ladder is in test_ladder.c. */
#include "check.h"
#include "client_world.h"
#include "lfcp_path.h"

static world w;
static lfcp_path path;
static const lfcp_ladder_steps no_steps;

/* What the path sends next; *length 0: nothing. */
static sent_frame sent;

static bool path_sends(void)
{
    unsigned socket = 99;
    w.poll_status =
        lfcp_path_poll(&path, &w.client, w.now, sent.frame, sizeof sent.frame, &sent.length, &sent.server, &socket);
    return w.poll_status == LFCP_OK && sent.length > 0 && socket == 0 &&
           lfcp_decode(sent.frame, sent.length, &sent.message) == LFCP_OK;
}

static void begin(void)
{
    world_prepare(&w);
    lfcp_path_start(&path, &no_steps, 0);
    w.config.modules = &path.module;
    w.config.interval_s = 0;
    CHECK(world_start(&w, 0x9f3c) == LFCP_OK);
    CHECK(poll_all(&w) == 2);
}

static void see(const sent_frame *beat, const char *address)
{
    CHECK(serve(&w, beat->server, LFCP_VERB_ACK, hex_of(beat->message.counter), "0", address, "600") == LFCP_OK);
}

/* The next heartbeats are answered with the addresses that the servers see. */
static void seen_at(const char *from_a, const char *from_b)
{
    (void)poll_after(&w, wakeup_in(&w));
    see(last(&w, 1), from_a);
    see(last(&w, 0), from_b);
}

static bool reports(const char *state)
{
    w.sent_count = 0;
    (void)poll_after(&w, wakeup_in(&w));
    return w.sent_count == 2 && param_is(last(&w, 0), 4, state);
}

static void it_says_that_it_answers_probes_and_knows_nothing_yet(void)
{
    begin();
    CHECK(param_is(last(&w, 0), 4, "csk.-.0.u0"));
    CHECK(lfcp_path_mapping(&path) == 'u');
    CHECK(lfcp_path_interval_s(&w.client) == 20);
}

static void what_two_servers_see_tells_the_mapping(void)
{
    static const struct {
        const char *from_a, *from_b;
        char mapping;
    } cases[] = {
        {"192.0.2.1:4000", "192.0.2.1:4000", 'e'},     {"192.0.2.1:4000", "192.0.2.1:4008", 's'},
        {"192.0.2.1:4008", "192.0.2.1:4000", 's'},     {"192.0.2.1:4000", "192.0.2.1:4009", 'h'},
        {"192.0.2.1:4009", "192.0.2.1:4000", 'h'},     {"192.0.2.1:4000", "192.0.2.2:4000", 'h'},
        {"192.0.2.1:4000", "[2001:db8::1]:4000", 'u'}, {"192.168.1.2:4000", "192.0.2.1:4000", 'u'},
        {"[2001:db8::1]:7", "[2001:db8::1]:7", 'e'},   {"192.0.2.1:4000", "0", 'u'},
        {"192.0.2.1:4000", "192.0.2.1:99999", 'u'},    {"nonsense", "nonsense", 'u'},
    };
    for (size_t at = 0; at < sizeof cases / sizeof *cases; at++) {
        begin();
        check_why = cases[at].from_b;
        see(last(&w, 1), cases[at].from_a);
        CHECK(lfcp_path_mapping(&path) == 'u');
        see(last(&w, 0), cases[at].from_b);
        CHECK(lfcp_path_mapping(&path) == cases[at].mapping);
    }
    CHECK(reports("csk.-.0.u0"));
    seen_at("192.0.2.1:4000", "192.0.2.1:4000");
    CHECK(reports("csk.-.0.e0"));
}

static void a_nat_that_forgot_the_mapping_does_not_pass_for_a_hard_one(void)
{
    begin();
    seen_at("192.0.2.1:4000", "192.0.2.1:4000");
    (void)poll_after(&w, wakeup_in(&w));
    see(last(&w, 1), "192.0.2.1:5000");
    CHECK(lfcp_path_mapping(&path) == 'e');
    see(last(&w, 0), "192.0.2.1:5000");
    CHECK(lfcp_path_mapping(&path) == 'e');
    seen_at("192.0.2.1:5000", "192.0.2.1:6000");
    CHECK(lfcp_path_mapping(&path) == 'e');
    seen_at("192.0.2.1:5000", "192.0.2.1:6000");
    CHECK(lfcp_path_mapping(&path) == 'h');
}

static void only_a_heartbeats_ack_tells_where_the_device_is(void)
{
    begin();
    seen_at("192.0.2.1:4000", "192.0.2.1:4000");
    CHECK(lfcp_client_queue(&w.client, LFCP_VERB_LOG, "text", w.now) == LFCP_OK);
    CHECK(poll_all(&w) == 2);
    CHECK(acknowledge(&w, last(&w, 0), "1", "0") == LFCP_OK); /* from elsewhere */
    CHECK(serve(&w, 0, LFCP_VERB_ACK, "0", "0", "192.0.2.1:9", "600") == LFCP_OK);
    CHECK(serve(&w, 0, LFCP_VERB_ACK, hex_of(w.highest_counter + 1), "0", "192.0.2.1:9", "600") == LFCP_OK);
    CHECK(lfcp_path_mapping(&path) == 'e');
}

static void every_probe_is_answered_to_its_server(void)
{
    begin();
    seen_at("192.0.2.1:4000", "192.0.2.1:4000");
    CHECK(!path_sends());
    CHECK(serve(&w, 1, LFCP_VERB_PROB, "0", "0", "0", "0") == LFCP_OK);
    uint64_t at;
    lfcp_path_next_wakeup_ms(&path, &w.client, &at);
    CHECK(at == w.now);
    CHECK(path_sends() && is(&sent, 1, LFCP_VERB_ACK));
    CHECK(param_is(&sent, 1, hex_of(w.down[1])) && param_is(&sent, 2, "0") && param_is(&sent, 4, "0"));
    CHECK(sent.message.counter > w.highest_counter);
    CHECK(!path_sends());
    CHECK(serve_again(&w, 1) == LFCP_REPLAYED);
    CHECK(!path_sends());
    CHECK(serve(&w, 1, LFCP_VERB_PROB, "0", "0", "0", "0") == LFCP_OK);
    CHECK(path_sends() && param_is(&sent, 1, hex_of(w.down[1])));
    lfcp_path_next_wakeup_ms(&path, &w.client, &at);
    CHECK(at == UINT64_MAX);
}

static void without_a_counter_nothing_is_sent_and_it_tries_again(void)
{
    begin();
    seen_at("192.0.2.1:4000", "192.0.2.1:4000");
    CHECK(serve(&w, 0, LFCP_VERB_PROB, "0", "0", "0", "0") == LFCP_OK);
    w.client.reserved = w.client.counter;
    w.writes_fail = true;
    CHECK(!path_sends() && w.poll_status == LFCP_STORAGE_FAILED && sent.length == 0);
    w.writes_fail = false;
    CHECK(!path_sends() && w.poll_status == LFCP_OK);
    uint64_t at;
    lfcp_path_next_wakeup_ms(&path, &w.client, &at);
    CHECK(at == w.now + 1000);
    w.now = at;
    CHECK(path_sends());
    size_t length;
    unsigned server, socket;
    CHECK(lfcp_path_poll(&path, &w.client, w.now, sent.frame, LFCP_CLIENT_MAX_FRAME - 1, &length, &server, &socket) ==
          LFCP_NO_SPACE);
}

static void a_new_socket_is_another_mapping(void)
{
    begin();
    seen_at("192.0.2.1:4000", "192.0.2.1:4000");
    (void)poll_after(&w, wakeup_in(&w));
    lfcp_path_new_socket(&path, &w.client, w.now);
    see(last(&w, 1), "192.0.2.1:4000"); /* late, to the old one */
    see(last(&w, 0), "192.0.2.1:4001");
    CHECK(lfcp_path_mapping(&path) == 'e');
    seen_at("192.0.2.1:4002", "192.0.2.1:4003");
    CHECK(lfcp_path_mapping(&path) == 's');
}

static void a_server_may_wish_for_one_more_again_on_a_new_socket(void)
{
    begin();
    w.now += 1000;
    for (unsigned socket = 0; socket < 2; socket++) {
        lfcp_path_new_socket(&path, &w.client, w.now);
        CHECK(poll_all(&w) == 2);
        CHECK(acknowledge(&w, last(&w, 1), "1", "26") == LFCP_OK && poll_all(&w) == 1);
        CHECK(acknowledge(&w, last(&w, 0), "1", "26") == LFCP_OK && poll_all(&w) == 0);
    }
}

static bool wants_after(uint64_t ms)
{
    return lfcp_path_wants_socket(&path, &w.client, w.now + ms);
}

/* Polls until the heartbeats that were sent are repeated no more. */
static void hear_nothing(size_t servers)
{
    for (unsigned again = 0; again < 3; again++) {
        CHECK(!wants_after(wakeup_in(&w)));
        CHECK(poll_after(&w, wakeup_in(&w)) == servers);
    }
    CHECK(!wants_after(wakeup_in(&w) - 1));
    w.now += wakeup_in(&w);
}

static void a_server_that_falls_silent_asks_for_one_new_socket(void)
{
    begin();
    seen_at("192.0.2.1:4000", "192.0.2.1:4000");
    CHECK(!wants_after(60000));
    CHECK(poll_after(&w, wakeup_in(&w)) == 2);
    see(last(&w, 1), "192.0.2.1:4000");
    hear_nothing(1);
    CHECK(wants_after(0));
    lfcp_path_new_socket(&path, &w.client, w.now);
    CHECK(!wants_after(0));
    CHECK(poll_all(&w) == 2);
    see(last(&w, 1), "192.0.2.1:4001");
    hear_nothing(1);
    CHECK(!wants_after(0));
}

static void silence_of_all_asks_for_one_again_and_again(void)
{
    begin();
    for (unsigned socket = 0; socket < 3; socket++) {
        hear_nothing(2);
        CHECK(wants_after(0));
        lfcp_path_new_socket(&path, &w.client, w.now);
        CHECK(poll_all(&w) == 2);
    }
    CHECK(lfcp_client_sleep(&w.client, 60, w.now) == LFCP_OK);
    CHECK(!wants_after(600000));
}

static void another_network_is_told_at_once(void)
{
    begin();
    seen_at("192.0.2.1:4000", "192.0.2.1:4000");
    CHECK(wakeup_in(&w) > 10000);
    w.now++;
    lfcp_path_network_changed(&path, &w.client, w.now);
    CHECK(wakeup_in(&w) == 0);
    CHECK(reports("csk.-.0.u0"));
    CHECK(lfcp_client_sleep(&w.client, 60, w.now) == LFCP_OK);
    CHECK(poll_all(&w) == 2);
    lfcp_path_network_changed(&path, &w.client, w.now);
    CHECK(poll_all(&w) == 0);
}

int main(void)
{
    RUN(it_says_that_it_answers_probes_and_knows_nothing_yet);
    RUN(what_two_servers_see_tells_the_mapping);
    RUN(a_nat_that_forgot_the_mapping_does_not_pass_for_a_hard_one);
    RUN(only_a_heartbeats_ack_tells_where_the_device_is);
    RUN(every_probe_is_answered_to_its_server);
    RUN(without_a_counter_nothing_is_sent_and_it_tries_again);
    RUN(a_new_socket_is_another_mapping);
    RUN(a_server_may_wish_for_one_more_again_on_a_new_socket);
    RUN(a_server_that_falls_silent_asks_for_one_new_socket);
    RUN(silence_of_all_asks_for_one_again_and_again);
    RUN(another_network_is_told_at_once);
    return checked();
}
