/* Sockets of sessions (lfcp_rendezvous.h) beside the one that LFCP is spoken on: those of second attempts, and those to
 * services of this machine. */
#ifndef SESSION_SOCKETS_H
#define SESSION_SOCKETS_H

#include "lfcp_rendezvous.h"
#include "udp_socket.h"

typedef struct session_sockets {
    udp_socket own[LFCP_SESSIONS]; /* descriptor -1: closed, as with the next ones */
    int services[LFCP_SESSIONS];
} session_sockets;

void session_sockets_start(session_sockets *of);
void session_sockets_stop(session_sockets *of);

/* At most LFCP_MEETING_HOSTS addresses of the machine's interfaces that are of use to others, with the port of this
 * socket. Returns how many. */
uint8_t session_sockets_hosts(const udp_socket *socket, lfcp_address *hosts);

void session_address_read(const udp_address *from, lfcp_address *address);

/* ttl: of this one datagram; 0: as usual. What does not leave is lost. */
void session_socket_send(const udp_socket *from, const lfcp_address *to, uint8_t ttl, const uint8_t *datagram,
                         size_t length);

/* To a UDP port on the loopback address, and what comes back from there. False: nothing. */
void session_service_send(session_sockets *of, unsigned session, uint16_t port, const uint8_t *body, size_t length);
bool session_service_receive(session_sockets *of, unsigned session, uint8_t *body, size_t size, size_t *length);
void session_service_close(session_sockets *of, unsigned session);

#endif
