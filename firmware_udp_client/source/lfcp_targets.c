/* Addresses of the other side, and the pace of probes to each: 6 times 50 ms apart, 5 times 100, then every 200. */
#include <string.h>

#include "lfcp_meeting_internal.h"

#define FAST_PROBES 6
#define FAST_MS 50
#define BRISK_PROBES (FAST_PROBES + 5)
#define BRISK_MS 100
#define STEADY_MS 200

lfcp_target *lfcp_target_find(lfcp_meeting *meeting, const lfcp_address *at, uint8_t socket)
{
    for (unsigned place = 0; place < LFCP_MEETING_TARGETS; place++) {
        lfcp_target *target = &meeting->targets[place];
        if (target->kind != 0 && target->socket == socket && lfcp_address_same(&target->at, at)) {
            return target;
        }
    }
    return NULL;
}

/* A free place, else one that came to nothing. */
static lfcp_target *place_for(lfcp_meeting *meeting)
{
    lfcp_target *vain = NULL;
    for (unsigned place = 0; place < LFCP_MEETING_TARGETS; place++) {
        lfcp_target *target = &meeting->targets[place];
        if (target->kind == 0) {
            return target;
        }
        if (target->next == LFCP_NEVER && !target->good && meeting->phase != LFCP_PHASE_SOCKET) {
            vain = target;
        }
    }
    return vain;
}

lfcp_target *lfcp_target_add(lfcp_meeting *meeting, const lfcp_address *at, uint8_t socket, char kind)
{
    lfcp_target *target = place_for(meeting);
    if (target != NULL) {
        memset(target, 0, sizeof *target);
        target->at = *at;
        target->socket = socket;
        target->kind = kind;
        target->next = LFCP_NEVER;
    }
    return target;
}

void lfcp_target_begin(lfcp_target *target, uint64_t now)
{
    target->openers = target->probes = 0;
    target->next = now;
    target->until = now + LFCP_PUNCH_MS;
}

void lfcp_target_probe(lfcp_target *target, uint64_t now)
{
    target->openers = 0;
    target->next = now;
}

lfcp_target *lfcp_target_due(lfcp_meeting *meeting, uint64_t now)
{
    for (unsigned place = 0; place < LFCP_MEETING_TARGETS; place++) {
        if (meeting->targets[place].kind != 0 && meeting->targets[place].next <= now) {
            return &meeting->targets[place];
        }
    }
    return NULL;
}

static uint64_t next_of(lfcp_target *target, uint64_t now)
{
    uint32_t wait = target->probes < FAST_PROBES ? FAST_MS : target->probes < BRISK_PROBES ? BRISK_MS : STEADY_MS;
    if (target->openers > 0) {
        return --target->openers > 0 ? now + FAST_MS : LFCP_NEVER;
    }
    target->probes = (uint8_t)(target->probes + (target->probes < BRISK_PROBES));
    return !target->good && now + wait < target->until ? now + wait : LFCP_NEVER;
}

void lfcp_target_probed(lfcp_target *target, uint64_t counter, uint64_t now)
{
    target->sent[target->sent_next++ % LFCP_MEETING_SENT] = (uint32_t)counter;
    target->next = next_of(target, now);
}

bool lfcp_target_was_sent(const lfcp_target *target, uint64_t counter)
{
    for (unsigned at = 0; at < LFCP_MEETING_SENT; at++) {
        if (counter != 0 && target->sent[at] == counter) {
            return true;
        }
    }
    return false;
}

uint64_t lfcp_targets_due(const lfcp_meeting *meeting)
{
    uint64_t due = LFCP_NEVER;
    for (unsigned place = 0; place < LFCP_MEETING_TARGETS; place++) {
        if (meeting->targets[place].kind != 0 && meeting->targets[place].next < due) {
            due = meeting->targets[place].next;
        }
    }
    return due;
}
