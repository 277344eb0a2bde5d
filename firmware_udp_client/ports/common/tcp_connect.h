/* A TCP connection that is begun without waiting for it, on BSD sockets (Linux, lwIP). */
#ifndef TCP_CONNECT_H
#define TCP_CONNECT_H

#include <stdbool.h>

#include "host_port.h"

/* A descriptor that does not block, to the nth of the server's addresses, counted round; -1: it cannot be tried. It asks
 * the resolver, which may take its time. */
int tcp_connect_begin(const host_port *server, unsigned nth);

/* After poll() told of the descriptor: whether the connection stands. */
bool tcp_connect_succeeded(int descriptor);

#endif
