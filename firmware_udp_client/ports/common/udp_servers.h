/* The servers of a device over UDP: one socket, an address for each that is asked for again when nobody answers there. */
#ifndef UDP_SERVERS_H
#define UDP_SERVERS_H

#include "host_port.h"
#include "lfcp_client.h"
#include "udp_socket.h"

typedef struct udp_server {
    const host_port *wanted;
    udp_address address;
    unsigned resolved;   /* how often; picks one of several addresses */
    uint64_t resolve_at; /* ms; when to ask again unless it is heard */
    bool unresolved;     /* the last attempt failed */
} udp_server;

/* A datagram that is no frame but a tunnel's (lfcp_tunnel.h): what came at which socket, and from whom. server: the one
 * it came from, or how many there are for somebody else. */
typedef void udp_tunnel(void *context, const udp_socket *at, unsigned server, const udp_address *from,
                        uint8_t *datagram, size_t length);

typedef struct udp_servers {
    udp_socket socket; /* descriptor -1: closed */
    udp_tunnel *tunnel; /* NULL: they are dropped */
    void *tunnel_context;
    unsigned count;
    udp_server each[LFCP_CLIENT_SERVERS];
    udp_address source; /* where datagrams to them left from when it was asked last */
} udp_servers;

/* Closed as yet. */
void udp_servers_start(udp_servers *of);

/* The host must live as long; at most LFCP_CLIENT_SERVERS. */
void udp_servers_add(udp_servers *of, const host_port *server);

/* A new socket, and so a new port, in place of the old one. False with errno. */
bool udp_servers_open(udp_servers *of);
void udp_servers_close(udp_servers *of);

/* False if it could not leave: no socket, no address, or the network said no. It may wait for the resolver, at most once
 * in 10 s. */
bool udp_servers_send(udp_servers *of, unsigned server, const uint8_t *frame, size_t length, uint64_t now);

/* The next frame from one of the servers; others are not listened to, but for tunnel datagrams. False: none. */
bool udp_servers_receive(udp_servers *of, unsigned *server, uint8_t *frame, size_t size, size_t *length, uint64_t now);

/* Both, with another socket than theirs. */
bool udp_servers_send_from(udp_servers *of, const udp_socket *from, unsigned server, const uint8_t *frame,
                           size_t length, uint64_t now);
bool udp_servers_receive_at(udp_servers *of, const udp_socket *at, unsigned *server, uint8_t *frame, size_t size,
                            size_t *length, uint64_t now);

/* Whether datagrams leave from another address than when it was asked last: the device is in another network. Without a
 * network it is not. */
bool udp_servers_moved(udp_servers *of);

#endif
