#include "lfcp_meeting.h"

#include "lfcp_meeting_internal.h"

#define OWN_ROLE 1 /* the device's */
#define HELLO_MOST_MS 5000
#define HELLO_AGAIN_MS 1000 /* the first wait of one that keeps the session and is not answered */
#define OPENER_TTL 3        /* leaves one's own NAT and reaches no other */
#define FIRST_CHANCE 1024   /* port */
#define ANSWER_BODY 8

lfcp_status lfcp_meeting_start(lfcp_meeting *meeting, const lfcp_invitation *about, const uint8_t key[LFCP_KEY],
                               uint64_t now)
{
    meeting->about = *about;
    meeting->heard = now;
    lfcp_attempts_begin(meeting, now);
    return lfcp_tunnel_start(&meeting->tunnel, meeting->crypto, key, about->session, OWN_ROLE);
}

void lfcp_meeting_end(lfcp_meeting *meeting)
{
    meeting->bye = !meeting->over;
    meeting->over = true;
}

uint32_t lfcp_meeting_chance(const lfcp_meeting *meeting, uint32_t least, uint32_t greatest)
{
    uint32_t bits = meeting->random(meeting->random_context);
    return least + (uint32_t)((uint64_t)(greatest - least) * bits >> 32);
}

/* Receiving. */

static bool is_direct(const lfcp_meeting *meeting, const lfcp_target *target)
{
    return meeting->direct_kind != 0 && meeting->direct_socket == target->socket &&
           lfcp_address_same(&meeting->direct, &target->at);
}

static void owe_answer(lfcp_meeting *meeting, const lfcp_route *from, uint64_t counter)
{
    if (meeting->answer_count < LFCP_MEETING_ANSWERS) {
        meeting->answers[meeting->answer_count++] = (lfcp_owed_answer){counter, *from};
    }
}

static bool is_public(const lfcp_meeting *meeting, const lfcp_route *from)
{
    return meeting->public_allowed && lfcp_address_same_host(&from->at, &meeting->about.other);
}

/* One that is not named, since a NAT gave another port; what is not at the address of PNCH is only answered. */
static lfcp_target *unnamed(lfcp_meeting *meeting, const lfcp_route *from, uint64_t now)
{
    lfcp_target *target = lfcp_target_add(meeting, &from->at, from->socket, 'g');
    if (target != NULL && is_public(meeting, from)) {
        lfcp_target_begin(target, now);
    }
    return target;
}

/* One probe back, as long as the address is not known to be good. */
static lfcp_target *heard_from(lfcp_meeting *meeting, const lfcp_route *from, uint64_t now)
{
    lfcp_target *target = lfcp_target_find(meeting, &from->at, from->socket);
    target = target != NULL ? target : unnamed(meeting, from, now);
    if (target != NULL && !target->good) {
        lfcp_target_probe(target, now);
    }
    return target;
}

/* The newest decides, in whatever order they come. */
static void receive_nomination(lfcp_meeting *meeting, const lfcp_route *from, uint64_t counter, uint64_t now)
{
    lfcp_target *target = heard_from(meeting, from, now);
    if (target == NULL || !target->good) {
        return;
    }
    owe_answer(meeting, from, counter);
    if (counter < meeting->nominated) {
        return;
    }
    meeting->nominated = counter;
    if (!is_direct(meeting, target) && lfcp_consent_yields(meeting, target->kind)) {
        lfcp_consent_begin(meeting, target, now);
    }
}

static void receive_hello(lfcp_meeting *meeting, const lfcp_route *from, const lfcp_said *said, uint64_t now)
{
    lfcp_hello hello;
    if (lfcp_hello_read((lfcp_text){(const char *)said->body, said->length}, &hello)) {
        owe_answer(meeting, from, said->counter);
        lfcp_attempts_heard(meeting, &hello, now);
    }
}

/* False: it is not from where the probe went to, and counts for nothing. */
static bool is_answer(lfcp_meeting *meeting, const lfcp_route *from, const lfcp_said *said)
{
    uint64_t counter = lfcp_get_big_endian(said->body, ANSWER_BODY);
    if (from->relayed) {
        return meeting->hello_first != 0 && counter >= meeting->hello_first && counter <= meeting->tunnel.counter;
    }
    lfcp_target *target = lfcp_target_find(meeting, &from->at, from->socket);
    return target != NULL && lfcp_target_was_sent(target, counter);
}

static void receive_answer(lfcp_meeting *meeting, const lfcp_route *from, uint64_t now)
{
    if (from->relayed) {
        meeting->hello_answered = true;
        meeting->hello = now + LFCP_HELLO_KEEP_MS;
        meeting->hello_wait = HELLO_AGAIN_MS;
        return;
    }
    lfcp_target *target = lfcp_target_find(meeting, &from->at, from->socket);
    target->good = true;
    target->next = LFCP_NEVER;
    if (is_direct(meeting, target)) {
        lfcp_consent_given(meeting, now);
    }
}

static bool is_check(uint8_t kind)
{
    return kind == LFCP_TUNNEL_PROBE || kind == LFCP_TUNNEL_NOMINATE;
}

/* What a stranger passes on by another way is not even opened: it must use up no counter. */
static bool came_rightly(const lfcp_route *from, uint8_t kind)
{
    return kind == LFCP_TUNNEL_HELLO ? from->relayed : !is_check(kind) || !from->relayed;
}

/* Somebody may have been faster with a copy from an address of his own: the genuine one counts all the same. What is
 * predicted elsewhere than at the address of PNCH, nobody named. */
static bool is_copied(lfcp_meeting *meeting, const lfcp_route *from, const lfcp_said *said)
{
    if (!is_check(said->kind) || meeting->tunnel.window.highest - said->counter >= LFCP_WINDOW) {
        return false;
    }
    const lfcp_target *target = lfcp_target_find(meeting, &from->at, from->socket);
    return is_public(meeting, from) || (target != NULL && target->kind != 'g');
}

static void take(lfcp_meeting *meeting, const lfcp_route *from, const lfcp_said *said, uint64_t now)
{
    switch (said->kind) {
    case LFCP_TUNNEL_DATA:
        lfcp_consent_data(meeting, now);
        break;
    case LFCP_TUNNEL_HELLO:
        receive_hello(meeting, from, said, now);
        break;
    case LFCP_TUNNEL_PROBE:
        owe_answer(meeting, from, said->counter);
        heard_from(meeting, from, now);
        break;
    case LFCP_TUNNEL_ANSWER:
        receive_answer(meeting, from, now);
        break;
    case LFCP_TUNNEL_NOMINATE:
        receive_nomination(meeting, from, said->counter, now);
        break;
    default:
        meeting->over = true;
        break;
    }
}

lfcp_status lfcp_meeting_receive(lfcp_meeting *meeting, const lfcp_route *from, uint8_t *datagram, size_t length,
                                 uint64_t now, lfcp_said *said)
{
    if (meeting->over) {
        return LFCP_INVALID;
    }
    if (length == 0 || !came_rightly(from, datagram[0])) {
        return LFCP_NOT_FOR_ME;
    }
    lfcp_status status = lfcp_tunnel_open(&meeting->tunnel, meeting->crypto, datagram, length, said);
    if (status != LFCP_OK) {
        return status;
    }
    if (said->kind == LFCP_TUNNEL_ANSWER && (said->length != ANSWER_BODY || !is_answer(meeting, from, said))) {
        return LFCP_NOT_FOR_ME;
    }
    status = lfcp_window_accept(&meeting->tunnel.window, said->counter);
    if (status == LFCP_OK) {
        meeting->heard = now;
    } else if (!is_copied(meeting, from, said)) {
        return status;
    }
    take(meeting, from, said, now);
    return LFCP_OK;
}

/* Sending. */

static void take_path(const lfcp_meeting *meeting, lfcp_route *to)
{
    *to = (lfcp_route){.relayed = meeting->direct_kind == 0};
    if (!to->relayed) {
        to->socket = meeting->direct_socket;
        to->at = meeting->direct;
    }
}

static size_t write_hello(lfcp_meeting *meeting, uint64_t now, char *body, lfcp_route *to)
{
    meeting->hello = now + meeting->hello_wait;
    meeting->hello_wait = meeting->hello_wait < HELLO_MOST_MS / 2 ? 2 * meeting->hello_wait : HELLO_MOST_MS;
    if (meeting->hello_first == 0) {
        meeting->hello_first = meeting->tunnel.counter + 1;
    }
    *to = (lfcp_route){.relayed = true};
    return lfcp_hello_write(meeting, body);
}

static size_t write_answer(lfcp_meeting *meeting, uint8_t *body, lfcp_route *to)
{
    const lfcp_owed_answer *owed = &meeting->answers[--meeting->answer_count];
    lfcp_put_big_endian(body, owed->counter, ANSWER_BODY);
    *to = owed->to;
    return ANSWER_BODY;
}

static void ask_consent(lfcp_meeting *meeting, uint64_t now, lfcp_route *to)
{
    lfcp_target *target = lfcp_target_find(meeting, &meeting->direct, meeting->direct_socket);
    take_path(meeting, to);
    lfcp_consent_asked(meeting, now);
    lfcp_target_probed(target, meeting->tunnel.counter + 1, now);
}

/* By both ways, directly first; the server hears it too. */
static bool say_bye(lfcp_meeting *meeting, lfcp_route *to)
{
    bool said = meeting->bye;
    take_path(meeting, to);
    meeting->bye = said && !to->relayed;
    meeting->direct_kind = 0;
    return said;
}

static bool probe_is_due(lfcp_meeting *meeting, uint64_t now, lfcp_route *to)
{
    lfcp_target *target = lfcp_target_due(meeting, now);
    if (lfcp_consent_due(meeting) <= now) {
        ask_consent(meeting, now, to);
        return true;
    }
    if (target != NULL) {
        *to = (lfcp_route){.socket = target->socket, .ttl = target->openers > 0 ? OPENER_TTL : 0, .at = target->at};
        lfcp_target_probed(target, meeting->tunnel.counter + 1, now);
        return true;
    }
    if (lfcp_attempts_chance_due(meeting) > now) {
        return false;
    }
    lfcp_attempts_chance_taken(meeting, now);
    *to = (lfcp_route){.at = meeting->about.other};
    to->at.port = (uint16_t)lfcp_meeting_chance(meeting, FIRST_CHANCE, UINT16_MAX + 1);
    return true;
}

/* The kind of the next datagram, 0 for none, and its body's length. */
static uint8_t next_datagram(lfcp_meeting *meeting, uint64_t now, uint8_t *body, size_t *length, lfcp_route *to)
{
    *length = 0;
    if (meeting->over) {
        return say_bye(meeting, to) ? LFCP_TUNNEL_BYE : 0;
    }
    if (meeting->answer_count > 0) {
        *length = write_answer(meeting, body, to);
        return LFCP_TUNNEL_ANSWER;
    }
    if (meeting->hello <= now) {
        *length = write_hello(meeting, now, (char *)body, to);
        return LFCP_TUNNEL_HELLO;
    }
    return probe_is_due(meeting, now, to) ? LFCP_TUNNEL_PROBE : 0;
}

static void advance(lfcp_meeting *meeting, uint64_t now)
{
    if (now >= meeting->heard + LFCP_RELAY_IDLE_MS) {
        lfcp_meeting_end(meeting);
        return;
    }
    lfcp_attempts_advance(meeting, now);
    lfcp_consent_advance(meeting, now);
}

lfcp_status lfcp_meeting_poll(lfcp_meeting *meeting, uint64_t now, uint8_t *datagram, size_t *length, lfcp_route *to)
{
    size_t body;
    advance(meeting, now);
    uint8_t kind = next_datagram(meeting, now, datagram + LFCP_TUNNEL_HEAD, &body, to);
    *length = 0;
    return kind == 0 ? LFCP_OK : lfcp_tunnel_seal(&meeting->tunnel, meeting->crypto, kind, datagram, body, length);
}

lfcp_status lfcp_meeting_send(lfcp_meeting *meeting, uint8_t *datagram, size_t body_length, uint64_t now,
                              size_t *length, lfcp_route *to)
{
    if (meeting->over) {
        return LFCP_INVALID;
    }
    lfcp_consent_data(meeting, now);
    take_path(meeting, to);
    return lfcp_tunnel_seal(&meeting->tunnel, meeting->crypto, LFCP_TUNNEL_DATA, datagram, body_length, length);
}

static uint64_t earlier(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

uint64_t lfcp_meeting_wakeup_ms(const lfcp_meeting *meeting)
{
    if (meeting->over) {
        return meeting->bye ? 0 : LFCP_NEVER;
    }
    if (meeting->answer_count > 0) {
        return 0;
    }
    uint64_t due = earlier(lfcp_targets_due(meeting), lfcp_attempts_chance_due(meeting));
    due = earlier(due, earlier(lfcp_attempts_due(meeting), lfcp_consent_due(meeting)));
    return earlier(due, earlier(meeting->hello, meeting->heard + LFCP_RELAY_IDLE_MS));
}
