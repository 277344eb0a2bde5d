/* Tunnel datagrams, what two sides that met say to each other: docs/protocol.md, "Rendezvous". */
#ifndef LFCP_TUNNEL_H
#define LFCP_TUNNEL_H

#include "lfcp_signing.h"

#define LFCP_TUNNEL_MAX (LFCP_TUNNEL_HEAD + LFCP_TUNNEL_BODY + LFCP_TUNNEL_SEAL) /* bytes of a datagram */

/* One side's end. A new one, with a new key, for each session. */
typedef struct lfcp_tunnel {
    uint8_t seal_key[LFCP_KEY];
    uint8_t open_key[LFCP_KEY];
    uint64_t session;
    uint64_t counter; /* of the last datagram that was sealed */
    lfcp_window window;
} lfcp_tunnel;

/* What the other side said. The body lies in the datagram. */
typedef struct lfcp_said {
    uint8_t kind;
    uint64_t counter;
    uint8_t *body;
    size_t length;
} lfcp_said;

/* Whether it is for a tunnel, whatever it is worth, and not a frame. */
bool lfcp_is_tunnel(const uint8_t *datagram, size_t length);

/* The session that a datagram claims to be of. False: it has not the form of a tunnel datagram. */
bool lfcp_tunnel_session(const uint8_t *datagram, size_t length, uint64_t *session);

/* key: the session's. role: one's own, 0 or 1. LFCP_CRYPTO_FAILED. */
lfcp_status lfcp_tunnel_start(lfcp_tunnel *tunnel, const lfcp_crypto *crypto, const uint8_t key[LFCP_KEY],
                              uint64_t session, unsigned role);

/* Seals the body, which lies LFCP_TUNNEL_HEAD bytes into `datagram` already; it has room for LFCP_TUNNEL_SEAL more.
 * LFCP_TOO_LONG for more than LFCP_TUNNEL_BODY, LFCP_CRYPTO_FAILED. */
lfcp_status lfcp_tunnel_seal(lfcp_tunnel *tunnel, const lfcp_crypto *crypto, uint8_t kind, uint8_t *datagram,
                             size_t body_length, size_t *length);

/* Opens the datagram where it lies. It may have been heard before: what is taken of it, lfcp_window_accept() decides.
 * LFCP_NOT_FOR_ME: no tunnel datagram, or one of another session; LFCP_BAD_SEAL, and its bytes then mean nothing. */
lfcp_status lfcp_tunnel_open(const lfcp_tunnel *tunnel, const lfcp_crypto *crypto, uint8_t *datagram, size_t length,
                             lfcp_said *said);

#endif
