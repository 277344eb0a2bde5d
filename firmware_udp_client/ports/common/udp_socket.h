/* One UDP socket for every server, IPv4 and IPv6, on BSD sockets (Linux, lwIP): the servers compare the addresses that
 * they see the device at, and a device with a socket for each would look like two behind its NAT. */
#ifndef UDP_SOCKET_H
#define UDP_SOCKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "host_port.h"

typedef struct udp_address {
    struct sockaddr_storage at;
    socklen_t length; /* 0: not known yet */
} udp_address;

typedef struct udp_socket {
    int descriptor;
    int family; /* AF_INET6 for both families, or AF_INET where the system knows no IPv6 */
} udp_socket;

/* Non-blocking, on any free port. False with errno. */
bool udp_socket_open(udp_socket *socket);
void udp_socket_close(udp_socket *socket);

/* Asks the resolver, which may take its time. nth: which of several addresses, counted round. */
bool udp_socket_resolve(const udp_socket *socket, const host_port *server, unsigned nth, udp_address *address);

/* False if it did not leave, with errno. */
bool udp_socket_send(const udp_socket *socket, const udp_address *to, const uint8_t *datagram, size_t length);

/* The next datagram that waits, and whom it is from. False: none. */
bool udp_socket_receive(const udp_socket *socket, uint8_t *datagram, size_t size, size_t *length, udp_address *from);

/* Where datagrams to this address leave from, the port aside. False without a way there, or where the system does not
 * say before it sends (lwIP). */
bool udp_socket_source(const udp_address *to, udp_address *source);

bool udp_address_equal(const udp_address *one, const udp_address *other);

#endif
