/* One session of a rendezvous, as the device lives it: docs/protocol.md, "Rendezvous". It begins on the relay and goes
 * over to a direct path once one was found. Optional; lfcp_rendezvous.h has the invitations, and calls most of this.
 *
 * Times are milliseconds of the caller's clock, as in lfcp_client.h. No allocation, sockets, clock or global state. */
#ifndef LFCP_MEETING_H
#define LFCP_MEETING_H

#include "lfcp_address.h"
#include "lfcp_tunnel.h"

#define LFCP_MEETING_TARGETS 16 /* addresses of the other side that are known at most */
#define LFCP_MEETING_ANSWERS 8  /* owed at a time; what is more is asked again */
#define LFCP_MEETING_SENT 8     /* last probes to an address that an ANSWER may name */
#define LFCP_MEETING_HOSTS 3    /* addresses of its own that a socket names */
#define LFCP_MEETING_ROOM 640   /* bytes of the longest datagram that a poll hands out; tests compute it */

/* What PNCH says of a session. */
typedef struct lfcp_invitation {
    uint64_t session;
    lfcp_address other; /* where the server sees the other side */
    char mapping;       /* the other side's */
    bool birthday;      /* wanted, and allowed by the server */
    uint16_t port;      /* 0: direct LFCP */
    uint16_t delay_ms;  /* before probes */
    char name[LFCP_MAX_NAME + 1];
} lfcp_invitation;

/* What a side knows of one of its sockets. */
typedef struct lfcp_own {
    lfcp_address hosts[LFCP_MEETING_HOSTS]; /* at the machine's interfaces */
    uint8_t host_count;
    bool was_seen;
    lfcp_address seen; /* where a server saw it last */
} lfcp_own;

/* An address of the other side. */
typedef struct lfcp_target {
    lfcp_address at;
    char kind;       /* of a candidate: 'h', '6', 'p', 'g'; 0: the place is free */
    uint8_t socket;  /* 0: LFCP's; 1: the session's own */
    uint8_t probes;  /* that were sent at their pace */
    uint8_t openers; /* that are left */
    bool good;       /* it answered */
    uint64_t next;   /* probe */
    uint64_t until;  /* there are probes */
    uint32_t sent[LFCP_MEETING_SENT]; /* counters of the last probes, the lower half */
    uint8_t sent_next;
} lfcp_target;

/* Where a datagram is to go, or came from. */
typedef struct lfcp_route {
    bool relayed;    /* the server's address */
    uint8_t socket;  /* 0: LFCP's; 1: the session's own */
    uint8_t ttl;     /* 0: as usual */
    uint8_t server;  /* of lfcp_rendezvous.h: which one, if relayed */
    uint8_t session; /* … and which one of its places */
    lfcp_address at; /* unless relayed */
} lfcp_route;

typedef struct lfcp_owed_answer {
    uint64_t counter;
    lfcp_route to;
} lfcp_owed_answer;

/* Fill in mapping, direction, own[0], random and crypto before lfcp_meeting_start; read the rest with the functions. */
typedef struct lfcp_meeting {
    char mapping;     /* one's own, as the device reports it */
    int8_t direction; /* 1 or -1: in which a sequential NAT counts */
    lfcp_own own[2];  /* of each socket */
    const lfcp_crypto *crypto;
    uint32_t (*random)(void *context); /* 32 random bits; ports by chance and jitter, nothing secret */
    void *random_context;
    lfcp_invitation about;
    lfcp_tunnel tunnel;
    lfcp_target targets[LFCP_MEETING_TARGETS];
    lfcp_owed_answer answers[LFCP_MEETING_ANSWERS];
    uint64_t heard;       /* anything genuine of the other side, last */
    uint64_t data;        /* DATA, last */
    uint64_t round_at;    /* it began */
    uint64_t begins;      /* the first attempt's probes */
    uint64_t turn;        /* when the phase ends */
    uint64_t opened;      /* the second attempt's socket */
    uint64_t hello;       /* the next one */
    uint64_t hello_first; /* counter of the first one of this attempt; 0: it was not sent yet */
    uint64_t consent;     /* the next probe of the direct path */
    uint64_t answered;    /* the direct path, last */
    uint64_t nominated;   /* counter of the newest NOMINATE */
    uint32_t hello_wait;
    lfcp_address direct;
    char direct_kind; /* 0: over the relay */
    uint8_t direct_socket;
    uint8_t asked; /* probes of the direct path since its last answer */
    uint8_t answer_count;
    uint8_t phase;
    uint8_t attempt;
    uint16_t round;
    uint16_t chances;    /* probes to ports by chance that are left … */
    uint64_t chance_at;  /* … and the next one */
    bool hello_answered;
    bool public_allowed; /* the address of PNCH may be probed */
    bool over;
    bool bye; /* is to be sent */
} lfcp_meeting;

/* key: the session's. LFCP_CRYPTO_FAILED. */
lfcp_status lfcp_meeting_start(lfcp_meeting *meeting, const lfcp_invitation *about, const uint8_t key[LFCP_KEY],
                               uint64_t now_ms);

/* The next datagram to be sent; *length is 0 when there is none. It has room for LFCP_MEETING_ROOM bytes. */
lfcp_status lfcp_meeting_poll(lfcp_meeting *meeting, uint64_t now_ms, uint8_t *datagram, size_t *length,
                              lfcp_route *to);
uint64_t lfcp_meeting_wakeup_ms(const lfcp_meeting *meeting);

/* A datagram of this session, which is opened where it lies. What the caller has to do with: said->kind
 * LFCP_TUNNEL_DATA. As lfcp_tunnel_open; LFCP_NOT_FOR_ME also for what came by the wrong way, LFCP_INVALID once the
 * session is over. */
lfcp_status lfcp_meeting_receive(lfcp_meeting *meeting, const lfcp_route *from, uint8_t *datagram, size_t length,
                                 uint64_t now_ms, lfcp_said *said);

/* DATA for the other side, from the body that lies LFCP_TUNNEL_HEAD bytes into the datagram. As lfcp_tunnel_seal;
 * LFCP_INVALID once the session is over. */
lfcp_status lfcp_meeting_send(lfcp_meeting *meeting, uint8_t *datagram, size_t body_length, uint64_t now_ms,
                              size_t *length, lfcp_route *to);

/* Whether a new socket is to be opened, to be seen by the server, and to be told of; own NULL: it cannot be. One that
 * is neither wanted nor used any more may be closed. */
bool lfcp_meeting_wants_socket(const lfcp_meeting *meeting);
void lfcp_meeting_has_socket(lfcp_meeting *meeting, const lfcp_own *own, uint64_t now_ms);
bool lfcp_meeting_uses_socket(const lfcp_meeting *meeting);

/* Ends it; BYE is the last that the poll hands out. */
void lfcp_meeting_end(lfcp_meeting *meeting);

#endif
