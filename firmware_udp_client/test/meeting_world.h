/* A device that lets operators in, and an operator's machine that says what a test wants. */
#ifndef MEETING_WORLD_H
#define MEETING_WORLD_H

#include "client_world.h"
#include "lfcp_rendezvous.h"

#define MEETING_SENT 600
#define SESSION UINT64_C(0x63f1c2d3e4a67)
#define OPERATOR "203.0.113.9:4711"
#define ALLOWED_PORT 5004

typedef struct sent_datagram {
    lfcp_route to;
    uint64_t at; /* ms */
    bool is_frame;
    lfcp_message message; /* of a frame, which lies in bytes */
    lfcp_said said;       /* of a tunnel datagram, if the operator's machine could open it */
    uint8_t bytes[LFCP_MEETING_ROOM];
    size_t length;
} sent_datagram;

typedef struct meeting_world {
    world w;
    lfcp_path path;
    lfcp_rendezvous rendezvous;
    lfcp_rendezvous_config config;
    lfcp_tunnel operator;
    bool open[LFCP_SESSIONS];
    bool open_fails;
    sent_datagram sent[MEETING_SENT];
    size_t sent_count;
    lfcp_status status; /* of the last poll */
    lfcp_said said;     /* what the device took last */
    uint8_t datagram[LFCP_TUNNEL_MAX + 1];
    size_t length;
} meeting_world;

/* Started, and known to both servers at 192.0.2.1:4000. */
void meeting_begin(meeting_world *m);

/* PNCH of server A with a right key. What lfcp_client_receive says. */
lfcp_status invite(meeting_world *m, uint64_t session, const char *other, const char *terms);

/* Invited and acknowledged; the first datagrams are sent. */
void meeting_met(meeting_world *m, const char *terms);

/* Polls until there is nothing to send; how many datagrams. They are the last of sent[]. */
size_t meeting_poll(meeting_world *m);
size_t meeting_after(meeting_world *m, uint64_t ms);

/* Polls whenever the device wants to, for so long. */
size_t meeting_run(meeting_world *m, uint64_t ms);

/* The last one sent of this kind; NULL: none of the last `within`. */
const sent_datagram *last_of(const meeting_world *m, uint8_t kind, size_t within);
size_t count_of(const meeting_world *m, uint8_t kind, size_t within);

/* What the operator's machine says: through server A, or directly from this address to that socket. */
lfcp_status relay(meeting_world *m, uint8_t kind, const char *body);
lfcp_status direct(meeting_world *m, uint8_t kind, const char *body, const char *from, uint8_t socket);
lfcp_status answer(meeting_world *m, const sent_datagram *to, const char *from); /* from NULL: relayed */
lfcp_status again(meeting_world *m, const char *from); /* the same bytes */

#endif
