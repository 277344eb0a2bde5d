/* The direct path, and whether the other side still answers there (RFC 7675). */
#include "lfcp_meeting_internal.h"

#define AGAIN_MS 1000 /* after a probe without an answer */

static bool is_idle(const lfcp_meeting *meeting, uint64_t now)
{
    return now >= meeting->data + LFCP_CONSENT_IDLE_MS;
}

static uint32_t active_wait(const lfcp_meeting *meeting)
{
    return lfcp_meeting_chance(meeting, LFCP_CONSENT_MS * 4 / 5, LFCP_CONSENT_MS * 6 / 5);
}

static uint32_t idle_wait(const lfcp_meeting *meeting)
{
    return lfcp_meeting_chance(meeting, LFCP_CONSENT_IDLE_MS * 6 / 7, LFCP_CONSENT_IDLE_MS * 8 / 7);
}

void lfcp_consent_begin(lfcp_meeting *meeting, const lfcp_target *target, uint64_t now)
{
    meeting->direct = target->at;
    meeting->direct_kind = target->kind;
    meeting->direct_socket = target->socket;
    lfcp_consent_given(meeting, now);
}

void lfcp_consent_given(lfcp_meeting *meeting, uint64_t now)
{
    meeting->asked = 0;
    meeting->answered = now;
    meeting->consent = now + (is_idle(meeting, now) ? idle_wait(meeting) : active_wait(meeting));
}

void lfcp_consent_asked(lfcp_meeting *meeting, uint64_t now)
{
    meeting->consent = now + AGAIN_MS;
    meeting->asked++;
}

void lfcp_consent_data(lfcp_meeting *meeting, uint64_t now)
{
    uint64_t latest = now + active_wait(meeting);
    meeting->data = now;
    if (meeting->consent > latest) {
        meeting->consent = latest;
    }
}

/* Less is better. */
static unsigned rank_of(char kind)
{
    return kind == 'h' ? 0 : kind == '6' ? 1 : kind == 'p' ? 2 : 3;
}

bool lfcp_consent_yields(const lfcp_meeting *meeting, char kind)
{
    return meeting->direct_kind == 0 || rank_of(kind) <= rank_of(meeting->direct_kind) || meeting->asked > 1;
}

/* Then the other side begins a new round. */
void lfcp_consent_advance(lfcp_meeting *meeting, uint64_t now)
{
    if (meeting->direct_kind != 0 && now >= meeting->answered + LFCP_CONSENT_LOST_MS) {
        lfcp_target_find(meeting, &meeting->direct, meeting->direct_socket)->kind = 0;
        meeting->direct_kind = 0;
    }
}

uint64_t lfcp_consent_due(const lfcp_meeting *meeting)
{
    uint64_t lost = meeting->answered + LFCP_CONSENT_LOST_MS;
    if (meeting->direct_kind == 0) {
        return LFCP_NEVER;
    }
    return meeting->consent < lost ? meeting->consent : lost;
}
