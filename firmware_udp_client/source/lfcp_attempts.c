/* Attempts at a direct path. The other side, role 0, begins each but the first; this one follows. */
#include <string.h>

#include "lfcp_meeting_internal.h"

#define HELLO_FIRST_MS 200
#define ROUND_LEAST_MS 20000 /* from one to the next */
#define SECOND_MS 5000 /* from the other side's HELLO to the probes */
#define OPENERS 3
#define CHANCES 1500
#define CHANCE_MS 10

static void say_hello(lfcp_meeting *meeting, uint64_t now)
{
    meeting->hello = now;
    meeting->hello_wait = HELLO_FIRST_MS;
    meeting->hello_first = 0;
    meeting->hello_answered = false;
}

static void enter(lfcp_meeting *meeting, lfcp_phase phase, uint64_t turn)
{
    meeting->phase = (uint8_t)phase;
    meeting->turn = turn;
}

static void probe_public(lfcp_meeting *meeting, uint64_t now)
{
    memset(meeting->targets, 0, sizeof meeting->targets);
    if (meeting->public_allowed) {
        lfcp_target_begin(lfcp_target_add(meeting, &meeting->about.other, 0, 'p'), now);
    }
}

/* A loopback address tells something only where the server sees both sides at one: on its own machine. */
static bool may_probe_public(const lfcp_meeting *meeting)
{
    lfcp_scope scope = lfcp_address_scope(&meeting->about.other);
    if (scope != LFCP_SCOPE_LOOPBACK) {
        return scope != LFCP_SCOPE_NONE;
    }
    return meeting->own[0].was_seen && lfcp_address_scope(&meeting->own[0].seen) == LFCP_SCOPE_LOOPBACK;
}

void lfcp_attempts_begin(lfcp_meeting *meeting, uint64_t now)
{
    meeting->round = meeting->attempt = 1;
    meeting->round_at = now;
    meeting->public_allowed = may_probe_public(meeting);
    meeting->begins = now + meeting->about.delay_ms;
    probe_public(meeting, meeting->begins);
    enter(meeting, LFCP_PHASE_REST, LFCP_NEVER);
    say_hello(meeting, now);
}

static bool is_hard(char mapping)
{
    return mapping == 'h' || mapping == 's';
}

static void begin_birthday(lfcp_meeting *meeting, const lfcp_hello *hello, uint64_t now)
{
    memset(meeting->targets, 0, sizeof meeting->targets);
    say_hello(meeting, now);
    enter(meeting, LFCP_PHASE_REST, LFCP_NEVER);
    if (meeting->about.birthday && hello->many_sockets && hello->round == 1 && meeting->public_allowed &&
        is_hard(hello->mapping) && !is_hard(meeting->mapping)) {
        meeting->chances = CHANCES;
        meeting->chance_at = now + LFCP_OPENER_MS;
        enter(meeting, LFCP_PHASE_BIRTHDAY, now + LFCP_OPENER_MS + LFCP_BIRTHDAY_MS);
    }
}

uint64_t lfcp_attempts_chance_due(const lfcp_meeting *meeting)
{
    bool tries = meeting->phase == LFCP_PHASE_BIRTHDAY && meeting->chances > 0 && meeting->direct_kind == 0;
    return tries ? meeting->chance_at : LFCP_NEVER;
}

void lfcp_attempts_chance_taken(lfcp_meeting *meeting, uint64_t now)
{
    meeting->chances--;
    meeting->chance_at = now + CHANCE_MS;
}

static void begin_attempt(lfcp_meeting *meeting, const lfcp_hello *hello, uint64_t now)
{
    meeting->round_at = hello->round > meeting->round ? now : meeting->round_at;
    meeting->round = hello->round;
    meeting->attempt = hello->attempt;
    meeting->direct_kind = 0;
    if (hello->attempt == 3) {
        begin_birthday(meeting, hello, now);
    } else if (hello->attempt == 2) {
        memset(meeting->targets, 0, sizeof meeting->targets);
        enter(meeting, LFCP_PHASE_SOCKET, now + SECOND_MS);
        meeting->hello = now + LFCP_HELLO_KEEP_MS; /* unless there will be more to say */
    } else {
        probe_public(meeting, now);
        enter(meeting, LFCP_PHASE_REST, LFCP_NEVER);
        say_hello(meeting, now);
    }
}

static void take_candidate(lfcp_meeting *meeting, const lfcp_candidate *candidate, uint8_t socket, uint64_t now)
{
    lfcp_target *target = lfcp_target_find(meeting, &candidate->at, socket);
    if (!lfcp_candidate_allowed(meeting, candidate)) {
        return;
    }
    if (target != NULL) {
        target->kind = target->kind == 'g' ? candidate->kind : target->kind; /* heard from before it was named */
        return;
    }
    target = lfcp_target_add(meeting, &candidate->at, socket, candidate->kind);
    if (target != NULL && socket == 0) {
        lfcp_target_begin(target, now < meeting->begins ? meeting->begins : now);
    }
}

/* The public ones first: a NAT that counts its ports up gives these what was predicted. */
static void take_candidates(lfcp_meeting *meeting, const lfcp_hello *hello, uint64_t now)
{
    for (unsigned order = 0; order < 2; order++) {
        for (unsigned at = 0; at < hello->count; at++) {
            const lfcp_candidate *each = &hello->each[at];
            bool is_public = each->kind == 'p' || each->kind == 'g';
            if (is_public == (order == 0)) {
                take_candidate(meeting, each, hello->attempt == 2, now);
            }
        }
    }
}

/* Who leads must not make this side send without pause: some addresses are of his choice. */
static bool may_begin(const lfcp_meeting *meeting, const lfcp_hello *hello, uint64_t now)
{
    if (hello->round == meeting->round) {
        return hello->attempt > meeting->attempt;
    }
    return hello->round > meeting->round && now >= meeting->round_at + ROUND_LEAST_MS;
}

/* What comes late of an attempt that was left is of no use. */
void lfcp_attempts_heard(lfcp_meeting *meeting, const lfcp_hello *hello, uint64_t now)
{
    if (may_begin(meeting, hello, now)) {
        begin_attempt(meeting, hello, now);
    }
    if (hello->round == meeting->round && hello->attempt == meeting->attempt && hello->attempt < 3) {
        take_candidates(meeting, hello, now);
    }
}

bool lfcp_meeting_wants_socket(const lfcp_meeting *meeting)
{
    return !meeting->over && meeting->phase == LFCP_PHASE_SOCKET;
}

bool lfcp_meeting_uses_socket(const lfcp_meeting *meeting)
{
    bool trying = meeting->phase == LFCP_PHASE_OPENERS || meeting->phase == LFCP_PHASE_PROBES;
    return !meeting->over && (trying || (meeting->direct_kind != 0 && meeting->direct_socket == 1));
}

static void open_targets(lfcp_meeting *meeting, uint64_t now)
{
    for (unsigned place = 0; place < LFCP_MEETING_TARGETS; place++) {
        lfcp_target *target = &meeting->targets[place];
        if (target->kind != 0 && target->socket == 1) {
            target->openers = OPENERS;
            target->next = now;
        }
    }
}

void lfcp_meeting_has_socket(lfcp_meeting *meeting, const lfcp_own *own, uint64_t now)
{
    if (!lfcp_meeting_wants_socket(meeting)) {
        return;
    }
    if (own == NULL) {
        enter(meeting, LFCP_PHASE_REST, LFCP_NEVER);
        return;
    }
    meeting->own[1] = *own;
    meeting->phase = LFCP_PHASE_OPENERS;
    meeting->opened = now;
    open_targets(meeting, now);
    say_hello(meeting, now);
}

static void begin_probes(lfcp_meeting *meeting, uint64_t now)
{
    for (unsigned place = 0; place < LFCP_MEETING_TARGETS; place++) {
        lfcp_target *target = &meeting->targets[place];
        if (target->kind != 0 && target->socket == 1 && !target->good) {
            lfcp_target_begin(target, now);
        }
    }
    enter(meeting, LFCP_PHASE_PROBES, now + 2 * LFCP_PUNCH_MS);
}

/* The other side's answer to HELLO says that its openers leave too. */
void lfcp_attempts_advance(lfcp_meeting *meeting, uint64_t now)
{
    if (meeting->phase == LFCP_PHASE_OPENERS && meeting->hello_answered && now >= meeting->opened + LFCP_OPENER_MS) {
        begin_probes(meeting, now);
    } else if (now >= meeting->turn) {
        enter(meeting, LFCP_PHASE_REST, LFCP_NEVER);
    }
}

uint64_t lfcp_attempts_due(const lfcp_meeting *meeting)
{
    bool opening = meeting->phase == LFCP_PHASE_OPENERS && meeting->hello_answered;
    return opening ? meeting->opened + LFCP_OPENER_MS : meeting->turn;
}
