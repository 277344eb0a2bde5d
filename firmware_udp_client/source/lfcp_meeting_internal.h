/* What the sources of a session share. Not for callers. */
#ifndef LFCP_MEETING_INTERNAL_H
#define LFCP_MEETING_INTERNAL_H

#include "lfcp_client_internal.h"
#include "lfcp_meeting.h"

#define LFCP_HELLO_KEEP_MS 60000 /* between HELLOs that say nothing new; they keep the session */

typedef enum lfcp_phase {
    LFCP_PHASE_REST,     /* nothing but what each address and path asks for */
    LFCP_PHASE_SOCKET,   /* second attempt: a socket of its own is wanted */
    LFCP_PHASE_OPENERS,  /* … openers leave, and the HELLO is not answered yet */
    LFCP_PHASE_PROBES,   /* … probes, and a while for what they bring */
    LFCP_PHASE_BIRTHDAY  /* third: probes to ports by chance */
} lfcp_phase;

typedef struct lfcp_candidate {
    char kind;
    lfcp_address at;
} lfcp_candidate;

typedef struct lfcp_hello {
    uint16_t round;
    uint8_t attempt;
    char mapping;
    bool many_sockets;
    uint8_t count;
    lfcp_candidate each[LFCP_MAX_CANDIDATES];
} lfcp_hello;

/* lfcp_invitation.c; key: the session's */
bool lfcp_invitation_read(const lfcp_message *message, lfcp_invitation *about);
bool lfcp_invitation_key(const lfcp_config *config, unsigned server, const lfcp_message *message,
                         uint8_t key[LFCP_KEY]);

/* lfcp_hello.c */
bool lfcp_is_mapping(char mapping);
size_t lfcp_hello_write(const lfcp_meeting *meeting, char *text); /* room: LFCP_MEETING_ROOM without head and seal */
bool lfcp_hello_read(lfcp_text text, lfcp_hello *hello);
bool lfcp_candidate_allowed(const lfcp_meeting *meeting, const lfcp_candidate *candidate);

/* lfcp_targets.c; NULL: not known, or no room. The direct path is always one of them. */
lfcp_target *lfcp_target_find(lfcp_meeting *meeting, const lfcp_address *at, uint8_t socket);
lfcp_target *lfcp_target_add(lfcp_meeting *meeting, const lfcp_address *at, uint8_t socket, char kind);
void lfcp_target_begin(lfcp_target *target, uint64_t now); /* probes at their pace */
void lfcp_target_probe(lfcp_target *target, uint64_t now); /* one at once */
lfcp_target *lfcp_target_due(lfcp_meeting *meeting, uint64_t now);
void lfcp_target_probed(lfcp_target *target, uint64_t counter, uint64_t now);
bool lfcp_target_was_sent(const lfcp_target *target, uint64_t counter);
uint64_t lfcp_targets_due(const lfcp_meeting *meeting);

/* lfcp_attempts.c */
void lfcp_attempts_begin(lfcp_meeting *meeting, uint64_t now);
void lfcp_attempts_advance(lfcp_meeting *meeting, uint64_t now);
void lfcp_attempts_heard(lfcp_meeting *meeting, const lfcp_hello *hello, uint64_t now);
uint64_t lfcp_attempts_due(const lfcp_meeting *meeting);
uint64_t lfcp_attempts_chance_due(const lfcp_meeting *meeting);
void lfcp_attempts_chance_taken(lfcp_meeting *meeting, uint64_t now);

/* lfcp_consent.c */
void lfcp_consent_begin(lfcp_meeting *meeting, const lfcp_target *target, uint64_t now);
bool lfcp_consent_yields(const lfcp_meeting *meeting, char kind); /* a worse path only while it is in doubt */
void lfcp_consent_advance(lfcp_meeting *meeting, uint64_t now);
void lfcp_consent_asked(lfcp_meeting *meeting, uint64_t now);
void lfcp_consent_given(lfcp_meeting *meeting, uint64_t now);
void lfcp_consent_data(lfcp_meeting *meeting, uint64_t now);
uint64_t lfcp_consent_due(const lfcp_meeting *meeting);

/* lfcp_meeting.c: a random number from the least to the greatest, which is never met. */
uint32_t lfcp_meeting_chance(const lfcp_meeting *meeting, uint32_t least, uint32_t greatest);

#endif
