/* Two sockets for each step: one lost datagram must not pass for a dead mapping. A NAT that sees traffic both ways for
 * some seconds gives a mapping its longer life; hence the answered KEEP before the silence. */
#include <string.h>

#include "lfcp_client_internal.h"
#include "lfcp_ladder.h"

#define WARMINGS 3      /* KEEP without delay */
#define WARMING_MS 1200 /* between them: 2.4 s from the first to the last */
#define ANSWER_MS 1000
#define LATE_MS 2000  /* that a delayed answer may come */
#define TRIES 2       /* of a step that nothing longer outlived: a lost datagram looks like a lost mapping */
#define DEAD_STEPS 2  /* in a row end the climb */
#define MOST_SPOILT 2 /* tries that are made again, since neither socket got as far as the delay */
#define NO_STEP LFCP_LADDER_STEPS

enum { IDLE, WARMING, HOLDING, HEARD, LOST, SPOILT };

const lfcp_ladder_steps lfcp_ladder_usual = {
#define STEP_OF(seconds) seconds,
    {LFCP_KEEP_STEPS(STEP_OF)},
#undef STEP_OF
#define ONE_OF(seconds) +1
    0 LFCP_KEEP_STEPS(ONE_OF)
#undef ONE_OF
};

static bool is_active(const lfcp_keep *keep)
{
    return keep->phase == WARMING || keep->phase == HOLDING;
}

static bool is_tried(const lfcp_ladder *ladder, unsigned step)
{
    return ladder->keeps[2 * step].phase != IDLE;
}

static bool is_outlived(const lfcp_ladder *ladder, unsigned step)
{
    return ladder->keeps[2 * step].phase == HEARD || ladder->keeps[2 * step + 1].phase == HEARD;
}

static bool is_decided(const lfcp_ladder *ladder, unsigned step)
{
    const lfcp_keep *pair = &ladder->keeps[2 * step];
    return is_tried(ladder, step) && (is_outlived(ladder, step) || (!is_active(pair) && !is_active(pair + 1)));
}

/* The shortest one that is not tried yet. Those that were not outlived come again once nothing longer is tried that may
 * prove them wrong. */
static unsigned next_step(const lfcp_ladder *ladder)
{
    unsigned untried = NO_STEP, again = NO_STEP, dead = 0;
    bool may_prove_wrong = false;
    for (unsigned step = 0; step < ladder->steps->count; step++) {
        bool tried = is_tried(ladder, step);
        may_prove_wrong = may_prove_wrong || (tried && ladder->deaths[step] == 0);
        if (ladder->steps->seconds[step] <= ladder->life) {
            continue;
        }
        dead += ladder->deaths[step] > 0 ? 1 : 0;
        if (!tried && ladder->deaths[step] == 0 && (ladder->put_off >> step & 1u) == 0 && untried == NO_STEP) {
            untried = step;
        } else if (!tried && ladder->deaths[step] > 0 && ladder->deaths[step] < TRIES && dead <= DEAD_STEPS &&
                   again == NO_STEP) {
            again = step;
        }
    }
    if (dead < DEAD_STEPS && untried != NO_STEP) {
        return untried;
    }
    return may_prove_wrong ? NO_STEP : again;
}

static void begin(lfcp_ladder *ladder, lfcp_keep *keep, uint64_t now)
{
    *keep = (lfcp_keep){.due = now, .phase = WARMING, .socket = ++ladder->last_socket};
}

static unsigned steps_under_way(const lfcp_ladder *ladder)
{
    unsigned count = 0;
    for (unsigned step = 0; step < ladder->steps->count; step++) {
        count += is_tried(ladder, step) ? 1 : 0;
    }
    return count;
}

/* Begins what there are sockets for. */
static void fill(lfcp_ladder *ladder, uint64_t now)
{
    unsigned step;
    if (steps_under_way(ladder) == 0) {
        ladder->put_off = 0;
    }
    while (ladder->spoilt <= MOST_SPOILT && steps_under_way(ladder) < ladder->at_a_time &&
           (step = next_step(ladder)) != NO_STEP) {
        begin(ladder, &ladder->keeps[2 * step], now);
        begin(ladder, &ladder->keeps[2 * step + 1], now);
    }
}

static void judge(lfcp_ladder *ladder, unsigned step)
{
    lfcp_keep *pair = &ladder->keeps[2 * step];
    if (is_outlived(ladder, step)) {
        uint16_t seconds = ladder->steps->seconds[step];
        ladder->life = seconds > ladder->life ? seconds : ladder->life;
    } else if (pair[0].phase == SPOILT && pair[1].phase == SPOILT) {
        ladder->spoilt++;
        ladder->put_off |= (uint8_t)(1u << step);
    } else {
        ladder->deaths[step]++;
    }
    pair[0].phase = pair[1].phase = IDLE;
}

/* False: nothing was decided. */
static bool settle(lfcp_ladder *ladder, uint64_t now)
{
    bool any = false;
    for (unsigned step = 0; step < ladder->steps->count; step++) {
        if (is_decided(ladder, step)) {
            judge(ladder, step);
            any = true;
        }
    }
    if (any) {
        fill(ladder, now);
    }
    return any;
}

void lfcp_ladder_start(lfcp_ladder *ladder, const lfcp_ladder_steps *steps, unsigned sockets)
{
    memset(ladder, 0, sizeof *ladder);
    ladder->steps = steps;
    ladder->at_a_time = (uint8_t)(sockets < LFCP_LADDER_SOCKETS ? sockets / 2 : LFCP_LADDER_STEPS);
}

void lfcp_ladder_climb(lfcp_ladder *ladder, unsigned server, uint64_t now)
{
    lfcp_ladder_leave(ladder);
    memset(ladder->deaths, 0, sizeof ladder->deaths);
    ladder->life = ladder->spoilt = 0;
    ladder->server = (uint8_t)server;
    ladder->climbing = true;
    fill(ladder, now);
}

void lfcp_ladder_leave(lfcp_ladder *ladder)
{
    memset(ladder->keeps, 0, sizeof ladder->keeps);
    ladder->climbing = false;
}

uint64_t lfcp_ladder_due(const lfcp_ladder *ladder)
{
    uint64_t due = LFCP_NEVER;
    for (unsigned at = 0; at < LFCP_LADDER_SOCKETS; at++) {
        const lfcp_keep *keep = &ladder->keeps[at];
        if (is_decided(ladder, at / 2)) {
            return 0;
        }
        if (is_active(keep) && keep->due < due) {
            due = keep->due;
        }
    }
    return due;
}

static lfcp_status encode(const lfcp_ladder *ladder, lfcp_client *client, uint32_t delay, const lfcp_outgoing *out)
{
    lfcp_params params;
    lfcp_put_decimal(lfcp_params_begin(&params), delay);
    lfcp_params_next(&params);
    return lfcp_client_encode(client, ladder->server, LFCP_VERB_KEEP, params.each, 1, out);
}

static lfcp_status send(lfcp_ladder *ladder, lfcp_client *client, unsigned at, const lfcp_outgoing *out)
{
    lfcp_keep *keep = &ladder->keeps[at];
    bool last = keep->answered == WARMINGS;
    uint32_t delay = last ? ladder->steps->seconds[at / 2] * 1000u : 0;
    lfcp_status status = encode(ladder, client, delay, out);
    if (status != LFCP_OK) {
        return status;
    }
    if (keep->sends == 0) {
        keep->began = client->now;
    }
    keep->phase = last ? HOLDING : WARMING;
    keep->due = client->now + (last ? delay + LATE_MS : ANSWER_MS);
    keep->copies[keep->sends++] = (uint32_t)client->counter;
    return LFCP_OK;
}

/* The place of one that is to be sent; none: LFCP_LADDER_SOCKETS. What has waited long enough is over. */
static unsigned next_due(lfcp_ladder *ladder, uint64_t now)
{
    unsigned at;
    for (at = 0; at < LFCP_LADDER_SOCKETS; at++) {
        lfcp_keep *keep = &ladder->keeps[at];
        if (!is_active(keep) || now < keep->due) {
            continue;
        }
        if (keep->phase == WARMING && keep->sends < LFCP_LADDER_SENDS) {
            break;
        }
        keep->phase = keep->phase == HOLDING ? LOST : SPOILT;
    }
    return at;
}

lfcp_status lfcp_ladder_poll(lfcp_ladder *ladder, lfcp_client *client, uint8_t *frame, size_t size, size_t *length,
                             unsigned *socket)
{
    const lfcp_outgoing out = {frame, size, length};
    unsigned at;
    do {
        at = next_due(ladder, client->now);
    } while (at == LFCP_LADDER_SOCKETS && settle(ladder, client->now));
    if (at == LFCP_LADDER_SOCKETS) {
        return LFCP_OK;
    }
    *socket = ladder->keeps[at].socket;
    return send(ladder, client, at, &out);
}

static bool sent(const lfcp_keep *keep, uint64_t counter)
{
    unsigned copy = 0;
    while (copy < keep->sends && keep->copies[copy] != (uint32_t)counter) {
        copy++;
    }
    return copy < keep->sends;
}

static void warmed(lfcp_keep *keep, uint64_t now)
{
    uint64_t next = keep->began + WARMING_MS;
    keep->answered++;
    keep->sends = 0;
    keep->due = keep->answered == WARMINGS || next < now ? now : next;
}

void lfcp_ladder_answered(lfcp_ladder *ladder, unsigned server, uint64_t counter, bool refused, uint64_t now)
{
    for (lfcp_keep *keep = ladder->keeps; keep < ladder->keeps + LFCP_LADDER_SOCKETS; keep++) {
        if (server != ladder->server || !is_active(keep) || !sent(keep, counter)) {
            continue;
        }
        if (refused) {
            keep->phase = SPOILT;
        } else if (keep->phase == WARMING) {
            warmed(keep, now);
        } else {
            keep->phase = HEARD;
        }
    }
}

lfcp_ladder_end lfcp_ladder_ended(lfcp_ladder *ladder, uint32_t *life)
{
    *life = ladder->life;
    if (!ladder->climbing || (ladder->spoilt <= MOST_SPOILT && steps_under_way(ladder) > 0)) {
        return LFCP_LADDER_NO_END;
    }
    lfcp_ladder_leave(ladder);
    return ladder->spoilt > MOST_SPOILT ? LFCP_LADDER_SPOILT : LFCP_LADDER_CLIMBED;
}

bool lfcp_ladder_uses(const lfcp_ladder *ladder, unsigned socket)
{
    unsigned at = 0;
    while (at < LFCP_LADDER_SOCKETS && (!is_active(&ladder->keeps[at]) || ladder->keeps[at].socket != socket)) {
        at++;
    }
    return at < LFCP_LADDER_SOCKETS;
}
