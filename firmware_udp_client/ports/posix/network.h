/* The way to the servers: one UDP socket, or a TCP connection to each. */
#ifndef NETWORK_H
#define NETWORK_H

#include <poll.h>

#include "options.h"
#include "tcp_line.h"
#include "udp_socket.h"

typedef struct network_peer {
    udp_address address;
    unsigned resolved;   /* how often; picks one of several addresses */
    uint64_t resolve_at; /* ms; when to ask again unless it is heard */
    tcp_line line;
} network_peer;

typedef struct network {
    const options *settings;
    udp_socket socket;
    network_peer peers[LFCP_CLIENT_SERVERS];
} network;

/* False after a message on stderr. */
bool network_open(network *net, const options *settings);
void network_close(network *net);

/* What cannot leave now is lost: the client repeats what matters. */
void network_send(network *net, unsigned server, const uint8_t *frame, size_t length, uint64_t now);

/* Adds what to wait for, at most LFCP_CLIENT_SERVERS entries. */
nfds_t network_watch(const network *net, struct pollfd *watched);

/* After poll() on those. */
void network_work(network *net, const struct pollfd *watched, nfds_t count, uint64_t now);

/* The next frame from one of the servers; others are not listened to. False: none. */
bool network_receive(network *net, unsigned *server, uint8_t *frame, size_t size, size_t *length, uint64_t now);

#endif
