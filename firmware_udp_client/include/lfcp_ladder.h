/* How long the NAT's mapping of a device lives: docs/protocol.md, "Through NAT", "The ladder". Part of lfcp_path.h,
 * which calls it. Sockets are numbers here, from 1, and each number is used for one: a new one stands for a new port.
 * Times are of the client's own clock. */
#ifndef LFCP_LADDER_H
#define LFCP_LADDER_H

#include "lfcp_client.h"

#define LFCP_LADDER_STEPS 8 /* at most */
#define LFCP_LADDER_SOCKETS (2 * LFCP_LADDER_STEPS) /* at a time at most */
#define LFCP_LADDER_SENDS 5 /* of one KEEP */

typedef struct lfcp_ladder_steps {
    uint16_t seconds[LFCP_LADDER_STEPS]; /* growing; at most LFCP_KEEP_MOST_MS each */
    uint8_t count;
} lfcp_ladder_steps;

/* Those of docs/protocol.md. */
extern const lfcp_ladder_steps lfcp_ladder_usual;

/* From here on: read nothing, write nothing. */

typedef struct lfcp_keep {
    uint64_t due;
    uint64_t began;                      /* the exchange under way, or the last one */
    uint32_t copies[LFCP_LADDER_SENDS]; /* counters of the KEEP under way, the lower half */
    uint16_t socket;
    uint8_t phase;
    uint8_t answered; /* of those without delay */
    uint8_t sends;    /* of the one under way */
} lfcp_keep;

typedef struct lfcp_ladder {
    const lfcp_ladder_steps *steps;
    lfcp_keep keeps[LFCP_LADDER_SOCKETS]; /* two a step */
    uint8_t deaths[LFCP_LADDER_STEPS];    /* tries that were not outlived */
    uint16_t last_socket;
    uint16_t life;
    uint8_t at_a_time; /* steps */
    uint8_t spoilt;    /* tries that told nothing */
    uint8_t put_off;   /* a bit a step: such ones, until nothing else is tried; then a server has room again */
    uint8_t server;
    bool climbing;
} lfcp_ladder;

typedef enum lfcp_ladder_end { LFCP_LADDER_NO_END, LFCP_LADDER_CLIMBED, LFCP_LADDER_SPOILT } lfcp_ladder_end;

/* sockets: at a time; less than two: it is never climbed. */
void lfcp_ladder_start(lfcp_ladder *ladder, const lfcp_ladder_steps *steps, unsigned sockets);

void lfcp_ladder_climb(lfcp_ladder *ladder, unsigned server, uint64_t now);
void lfcp_ladder_leave(lfcp_ladder *ladder);

/* When there is something to send or to give up; UINT64_MAX: nothing is under way. */
uint64_t lfcp_ladder_due(const lfcp_ladder *ladder);

/* The next KEEP that is due; none: *length is 0. */
lfcp_status lfcp_ladder_poll(lfcp_ladder *ladder, lfcp_client *client, uint8_t *frame, size_t size, size_t *length,
                             unsigned *socket);

/* An ACK from a server that names this counter. */
void lfcp_ladder_answered(lfcp_ladder *ladder, unsigned server, uint64_t counter, bool refused, uint64_t now);

/* Whether it has just ended, once, and the longest step that was outlived, s; 0: none. Spoilt: nothing was learned,
 * since the server did not answer, or has no room for more. */
lfcp_ladder_end lfcp_ladder_ended(lfcp_ladder *ladder, uint32_t *life);

bool lfcp_ladder_uses(const lfcp_ladder *ladder, unsigned socket);

#endif
