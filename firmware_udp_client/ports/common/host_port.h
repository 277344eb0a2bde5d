/* Addresses as people write them: HOST:PORT, [2001:db8::1]:PORT, and LABEL=HOST:PORT for a server of LFCP. */
#ifndef HOST_PORT_H
#define HOST_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOST_SIZE 64 /* a name or an address, and its NUL */

typedef struct host_port {
    char host[HOST_SIZE]; /* without brackets */
    uint16_t port;        /* 0 where none was written */
} host_port;

typedef struct lfcp_server_address {
    char label; /* 'A' to 'Z' */
    host_port at;
} lfcp_server_address;

/* HOST or HOST:PORT; false for anything else. An IPv6 address needs its brackets. */
bool host_port_read(const char *text, size_t length, host_port *address);

/* LABEL=HOST:PORT, the port is needed. NULL, or what is wrong with it. */
const char *lfcp_server_address_read(const char *text, lfcp_server_address *server);

#endif
