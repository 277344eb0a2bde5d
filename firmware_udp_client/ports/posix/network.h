/* The way to the servers: one UDP socket, and those of the ladder, or a TCP connection to each. */
#ifndef NETWORK_H
#define NETWORK_H

#include <poll.h>

#include "options.h"
#include "path_sockets.h"
#include "tcp_line.h"
#include "udp_servers.h"

#define NETWORK_WATCHED (LFCP_CLIENT_SERVERS + LFCP_LADDER_SOCKETS) /* descriptors at most */

typedef struct network {
    const options *settings;
    udp_servers udp;
    path_sockets ladder;
    tcp_line lines[LFCP_CLIENT_SERVERS];
} network;

/* Open or closed, it can be closed. */
void network_start(network *net, const options *settings);

/* False after a message on stderr. */
bool network_open(network *net);
void network_close(network *net);

/* What cannot leave now is lost: the client repeats what matters. */
void network_send(network *net, unsigned server, const uint8_t *frame, size_t length, uint64_t now);

/* From a socket of the ladder; 0: as network_send(). */
void network_send_from(network *net, unsigned socket, unsigned server, const uint8_t *frame, size_t length,
                       uint64_t now);

/* Adds what to wait for, at most NETWORK_WATCHED entries. */
nfds_t network_watch(const network *net, struct pollfd *watched);

/* After poll() on those. */
void network_work(network *net, const struct pollfd *watched, nfds_t count, uint64_t now);

/* The next frame from one of the servers. False: none. */
bool network_receive(network *net, unsigned *server, uint8_t *frame, size_t size, size_t *length, uint64_t now);

#endif
