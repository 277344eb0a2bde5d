/* Invitations, and a session from its first word to its last. What it finds behind which NAT is compared with lfcp's
 * own in tests/firmware/test_meetings_agree.py. */
#include "check.h"
#include "meeting_world.h"

#define HELLO_1 "1 1 e - h192.168.1.7:4711"
#define HELLO_2 "1 2 e - p203.0.113.9:4800"
#define HELLO_3 "1 3 h b"
#define TERMS "1.0.-.0.desk"
#define ALL MEETING_SENT

static meeting_world m;

static const lfcp_meeting *session(void)
{
    return lfcp_rendezvous_session(&m.rendezvous, 0);
}

static bool is_text(const sent_datagram *sent, const char *text)
{
    return sent != NULL && are_same(sent->said.body, sent->said.length, text, strlen(text));
}

static bool acknowledged(const char *result, const char *why)
{
    size_t at = m.sent_count;
    CHECK(meeting_poll(&m) >= 1);
    for (; at < m.sent_count; at++) {
        const lfcp_message *message = &m.sent[at].message;
        if (m.sent[at].is_frame) {
            return message->verb == LFCP_VERB_ACK && message->params[1].at[0] == result[0] &&
                   are_same(message->params[2].at, message->params[2].length, why, strlen(why));
        }
    }
    return false;
}

static bool goes_to(const sent_datagram *sent, const char *address)
{
    lfcp_address wanted;
    return sent != NULL && lfcp_address_read((lfcp_text){address, strlen(address)}, &wanted) && !sent->to.relayed &&
           lfcp_address_same(&sent->to.at, &wanted);
}

/* Over what the first attempt found. */
static void meet_directly(void)
{
    meeting_met(&m, TERMS);
    CHECK(answer(&m, last_of(&m, LFCP_TUNNEL_HELLO, ALL), NULL) == LFCP_OK);
    CHECK(answer(&m, last_of(&m, LFCP_TUNNEL_PROBE, ALL), OPERATOR) == LFCP_OK);
    CHECK(direct(&m, LFCP_TUNNEL_NOMINATE, "", OPERATOR, 0) == LFCP_OK);
    (void)meeting_poll(&m);
    CHECK(session() != NULL && session()->direct_kind == 'p');
}

static lfcp_status saw(const char *address)
{
    return serve(&m.w, 0, LFCP_VERB_ACK, hex_of(m.rendezvous.seats[0].keep), "0", address, "0");
}

static void begin_second(void)
{
    meeting_met(&m, TERMS);
    CHECK(relay(&m, LFCP_TUNNEL_HELLO, HELLO_2) == LFCP_OK);
    (void)meeting_poll(&m);
}

static void an_invitation_is_acknowledged_and_taken_up_at_once(void)
{
    meeting_begin(&m);
    CHECK(invite(&m, SESSION, OPERATOR "/e", TERMS) == LFCP_OK);
    CHECK(lfcp_rendezvous_wakeup_ms(&m.rendezvous) == 0);
    CHECK(acknowledged("0", "0"));
    CHECK(is_text(last_of(&m, LFCP_TUNNEL_HELLO, 3), "1 1 e - h192.168.1.20:4000"));
    CHECK(goes_to(last_of(&m, LFCP_TUNNEL_PROBE, 3), OPERATOR));
    CHECK(session() != NULL && strcmp(session()->about.name, "desk") == 0);
    m.w.now += 250;
    CHECK(invite(&m, SESSION, OPERATOR "/e", TERMS) == LFCP_OK);
    CHECK(acknowledged("0", "0"));
    CHECK(lfcp_rendezvous_session(&m.rendezvous, 1) == NULL && lfcp_rendezvous_session(&m.rendezvous, 2) == NULL);
}

static void what_is_no_invitation_is_not_answered(void)
{
    static const char *const others[] = {"203.0.113.9:4711", "203.0.113.9:4711/", "203.0.113.9:4711/x", "x/e",
                                         "203.0.113.9:4711/ee"};
    static const char *const terms[] = {"0.0.-.0.desk",     "1.65536.-.0.desk", "1.x.-.0.desk", "1..-.0.desk",
                                        "1.0..0.desk",      "1.0.B.0.desk",     "1.0.-.x.desk", "1.0.-.0.",
                                        "1.0.-.0.two word", "1.0.b-.0.desk",    "1.0.-.0"};
    meeting_begin(&m);
    for (size_t at = 0; at < sizeof others / sizeof *others; at++) {
        check_why = others[at];
        CHECK(invite(&m, SESSION, others[at], TERMS) == LFCP_NOT_FOR_ME);
    }
    for (size_t at = 0; at < sizeof terms / sizeof *terms; at++) {
        check_why = terms[at];
        CHECK(invite(&m, SESSION, OPERATOR "/e", terms[at]) == LFCP_NOT_FOR_ME);
    }
    check_why = "key, session";
    CHECK(serve(&m.w, 0, LFCP_VERB_PNCH, "1f", "AAAA", OPERATOR "/e", TERMS) == LFCP_NOT_FOR_ME);
    CHECK(serve(&m.w, 0, LFCP_VERB_PNCH, "x", "AAAA", OPERATOR "/e", TERMS) == LFCP_NOT_FOR_ME);
    m.w.crypto_fails = 3; /* the tag is right, and then its key cannot be derived */
    CHECK(invite(&m, SESSION, OPERATOR "/e", TERMS) != LFCP_OK);
    m.w.crypto_fails = 0;
    CHECK(meeting_poll(&m) == 0 && session() == NULL);
}

static void a_session_without_a_key_is_refused(void)
{
    unsigned refused = 0;
    for (int calls = 2; calls < 12; calls++) {
        meeting_begin(&m);
        m.w.crypto_fails = calls;
        lfcp_status status = invite(&m, SESSION, OPERATOR "/e", TERMS);
        m.w.crypto_fails = 0;
        if (status == LFCP_OK && session() == NULL) {
            refused += acknowledged("1", "refused");
        }
    }
    CHECK(refused > 0);
}

static void who_cannot_be_let_in_is_told_why(void)
{
    meeting_begin(&m);
    CHECK(invite(&m, 1, OPERATOR "/e", "1.9.-.0.desk") == LFCP_OK);
    CHECK(acknowledged("1", "not_allowed"));
    CHECK(invite(&m, 2, OPERATOR "/e", "1.0.-.0.nobody") == LFCP_OK);
    CHECK(acknowledged("1", "not_allowed"));
    CHECK(invite(&m, 3, OPERATOR "/e", "1.5004.ab.0.desk") == LFCP_OK);
    CHECK(invite(&m, 4, OPERATOR "/e", TERMS) == LFCP_OK);
    (void)meeting_poll(&m);
    m.w.now++;
    CHECK(invite(&m, 5, OPERATOR "/e", TERMS) == LFCP_OK);
    CHECK(acknowledged("1", "too_many"));
}

static void a_session_that_is_over_is_not_begun_again(void)
{
    meeting_met(&m, TERMS);
    CHECK(serve(&m.w, 1, LFCP_VERB_PNCH, hex_of(SESSION), "0", "ended", "0") == LFCP_NOT_FOR_ME); /* another server */
    CHECK(serve(&m.w, 0, LFCP_VERB_PNCH, "x", "0", "ended", "0") == LFCP_NOT_FOR_ME);
    CHECK(session() != NULL);
    CHECK(serve(&m.w, 0, LFCP_VERB_PNCH, hex_of(SESSION), "0", "ended", "0") == LFCP_OK);
    CHECK(session() == NULL && meeting_after(&m, 1000) == 1 && last_of(&m, LFCP_TUNNEL_BYE, 1) != NULL);
    CHECK(lfcp_rendezvous_wakeup_ms(&m.rendezvous) == UINT64_MAX);
    CHECK(relay(&m, LFCP_TUNNEL_DATA, "x") == LFCP_NOT_FOR_ME);
    CHECK(invite(&m, SESSION, OPERATOR "/e", TERMS) == LFCP_OK);
    CHECK(acknowledged("1", "ended"));
    CHECK(invite(&m, SESSION + 1, OPERATOR "/e", TERMS) == LFCP_OK); /* in the place of the old one */
    CHECK(acknowledged("0", "0") && session() != NULL);
}

static void a_counter_that_cannot_be_reserved_is_told_and_asked_for_again(void)
{
    meeting_begin(&m);
    m.w.writes_fail = 1;
    while (m.w.client.counter < m.w.client.reserved) {
        CHECK(serve(&m.w, 0, LFCP_VERB_PROB, "0", "0", "0", "0") == LFCP_OK);
        uint8_t frame[LFCP_CLIENT_MAX_FRAME];
        size_t length;
        unsigned server, socket;
        (void)lfcp_path_poll(&m.path, &m.w.client, m.w.now, frame, sizeof frame, &length, &server, &socket);
    }
    CHECK(invite(&m, SESSION, OPERATOR "/e", TERMS) == LFCP_OK);
    uint8_t datagram[LFCP_MEETING_ROOM];
    size_t length = 1;
    lfcp_route to;
    CHECK(lfcp_rendezvous_poll(&m.rendezvous, &m.w.client, m.w.now, datagram, &length, &to) == LFCP_STORAGE_FAILED);
    CHECK(length == 0);
    m.w.writes_fail = 0;
    CHECK(invite(&m, SESSION, OPERATOR "/e", TERMS) == LFCP_OK);
    CHECK(acknowledged("0", "0"));
}

static void an_address_is_probed_at_its_pace(void)
{
    meeting_met(&m, "1.0.-.40.desk");
    CHECK(last_of(&m, LFCP_TUNNEL_PROBE, ALL) == NULL); /* the delay */
    const uint64_t begin = m.w.now + 40;
    (void)meeting_run(&m, 5000);
    CHECK(count_of(&m, LFCP_TUNNEL_PROBE, ALL) == 22);
    for (size_t at = 0; at < m.sent_count; at++) {
        CHECK(m.sent[at].is_frame || m.sent[at].said.kind != LFCP_TUNNEL_PROBE || m.sent[at].at >= begin);
    }
    CHECK(count_of(&m, LFCP_TUNNEL_HELLO, ALL) == 5); /* 0, 200, 600, 1400, 3000 ms */
    CHECK(answer(&m, last_of(&m, LFCP_TUNNEL_HELLO, ALL), NULL) == LFCP_OK);
    CHECK(meeting_run(&m, 59000) == 0);
    CHECK(meeting_run(&m, 2500) == 2); /* the minute's, and its repetition */
}

static void candidates_are_probed_as_soon_as_they_are_known(void)
{
    meeting_met(&m, TERMS);
    CHECK(relay(&m, LFCP_TUNNEL_HELLO, HELLO_1 " p203.0.113.9:4711 p203.0.113.9:4712 h8.8.8.8:1") == LFCP_OK);
    CHECK(meeting_poll(&m) == 3);
    CHECK(goes_to(last_of(&m, LFCP_TUNNEL_PROBE, 1), "192.168.1.7:4711"));
    CHECK(goes_to(&m.sent[m.sent_count - 2], "203.0.113.9:4712"));
    CHECK(last_of(&m, LFCP_TUNNEL_ANSWER, 3) != NULL && last_of(&m, LFCP_TUNNEL_ANSWER, 3)->to.relayed);
    CHECK(relay(&m, LFCP_TUNNEL_HELLO, HELLO_1) == LFCP_OK); /* a copy */
    CHECK(meeting_poll(&m) == 1);
    CHECK(relay(&m, LFCP_TUNNEL_HELLO, "hello") == LFCP_OK);
    CHECK(meeting_poll(&m) == 0);
}

static void probes_are_answered_and_shown_what_answers(void)
{
    meeting_met(&m, TERMS);
    CHECK(direct(&m, LFCP_TUNNEL_PROBE, "", "198.51.100.7:9", 0) == LFCP_OK); /* nobody named it */
    CHECK(meeting_poll(&m) == 2);
    CHECK(goes_to(last_of(&m, LFCP_TUNNEL_ANSWER, 2), "198.51.100.7:9"));
    CHECK(goes_to(last_of(&m, LFCP_TUNNEL_PROBE, 2), "198.51.100.7:9"));
    const sent_datagram *probe = last_of(&m, LFCP_TUNNEL_PROBE, 1);
    CHECK(answer(&m, probe, OPERATOR) == LFCP_NOT_FOR_ME); /* from elsewhere than it went to */
    CHECK(answer(&m, probe, "198.51.100.8:9") == LFCP_NOT_FOR_ME);
    CHECK(answer(&m, probe, NULL) == LFCP_OK); /* a HELLO was sent before: it is taken for that one's */
    CHECK(direct(&m, LFCP_TUNNEL_ANSWER, "short", "198.51.100.7:9", 0) == LFCP_NOT_FOR_ME);
    CHECK(direct(&m, LFCP_TUNNEL_NOMINATE, "", "198.51.100.7:9", 0) == LFCP_OK); /* not good yet */
    CHECK(meeting_poll(&m) == 1 && session()->direct_kind == 0);
    CHECK(answer(&m, probe, "198.51.100.7:9") == LFCP_OK);
    CHECK(again(&m, "198.51.100.7:9") == LFCP_REPLAYED);
    CHECK(direct(&m, LFCP_TUNNEL_PROBE, "", "198.51.100.7:9", 0) == LFCP_OK);
    CHECK(meeting_poll(&m) == 1); /* known to be good */
    CHECK(direct(&m, LFCP_TUNNEL_NOMINATE, "", "198.51.100.7:9", 0) == LFCP_OK);
    CHECK(meeting_poll(&m) == 1 && session()->direct_kind == 'g');
}

static void a_faster_copy_does_not_keep_the_genuine_one_from_counting(void)
{
    meeting_met(&m, TERMS);
    CHECK(direct(&m, LFCP_TUNNEL_PROBE, "", "192.168.1.7:4711", 0) == LFCP_OK); /* before it is named */
    CHECK(relay(&m, LFCP_TUNNEL_HELLO, HELLO_1) == LFCP_OK);
    (void)meeting_poll(&m);
    const sent_datagram *probe = last_of(&m, LFCP_TUNNEL_PROBE, 1);
    CHECK(direct(&m, LFCP_TUNNEL_PROBE, "", "198.51.100.7:9", 0) == LFCP_OK);
    CHECK(again(&m, OPERATOR) == LFCP_OK && again(&m, "203.0.113.9:1") == LFCP_OK);
    CHECK(again(&m, "192.168.1.7:4711") == LFCP_OK);
    CHECK(again(&m, "198.51.100.7:9") == LFCP_REPLAYED && again(&m, "198.51.100.8:9") == LFCP_REPLAYED);
    (void)meeting_poll(&m);
    CHECK(count_of(&m, LFCP_TUNNEL_ANSWER, 8) == 4);
    CHECK(answer(&m, probe, "192.168.1.7:4711") == LFCP_OK);
    CHECK(direct(&m, LFCP_TUNNEL_NOMINATE, "", "198.51.100.7:9", 0) == LFCP_OK);
    CHECK(session()->direct_kind == 0);
    CHECK(again(&m, "192.168.1.7:4711") == LFCP_OK && session()->direct_kind == 'h');
    const uint64_t heard = session()->heard;
    m.w.now += 10;
    CHECK(again(&m, OPERATOR) == LFCP_OK && session()->heard == heard); /* a copy proves no life */
    CHECK(direct(&m, LFCP_TUNNEL_DATA, "x", "198.51.100.7:9", 0) == LFCP_OK);
    CHECK(again(&m, OPERATOR) == LFCP_REPLAYED);
    m.operator.counter += LFCP_WINDOW;
    CHECK(relay(&m, LFCP_TUNNEL_DATA, "x") == LFCP_OK);
    m.operator.counter -= LFCP_WINDOW + 1;
    CHECK(direct(&m, LFCP_TUNNEL_PROBE, "", OPERATOR, 0) == LFCP_REPLAYED); /* too old */
    CHECK(direct(&m, LFCP_TUNNEL_PROBE, "", OPERATOR, 0) == LFCP_OK && again(&m, OPERATOR) == LFCP_OK);
}

static void what_comes_by_the_wrong_way_is_not_opened(void)
{
    meeting_met(&m, TERMS);
    CHECK(direct(&m, LFCP_TUNNEL_HELLO, HELLO_1, OPERATOR, 0) == LFCP_NOT_FOR_ME);
    CHECK(again(&m, NULL) == LFCP_OK);
    CHECK(relay(&m, LFCP_TUNNEL_PROBE, "") == LFCP_NOT_FOR_ME);
    CHECK(again(&m, OPERATOR) == LFCP_OK);
    CHECK(relay(&m, LFCP_TUNNEL_NOMINATE, "") == LFCP_NOT_FOR_ME);
    CHECK(direct(&m, LFCP_TUNNEL_DATA, "x", OPERATOR, 1) == LFCP_OK); /* its own socket: any way is right for DATA */
    m.datagram[3] ^= 1;
    CHECK(again(&m, NULL) == LFCP_NOT_FOR_ME); /* another session */
    m.datagram[3] ^= 1;
    m.datagram[20] ^= 1;
    CHECK(again(&m, NULL) == LFCP_BAD_SEAL);
    m.length = 3;
    CHECK(again(&m, NULL) == LFCP_NOT_FOR_ME);
}

static void more_addresses_than_there_is_room_for_do_no_harm(void)
{
    char from[32];
    meeting_met(&m, TERMS);
    for (unsigned at = 1; at <= 2 * LFCP_MEETING_TARGETS; at++) {
        (void)snprintf(from, sizeof from, "203.0.113.9:%u", at);
        CHECK(direct(&m, LFCP_TUNNEL_PROBE, "", from, 0) == LFCP_OK);
        (void)snprintf(from, sizeof from, "198.51.100.7:%u", at);
        CHECK(direct(&m, LFCP_TUNNEL_NOMINATE, "", from, 0) == LFCP_OK);
        if (at % 10 == 0) {
            (void)meeting_poll(&m);
        }
    }
    CHECK(meeting_run(&m, 3000) > 0);
    CHECK(session() != NULL && session()->direct_kind == 0);
    meeting_met(&m, TERMS);
    for (unsigned at = 1; at < LFCP_MEETING_TARGETS; at++) {
        (void)snprintf(from, sizeof from, "203.0.113.9:%u", at);
        CHECK(direct(&m, LFCP_TUNNEL_PROBE, "", from, 0) == LFCP_OK);
    }
    CHECK(relay(&m, LFCP_TUNNEL_HELLO, "1 1 e - p203.0.113.9:60000") == LFCP_OK);
    (void)meeting_run(&m, 3000);
    for (size_t at = 0; at < m.sent_count; at++) {
        CHECK(m.sent[at].to.at.port != 60000);
    }
}

static void what_answers_an_opener_is_not_probed_again(void)
{
    begin_second();
    CHECK(direct(&m, LFCP_TUNNEL_PROBE, "", "203.0.113.9:9", 0) == LFCP_OK); /* late, of the first attempt */
    CHECK(saw("198.51.100.20:4001") == LFCP_OK);
    (void)meeting_poll(&m);
    CHECK(relay(&m, LFCP_TUNNEL_HELLO, HELLO_1) == LFCP_OK); /* late too */
    CHECK(answer(&m, last_of(&m, LFCP_TUNNEL_HELLO, 4), NULL) == LFCP_OK);
    for (size_t at = 0; at < m.sent_count; at++) {
        if (m.sent[at].to.ttl == 3) {
            CHECK(answer(&m, &m.sent[at], "203.0.113.9:4800") == LFCP_OK);
        }
    }
    const size_t before = m.sent_count;
    (void)meeting_run(&m, 3000);
    for (size_t at = before; at < m.sent_count; at++) {
        CHECK(m.sent[at].to.at.port != 4800 && m.sent[at].to.at.port != 4711);
    }
    lfcp_rendezvous_end(&m.rendezvous, 0);
    (void)meeting_poll(&m);
    CHECK(!m.open[0]);
}

static void data_takes_the_relay_and_then_the_direct_path(void)
{
    uint8_t datagram[LFCP_TUNNEL_MAX] = {0};
    size_t length = 0;
    lfcp_route to;
    meeting_met(&m, TERMS);
    CHECK(lfcp_rendezvous_send(&m.rendezvous, 0, datagram, 5, m.w.now, &length, &to) == LFCP_OK);
    CHECK(to.relayed && to.server == 0 && to.session == 0 && length == LFCP_TUNNEL_HEAD + 5 + LFCP_TUNNEL_SEAL);
    CHECK(relay(&m, LFCP_TUNNEL_DATA, "said") == LFCP_OK);
    CHECK(m.said.kind == LFCP_TUNNEL_DATA && m.said.length == 4);
    meet_directly();
    CHECK(lfcp_rendezvous_send(&m.rendezvous, 0, datagram, 5, m.w.now, &length, &to) == LFCP_OK);
    CHECK(!to.relayed && to.at.port == 4711 && to.socket == 0);
    CHECK(lfcp_rendezvous_send(&m.rendezvous, 1, datagram, 5, m.w.now, &length, &to) == LFCP_INVALID);
    CHECK(lfcp_rendezvous_send(&m.rendezvous, 0, datagram, LFCP_TUNNEL_BODY + 1, m.w.now, &length, &to) ==
          LFCP_TOO_LONG);
}

static void a_better_path_is_taken_and_a_worse_one_only_in_doubt(void)
{
    meet_directly();
    CHECK(relay(&m, LFCP_TUNNEL_HELLO, HELLO_1) == LFCP_OK);
    (void)meeting_poll(&m);
    CHECK(answer(&m, last_of(&m, LFCP_TUNNEL_PROBE, 2), "192.168.1.7:4711") == LFCP_OK);
    CHECK(direct(&m, LFCP_TUNNEL_NOMINATE, "", "192.168.1.7:4711", 0) == LFCP_OK);
    CHECK(session()->direct_kind == 'h');
    CHECK(direct(&m, LFCP_TUNNEL_PROBE, "", "198.51.100.7:9", 0) == LFCP_OK);
    (void)meeting_poll(&m);
    CHECK(answer(&m, last_of(&m, LFCP_TUNNEL_PROBE, 1), "198.51.100.7:9") == LFCP_OK);
    CHECK(direct(&m, LFCP_TUNNEL_NOMINATE, "", "198.51.100.7:9", 0) == LFCP_OK);
    (void)meeting_poll(&m);
    CHECK(direct(&m, LFCP_TUNNEL_NOMINATE, "", OPERATOR, 0) == LFCP_OK);
    CHECK(meeting_poll(&m) == 1 && session()->direct_kind == 'h'); /* answered all the same */
    (void)meeting_run(&m, 21000 + 1000); /* a probe and its repetition are not answered */
    CHECK(direct(&m, LFCP_TUNNEL_NOMINATE, "", OPERATOR, 0) == LFCP_OK);
    CHECK(session()->direct_kind == 'p');
    m.operator.counter -= 2;
    CHECK(direct(&m, LFCP_TUNNEL_NOMINATE, "", "192.168.1.7:4711", 0) == LFCP_OK); /* long ago */
    CHECK(session()->direct_kind == 'p');
}

static void a_nomination_that_was_overtaken_changes_nothing(void)
{
    meeting_met(&m, TERMS);
    CHECK(direct(&m, LFCP_TUNNEL_PROBE, "", "203.0.113.9:1", 0) == LFCP_OK);
    (void)meeting_poll(&m);
    CHECK(answer(&m, last_of(&m, LFCP_TUNNEL_PROBE, 1), "203.0.113.9:1") == LFCP_OK);
    CHECK(answer(&m, last_of(&m, LFCP_TUNNEL_PROBE, ALL), OPERATOR) == LFCP_NOT_FOR_ME); /* another's */
    m.operator.counter += 2; /* the next one is newer than the one after it */
    CHECK(direct(&m, LFCP_TUNNEL_NOMINATE, "", "203.0.113.9:1", 0) == LFCP_OK);
    CHECK(session()->direct.port == 1);
    m.operator.counter -= 2;
    CHECK(direct(&m, LFCP_TUNNEL_NOMINATE, "", "203.0.113.9:1", 0) == LFCP_OK);
    CHECK(session()->direct.port == 1);
}

static void an_idle_path_is_asked_seldom_and_one_in_use_often(void)
{
    meet_directly();
    CHECK(relay(&m, LFCP_TUNNEL_DATA, "x") == LFCP_OK); /* the pause would have been longer */
    CHECK(meeting_run(&m, 3900) == 0 && meeting_run(&m, 2200) > 0);
    meet_directly();
    (void)meeting_run(&m, 3000); /* the attempt's own probes end */
    m.w.now += 18000;
    CHECK(meeting_poll(&m) == 1 && goes_to(last_of(&m, LFCP_TUNNEL_PROBE, 1), OPERATOR));
    CHECK(meeting_run(&m, 2500) == 2); /* again every second */
    CHECK(answer(&m, last_of(&m, LFCP_TUNNEL_PROBE, 1), OPERATOR) == LFCP_OK);
    CHECK(meeting_run(&m, 5000) == 0);
    CHECK(relay(&m, LFCP_TUNNEL_DATA, "x") == LFCP_OK);
    CHECK(meeting_run(&m, 3900) == 0 && meeting_run(&m, 2200) > 0);
    CHECK(answer(&m, last_of(&m, LFCP_TUNNEL_PROBE, 1), OPERATOR) == LFCP_OK);
    CHECK(meeting_run(&m, 3900) == 0);
    CHECK(meeting_run(&m, 2200) > 0);
}

static void a_path_that_does_not_answer_is_left_for_the_relay(void)
{
    meet_directly();
    (void)meeting_run(&m, LFCP_CONSENT_LOST_MS + 100);
    CHECK(session() != NULL && session()->direct_kind == 0);
    CHECK(lfcp_rendezvous_wakeup_ms(&m.rendezvous) > m.w.now + 1000);
    CHECK(relay(&m, LFCP_TUNNEL_HELLO, "2 1 e -") == LFCP_OK); /* the next round */
    (void)meeting_poll(&m);
    CHECK(is_text(last_of(&m, LFCP_TUNNEL_HELLO, 3), "2 1 e - h192.168.1.20:4000"));
    CHECK(goes_to(last_of(&m, LFCP_TUNNEL_PROBE, 3), OPERATOR));
    CHECK(relay(&m, LFCP_TUNNEL_HELLO, HELLO_2) == LFCP_OK); /* of the round before */
    CHECK(meeting_poll(&m) == 1 && !lfcp_meeting_wants_socket(session()));
}

static void a_path_of_ipv6_is_better_than_a_public_one(void)
{
    meet_directly();
    CHECK(relay(&m, LFCP_TUNNEL_HELLO, "1 1 e - 6[2001:db8::7]:4711") == LFCP_OK);
    (void)meeting_poll(&m);
    CHECK(answer(&m, last_of(&m, LFCP_TUNNEL_PROBE, 2), "[2001:db8::7]:4711") == LFCP_OK);
    CHECK(direct(&m, LFCP_TUNNEL_NOMINATE, "", "[2001:db8::7]:4711", 0) == LFCP_OK);
    CHECK(session()->direct_kind == '6');
}

static void an_answer_to_what_was_not_said_counts_for_nothing(void)
{
    begin_second();
    const sent_datagram *first = last_of(&m, LFCP_TUNNEL_HELLO, ALL);
    CHECK(relay(&m, LFCP_TUNNEL_ANSWER, "12345678") == LFCP_NOT_FOR_ME);
    CHECK(saw("198.51.100.20:4001") == LFCP_OK);
    CHECK(answer(&m, first, NULL) == LFCP_NOT_FOR_ME); /* the new one is not said yet */
    (void)meeting_poll(&m);
    CHECK(answer(&m, first, NULL) == LFCP_NOT_FOR_ME); /* the one before */
    CHECK(answer(&m, last_of(&m, LFCP_TUNNEL_HELLO, 2), NULL) == LFCP_OK);
    lfcp_meeting *meeting = &m.rendezvous.seats[0].meeting;
    CHECK(lfcp_meeting_receive(meeting, &(lfcp_route){.relayed = true}, m.datagram, 0, m.w.now, &m.said) ==
          LFCP_NOT_FOR_ME);
}

static void what_is_owed_is_due_at_once(void)
{
    meeting_met(&m, TERMS);
    CHECK(lfcp_rendezvous_wakeup_ms(&m.rendezvous) > m.w.now);
    CHECK(direct(&m, LFCP_TUNNEL_PROBE, "", OPERATOR, 0) == LFCP_OK);
    CHECK(lfcp_rendezvous_wakeup_ms(&m.rendezvous) == 0);
    CHECK(relay(&m, LFCP_TUNNEL_HELLO, HELLO_2) == LFCP_OK);
    CHECK(lfcp_rendezvous_wakeup_ms(&m.rendezvous) == 0);
    lfcp_rendezvous_end(&m.rendezvous, 0);
    CHECK(lfcp_rendezvous_wakeup_ms(&m.rendezvous) == 0);
    uint8_t datagram[LFCP_TUNNEL_MAX] = {0};
    size_t length;
    lfcp_route to;
    CHECK(lfcp_meeting_send(&m.rendezvous.seats[0].meeting, datagram, 1, m.w.now, &length, &to) == LFCP_INVALID);
    CHECK(invite(&m, SESSION + 1, OPERATOR "/e", TERMS) == LFCP_OK); /* the other place: goodbye is not said yet */
    CHECK(session() == NULL && lfcp_rendezvous_session(&m.rendezvous, 1) != NULL);
    (void)meeting_poll(&m);
    CHECK(lfcp_rendezvous_wakeup_ms(&m.rendezvous) > m.w.now);
}

static void each_round_has_a_socket_of_its_own(void)
{
    meeting_met(&m, TERMS);
    m.w.now += 18000;
    CHECK(relay(&m, LFCP_TUNNEL_HELLO, HELLO_2) == LFCP_OK);
    (void)meeting_after(&m, 1000);
    const uint64_t keep = m.rendezvous.seats[0].keep;
    CHECK(relay(&m, LFCP_TUNNEL_HELLO, "2 2 e - p203.0.113.9:4900") == LFCP_OK); /* too soon */
    (void)meeting_after(&m, 1000);
    CHECK(relay(&m, LFCP_TUNNEL_HELLO, "2 2 e - p203.0.113.9:4900") == LFCP_OK);
    (void)meeting_poll(&m);
    CHECK(m.open[0] && m.rendezvous.seats[0].keep > keep); /* the world demands that the old one was closed */
}

static void without_a_counter_no_socket_is_shown(void)
{
    meeting_met(&m, TERMS);
    m.w.client.counter = m.w.client.reserved;
    m.w.writes_fail = 1;
    CHECK(relay(&m, LFCP_TUNNEL_HELLO, HELLO_2) == LFCP_OK);
    (void)meeting_poll(&m);
    CHECK(m.status == LFCP_STORAGE_FAILED);
    m.w.writes_fail = 0;
    CHECK(meeting_after(&m, 1000) > 0 && m.rendezvous.seats[0].keeps == 2);
}

static void a_silent_operator_is_not_waited_for_for_ever(void)
{
    meeting_met(&m, TERMS);
    (void)meeting_run(&m, LFCP_RELAY_IDLE_MS - 1);
    CHECK(session() != NULL);
    (void)meeting_after(&m, 1);
    CHECK(session() == NULL && last_of(&m, LFCP_TUNNEL_BYE, 1) != NULL);
}

static void a_direct_path_holds_the_socket_that_it_goes_by(void)
{
    meeting_met(&m, TERMS);
    CHECK(!lfcp_rendezvous_holds_socket(&m.rendezvous));
    meet_directly();
    CHECK(lfcp_rendezvous_holds_socket(&m.rendezvous) && !lfcp_meeting_uses_socket(session()));
    lfcp_rendezvous_end(&m.rendezvous, 0);
    CHECK(!lfcp_rendezvous_holds_socket(&m.rendezvous));
    meet_directly();
    m.rendezvous.seats[0].meeting.direct_socket = 1;
    CHECK(!lfcp_rendezvous_holds_socket(&m.rendezvous));
}

static void goodbye_is_said_by_both_ways_and_heard_by_either(void)
{
    meet_directly();
    lfcp_rendezvous_end(&m.rendezvous, 0);
    lfcp_rendezvous_end(&m.rendezvous, 0);
    CHECK(meeting_poll(&m) == 2 && count_of(&m, LFCP_TUNNEL_BYE, 2) == 2);
    CHECK(goes_to(&m.sent[m.sent_count - 2], OPERATOR) && m.sent[m.sent_count - 1].to.relayed);
    meeting_met(&m, TERMS);
    CHECK(relay(&m, LFCP_TUNNEL_BYE, "") == LFCP_OK);
    CHECK(session() == NULL && meeting_poll(&m) == 0);
    CHECK(lfcp_meeting_receive(&m.rendezvous.seats[0].meeting, &(lfcp_route){.relayed = true}, m.datagram, m.length,
                               m.w.now, &m.said) == LFCP_INVALID);
}

static void the_second_attempt_leads_with_openers_from_a_socket_of_its_own(void)
{
    begin_second();
    const sent_datagram *keep = &m.sent[m.sent_count - 2];
    CHECK(m.open[0] && keep->is_frame && keep->message.verb == LFCP_VERB_KEEP && keep->to.socket == 1);
    CHECK(serve(&m.w, 0, LFCP_VERB_ACK, "x", "0", "0", "0") == LFCP_OK);
    CHECK(saw("nowhere") == LFCP_OK && saw("198.51.100.20:4001") == LFCP_OK);
    CHECK(saw("198.51.100.20:4009") == LFCP_OK); /* a copy */
    CHECK(meeting_poll(&m) == 2);
    CHECK(is_text(last_of(&m, LFCP_TUNNEL_HELLO, 2), "1 2 e - p198.51.100.20:4001 h192.168.1.20:4001"));
    const sent_datagram *hello = last_of(&m, LFCP_TUNNEL_HELLO, 2);
    CHECK(meeting_run(&m, 450) == 3 && count_of(&m, LFCP_TUNNEL_PROBE, 4) == 3);
    for (size_t at = 0; at < m.sent_count; at++) {
        CHECK(m.sent[at].said.kind != LFCP_TUNNEL_PROBE || m.sent[at].to.socket == 0 || m.sent[at].to.ttl == 3);
    }
    CHECK(answer(&m, hello, NULL) == LFCP_OK);
    CHECK(meeting_run(&m, 49) == 0);
    CHECK(meeting_run(&m, 1) == 1);
    const sent_datagram *probe = last_of(&m, LFCP_TUNNEL_PROBE, 1);
    CHECK(goes_to(probe, "203.0.113.9:4800") && probe->to.ttl == 0 && probe->to.socket == 1);
    CHECK(answer(&m, probe, "203.0.113.9:4800") == LFCP_OK);
    CHECK(direct(&m, LFCP_TUNNEL_NOMINATE, "", "203.0.113.9:4800", 1) == LFCP_OK);
    (void)meeting_run(&m, 20000);
    CHECK(session()->direct_kind == 'p' && session()->direct_socket == 1 && m.open[0]);
    lfcp_rendezvous_end(&m.rendezvous, 0);
    (void)meeting_poll(&m);
    CHECK(!m.open[0]);
}

static void a_second_attempt_in_vain_is_given_up_and_its_socket_closed(void)
{
    begin_second();
    CHECK(saw("198.51.100.20:4001") == LFCP_OK);
    (void)meeting_run(&m, 4900);
    CHECK(m.open[0]);
    (void)meeting_run(&m, 200); /* the HELLO is not answered */
    CHECK(!m.open[0]);
    begin_second();
    CHECK(saw("198.51.100.20:4001") == LFCP_OK);
    (void)meeting_poll(&m);
    CHECK(answer(&m, last_of(&m, LFCP_TUNNEL_HELLO, 2), NULL) == LFCP_OK);
    (void)meeting_run(&m, LFCP_OPENER_MS + 2 * LFCP_PUNCH_MS - 100);
    CHECK(m.open[0]);
    (void)meeting_run(&m, 200);
    CHECK(!m.open[0] && session() != NULL);
}

static void a_socket_that_nobody_sees_is_asked_about_five_times(void)
{
    begin_second();
    size_t before = m.sent_count;
    (void)meeting_run(&m, 10000);
    size_t keeps = 1;
    for (size_t at = before; at < m.sent_count; at++) {
        keeps += m.sent[at].is_frame && m.sent[at].message.verb == LFCP_VERB_KEEP;
    }
    CHECK(keeps == 5 && !m.open[0]);
    CHECK(saw("198.51.100.20:4001") == LFCP_OK);
    CHECK(!lfcp_meeting_uses_socket(session()));
}

static void without_another_socket_there_is_no_second_attempt(void)
{
    meeting_met(&m, TERMS);
    m.open_fails = true;
    CHECK(relay(&m, LFCP_TUNNEL_HELLO, HELLO_2) == LFCP_OK);
    (void)meeting_poll(&m);
    CHECK(!lfcp_meeting_wants_socket(session()) && meeting_run(&m, 4000) == 0);
}

static void ports_by_chance_are_tried_where_that_is_allowed(void)
{
    meeting_met(&m, "1.0.b.0.desk");
    CHECK(relay(&m, LFCP_TUNNEL_HELLO, HELLO_3) == LFCP_OK);
    (void)meeting_poll(&m);
    CHECK(is_text(last_of(&m, LFCP_TUNNEL_HELLO, 2), "1 3 e -"));
    CHECK(meeting_run(&m, LFCP_OPENER_MS - 1) == 1); /* HELLO again */
    CHECK(meeting_run(&m, 1000) >= 100);
    const sent_datagram *probe = last_of(&m, LFCP_TUNNEL_PROBE, 2);
    CHECK(probe->to.at.port >= 1024 && probe->to.socket == 0 && probe->to.ttl == 0);
    CHECK(direct(&m, LFCP_TUNNEL_PROBE, "", "203.0.113.9:50000", 0) == LFCP_OK);
    (void)meeting_poll(&m);
    CHECK(goes_to(last_of(&m, LFCP_TUNNEL_PROBE, 2), "203.0.113.9:50000"));
    CHECK(answer(&m, last_of(&m, LFCP_TUNNEL_PROBE, 2), "203.0.113.9:50000") == LFCP_OK);
    CHECK(direct(&m, LFCP_TUNNEL_NOMINATE, "", "203.0.113.9:50000", 0) == LFCP_OK);
    CHECK(meeting_run(&m, 1000) <= 3); /* no more of them */
}

static void ports_by_chance_come_to_an_end(void)
{
    meeting_met(&m, "1.0.b.0.desk");
    CHECK(relay(&m, LFCP_TUNNEL_HELLO, HELLO_3) == LFCP_OK);
    (void)meeting_poll(&m);
    for (unsigned turn = 0; turn < 40; turn++) {
        m.sent_count = 0;
        (void)meeting_run(&m, 500);
    }
    CHECK(count_of(&m, LFCP_TUNNEL_PROBE, ALL) == 0 && session()->chances == 300);
    meeting_met(&m, "1.0.b.0.desk");
    CHECK(relay(&m, LFCP_TUNNEL_HELLO, HELLO_3) == LFCP_OK);
    m.rendezvous.seats[0].meeting.chances = 0; /* 15 s in 12 */
    CHECK(meeting_run(&m, 10000) < 20);
}

static void ports_by_chance_are_not_tried_where_they_are_of_no_use(void)
{
    static const char *const hellos[] = {"1 3 h -", "1 3 e b", "2 3 s b"};
    for (size_t at = 0; at < sizeof hellos / sizeof *hellos; at++) {
        check_why = hellos[at];
        meeting_met(&m, "1.0.b.0.desk");
        m.w.now += 20000; /* so that another round may begin */
        CHECK(relay(&m, LFCP_TUNNEL_HELLO, hellos[at]) == LFCP_OK);
        (void)meeting_run(&m, 1000);
        CHECK(session()->chances == 0);
    }
    check_why = "not allowed";
    meeting_met(&m, TERMS);
    CHECK(relay(&m, LFCP_TUNNEL_HELLO, HELLO_3) == LFCP_OK);
    CHECK(session()->chances == 0);
    check_why = "hard itself";
    meeting_begin(&m);
    m.path.mapping = 'h';
    CHECK(invite(&m, SESSION, OPERATOR "/h", "1.0.b.0.desk") == LFCP_OK);
    CHECK(relay(&m, LFCP_TUNNEL_HELLO, "1 3 s b") == LFCP_OK && session()->chances == 0);
    check_why = "an address that nobody has";
    meeting_begin(&m);
    CHECK(invite(&m, SESSION, "224.0.0.1:9/h", "1.0.b.0.desk") == LFCP_OK);
    CHECK(relay(&m, LFCP_TUNNEL_HELLO, HELLO_3) == LFCP_OK && session()->chances == 0);
    CHECK(direct(&m, LFCP_TUNNEL_PROBE, "", "224.0.0.1:9", 0) == LFCP_OK); /* from who can, the answer goes there */
}

static void a_nat_that_counts_is_told_ahead_of(void)
{
    meeting_begin(&m);
    CHECK(serve(&m.w, 0, LFCP_VERB_PROB, "0", "0", "0", "0") == LFCP_OK);
    m.path.mapping = 's';
    m.path.seen[0].at.port = 4000;
    m.path.seen[1].at.port = 3998;
    CHECK(invite(&m, SESSION, OPERATOR "/e", TERMS) == LFCP_OK);
    (void)meeting_poll(&m);
    const char *text = "1 1 s - g192.0.2.1:3997 g192.0.2.1:3996";
    const sent_datagram *hello = last_of(&m, LFCP_TUNNEL_HELLO, 3);
    CHECK(hello != NULL && memcmp(hello->said.body, text, strlen(text)) == 0);
}

int main(void)
{
    RUN(an_invitation_is_acknowledged_and_taken_up_at_once);
    RUN(what_is_no_invitation_is_not_answered);
    RUN(a_session_without_a_key_is_refused);
    RUN(who_cannot_be_let_in_is_told_why);
    RUN(a_session_that_is_over_is_not_begun_again);
    RUN(a_counter_that_cannot_be_reserved_is_told_and_asked_for_again);
    RUN(an_address_is_probed_at_its_pace);
    RUN(candidates_are_probed_as_soon_as_they_are_known);
    RUN(probes_are_answered_and_shown_what_answers);
    RUN(a_faster_copy_does_not_keep_the_genuine_one_from_counting);
    RUN(what_comes_by_the_wrong_way_is_not_opened);
    RUN(more_addresses_than_there_is_room_for_do_no_harm);
    RUN(what_answers_an_opener_is_not_probed_again);
    RUN(data_takes_the_relay_and_then_the_direct_path);
    RUN(a_better_path_is_taken_and_a_worse_one_only_in_doubt);
    RUN(a_nomination_that_was_overtaken_changes_nothing);
    RUN(an_idle_path_is_asked_seldom_and_one_in_use_often);
    RUN(a_path_that_does_not_answer_is_left_for_the_relay);
    RUN(a_path_of_ipv6_is_better_than_a_public_one);
    RUN(an_answer_to_what_was_not_said_counts_for_nothing);
    RUN(what_is_owed_is_due_at_once);
    RUN(each_round_has_a_socket_of_its_own);
    RUN(without_a_counter_no_socket_is_shown);
    RUN(a_silent_operator_is_not_waited_for_for_ever);
    RUN(a_direct_path_holds_the_socket_that_it_goes_by);
    RUN(goodbye_is_said_by_both_ways_and_heard_by_either);
    RUN(the_second_attempt_leads_with_openers_from_a_socket_of_its_own);
    RUN(a_second_attempt_in_vain_is_given_up_and_its_socket_closed);
    RUN(a_socket_that_nobody_sees_is_asked_about_five_times);
    RUN(without_another_socket_there_is_no_second_attempt);
    RUN(ports_by_chance_are_tried_where_that_is_allowed);
    RUN(ports_by_chance_come_to_an_end);
    RUN(ports_by_chance_are_not_tried_where_they_are_of_no_use);
    RUN(a_nat_that_counts_is_told_ahead_of);
    return checked();
}
