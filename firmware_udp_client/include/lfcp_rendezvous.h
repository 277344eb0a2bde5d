/* A device that lets operators' machines reach it, directly where their NATs let them and through a server otherwise:
 * docs/protocol.md, "Rendezvous". A module of a client of LFCP/2 on UDP, which lfcp_path.h has to be a module of too.
 *
 *     lfcp_rendezvous_start(&rendezvous, &rendezvous_config, &path);
 *     path.module.next = &rendezvous.module;
 *     loop: while (lfcp_rendezvous_poll(&rendezvous, &client, now(), datagram, &length, &to) == LFCP_OK && length)
 *               send datagram on `to`;
 *           wait also until lfcp_rendezvous_wakeup_ms(), and for datagrams at the sessions' own sockets;
 *           for a datagram that lfcp_is_tunnel() says is one, from whomever, at any socket:
 *               lfcp_rendezvous_receive(&rendezvous, &from, datagram, length, now(), &said), and if that is LFCP_OK and
 *               said.kind LFCP_TUNNEL_DATA: said.body is for what session from.session is about;
 *           every other datagram at such a socket, if a server sent it: lfcp_client_receive()
 *           for what comes from there: lfcp_rendezvous_send(), from.session being the session */
#ifndef LFCP_RENDEZVOUS_H
#define LFCP_RENDEZVOUS_H

#include "lfcp_meeting.h"
#include "lfcp_path.h"

#define LFCP_SESSIONS 2 /* at a time; those of all servers together */
#define LFCP_NO_SESSION LFCP_SESSIONS

/* What the device does for it. context: passed to each. */
typedef struct lfcp_rendezvous_config {
    void *context;

    /* Whether this operator's machine, a name ended by NUL, may reach this UDP port; 0: direct LFCP. */
    bool (*allows)(void *context, const char *name, uint16_t port);

    /* A new UDP socket for a session. False: there is none. */
    bool (*open)(void *context, unsigned session);
    void (*close)(void *context, unsigned session);

    /* Addresses of the machine's interfaces with the port of the session's socket, or of LFCP's for LFCP_NO_SESSION: at
     * most LFCP_MEETING_HOSTS. Returns how many. Of no use are loopback addresses and those with a zone. */
    uint8_t (*hosts)(void *context, unsigned session, lfcp_address *hosts);
} lfcp_rendezvous_config;

typedef struct lfcp_seat {
    lfcp_meeting meeting;
    lfcp_own own;      /* of its own socket */
    uint64_t keep;     /* counter of the last KEEP from there; 0: none */
    uint64_t keep_at;  /* the next one */
    uint16_t round;    /* that the socket is for */
    uint8_t keeps;     /* that were sent */
    uint8_t server;    /* that invited */
    bool taken;
    bool open; /* its own socket */
} lfcp_seat;

typedef struct lfcp_owed_ack {
    uint64_t answers; /* counter of PNCH; 0: none */
    uint64_t session;
    const char *why; /* it is refused; NULL: it is not */
} lfcp_owed_ack;

/* Read `module` alone, whose `next` may be written. */
typedef struct lfcp_rendezvous {
    lfcp_module module;
    const lfcp_rendezvous_config *config;
    const lfcp_path *path;
    lfcp_seat seats[LFCP_SESSIONS];
    lfcp_owed_ack owed[LFCP_CLIENT_SERVERS];
} lfcp_rendezvous;

/* Before lfcp_client_start. Both must live as long. */
void lfcp_rendezvous_start(lfcp_rendezvous *rendezvous, const lfcp_rendezvous_config *config, const lfcp_path *path);

/* The next datagram to send; *length 0: none. It has room for LFCP_MEETING_ROOM bytes. Statuses as of lfcp_client_poll;
 * what could not be sent then is sent when it is asked for again. */
lfcp_status lfcp_rendezvous_poll(lfcp_rendezvous *rendezvous, lfcp_client *client, uint64_t now_ms, uint8_t *datagram,
                                 size_t *length, lfcp_route *to);
uint64_t lfcp_rendezvous_wakeup_ms(const lfcp_rendezvous *rendezvous);

/* A tunnel datagram, which is opened where it lies. `from`: the caller writes relayed and server, or socket, at and, if
 * socket is not 0, session; it gets the session. As lfcp_meeting_receive. */
lfcp_status lfcp_rendezvous_receive(lfcp_rendezvous *rendezvous, lfcp_route *from, uint8_t *datagram, size_t length,
                                    uint64_t now_ms, lfcp_said *said);

/* As lfcp_meeting_send. */
lfcp_status lfcp_rendezvous_send(lfcp_rendezvous *rendezvous, unsigned session, uint8_t *datagram, size_t body_length,
                                 uint64_t now_ms, size_t *length, lfcp_route *to);

/* NULL: there is none, or it is over. */
const lfcp_meeting *lfcp_rendezvous_session(const lfcp_rendezvous *rendezvous, unsigned session);

/* A direct path goes by LFCP's socket, and would be lost with it: do as if lfcp_path_wants_socket() were false. */
bool lfcp_rendezvous_holds_socket(const lfcp_rendezvous *rendezvous);

/* Ends a session; the next polls tell the other side. */
void lfcp_rendezvous_end(lfcp_rendezvous *rendezvous, unsigned session);

#endif
