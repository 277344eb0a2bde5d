/* Sessions under any words of an operator's machine, genuine and not, any times and answers: what is sent stays within
 * bounds and goes where it may, what ends stays ended, and there is never something left to do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meeting_world.h"

#define MOST_AT_ONCE 64 /* datagrams of one moment: a probe to each address of two sessions, and their answers */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static meeting_world m;
static const uint8_t *data;
static size_t left;

#define demand(condition) demand_that((condition), #condition, __LINE__)

static void demand_that(bool holds, const char *condition, int line)
{
    if (!holds) {
        fprintf(stderr, "fuzz_meeting.c:%d: %s\n", line, condition);
        abort();
    }
}

static uint8_t byte(void)
{
    if (left == 0) {
        return 0;
    }
    left--;
    return *data++;
}

static const char *some_hello(void)
{
    static const char *const hellos[] = {
        "1 1 e - h192.168.1.7:4711 6[2001:db8::7]:4711 p203.0.113.9:4711 g203.0.113.9:4712",
        "1 2 e - p203.0.113.9:4800",
        "1 3 h b", "2 1 h - h[fd00::7]:1 h[fe80::7]:1", "2 2 s - p203.0.113.9:4801 g203.0.113.9:4802 h10.0.0.7:4801",
        "2 3 s b", "1 1 u -", "3 2 h -", "9999 1 e - h127.0.0.1:1 p198.51.100.1:1 6224.0.0.1:1", "1 1 e",
        "1 1 e - x", "0 1 e -", "",
        "3 1 s - g203.0.113.9:1 g203.0.113.9:2 g203.0.113.9:3 g203.0.113.9:4 p203.0.113.9:5",
        "1 2 s - g203.0.113.9:6 g203.0.113.9:7 g203.0.113.9:8 g203.0.113.9:9 g203.0.113.9:10 h192.168.1.9:11"};
    return hellos[byte() % (sizeof hellos / sizeof *hellos)];
}

static const char *some_address(void)
{
    static const char *const addresses[] = {OPERATOR,           "203.0.113.9:4712", "203.0.113.9:4800",
                                            "192.168.1.7:4711", "198.51.100.7:9",   "[2001:db8::7]:4711"};
    static char port[24];
    uint8_t which = byte();
    if (which < 128) {
        return addresses[which % (sizeof addresses / sizeof *addresses)];
    }
    (void)snprintf(port, sizeof port, "203.0.113.9:%u", which);
    return port;
}

static void speak(void)
{
    uint8_t kind = (uint8_t)(LFCP_TUNNEL_DATA + byte() % 6);
    uint8_t way = byte();
    const char *body = kind == LFCP_TUNNEL_HELLO ? some_hello() : kind == LFCP_TUNNEL_DATA ? "cam1,TLGS" : "";
    if (kind == LFCP_TUNNEL_BYE && way % 8 != 0) {
        return;
    }
    if (kind == LFCP_TUNNEL_HELLO || (way & 1) != 0) {
        (void)relay(&m, kind, body);
    } else {
        (void)direct(&m, kind, body, some_address(), way >> 1 & 1);
    }
}

/* To the newest of what was sent, or one before it, from where it went to or from elsewhere. */
static void answer_something(void)
{
    size_t back = byte();
    if (back >= m.sent_count) {
        return;
    }
    const sent_datagram *sent = &m.sent[m.sent_count - 1 - back];
    char text[LFCP_ADDRESS_TEXT + 1] = {0};
    if (sent->is_frame) {
        return;
    }
    if (!sent->to.relayed) {
        text[lfcp_address_write(&sent->to.at, text)] = '\0';
    }
    (void)answer(&m, sent, byte() % 8 == 0 ? some_address() : sent->to.relayed ? NULL : text);
}

static void anything(void)
{
    m.length = byte() % 64;
    m.length = m.length < left ? m.length : left;
    memcpy(m.datagram, data, m.length);
    data += m.length;
    left -= m.length;
    if (m.length > 9 && byte() % 2 == 0) {
        m.datagram[0] = (uint8_t)(LFCP_TUNNEL_DATA + m.datagram[0] % 6);
        for (unsigned at = 0; at < 8; at++) {
            m.datagram[1 + at] = (uint8_t)(SESSION >> (56 - 8 * at) & 255);
        }
    }
    (void)again(&m, byte() % 2 == 0 ? NULL : some_address());
}

static void ask(void)
{
    static const char *const others[] = {OPERATOR "/e", OPERATOR "/h", "[2001:db8::7]:4711/s", "127.0.0.1:5/e", "x/e"};
    static const char *const terms[] = {"1.0.-.0.desk", "1.0.b.0.desk", "1.5004.b.40.desk", "1.9.-.0.desk", "1.0"};
    uint8_t which = byte();
    (void)invite(&m, SESSION + which % 3, others[byte() % 5], terms[byte() % 5]);
}

static void serve_something(void)
{
    uint8_t which = byte();
    if (which % 4 == 0) {
        (void)serve(&m.w, 0, LFCP_VERB_PNCH, hex_of(SESSION + which % 3), "0", "ended", "0");
    } else {
        const char *counter = hex_of(m.rendezvous.seats[which >> 4 & 1].keep);
        (void)serve(&m.w, 0, LFCP_VERB_ACK, counter, "0", which % 4 == 1 ? "x" : "192.0.2.1:4001", "0");
    }
}

static void pass_time(void)
{
    static const uint16_t times[] = {1, 10, 49, 50, 100, 200, 500, 999, 1000, 3000, 5000, 17000, 31000, 60000};
    m.w.now += times[byte() % (sizeof times / sizeof *times)];
}

static void step(void)
{
    switch (byte() % 12) {
    case 0:
    case 1:
    case 2:
        speak();
        break;
    case 3:
    case 4:
        answer_something();
        break;
    case 5:
        anything();
        break;
    case 6:
        (void)again(&m, byte() % 2 == 0 ? NULL : some_address());
        break;
    case 7:
        ask();
        break;
    case 8:
        serve_something();
        break;
    case 9:
        if (byte() % 8 == 0) {
            lfcp_rendezvous_end(&m.rendezvous, byte() % 3);
        }
        m.open_fails = byte() % 8 == 0;
        break;
    default:
        pass_time();
        break;
    }
}

/* Opened from where it may be: not to the machine itself, nor to many. */
static void look_at_sent(size_t count)
{
    for (size_t back = 0; back < count; back++) {
        const sent_datagram *sent = &m.sent[m.sent_count - 1 - back];
        demand(sent->to.socket <= 1 && sent->to.session < LFCP_SESSIONS && sent->to.server < LFCP_CLIENT_SERVERS);
        demand(sent->to.relayed || lfcp_address_scope(&sent->to.at) >= LFCP_SCOPE_PRIVATE);
        demand(sent->to.ttl == 0 || sent->to.ttl == 3);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    data = input;
    left = size;
    meeting_met(&m, byte() % 2 == 0 ? "1.0.-.0.desk" : "1.0.b.0.desk");
    while (left > 0) {
        step();
        if (m.sent_count > MEETING_SENT / 2) {
            m.sent_count = 0;
        }
        size_t count = meeting_poll(&m);
        demand(count <= MOST_AT_ONCE && m.status == LFCP_OK);
        look_at_sent(count);
        demand(lfcp_rendezvous_wakeup_ms(&m.rendezvous) > m.w.now);
    }
    return 0;
}
