/* The sockets of the ladder (lfcp_path.h), by number, beside the one of udp_servers.h. */
#ifndef PATH_SOCKETS_H
#define PATH_SOCKETS_H

#include "lfcp_path.h"
#include "udp_servers.h"

typedef struct path_sockets {
    udp_socket each[LFCP_LADDER_SOCKETS]; /* descriptor -1: closed */
    unsigned numbers[LFCP_LADDER_SOCKETS];
} path_sockets;

void path_sockets_start(path_sockets *of);

/* From the socket with this number, which is opened if it is not. False if it could not leave. */
bool path_sockets_send(path_sockets *of, udp_servers *servers, unsigned number, unsigned server, const uint8_t *frame,
                       size_t length, uint64_t now);

/* As udp_servers_receive(), from any of them. */
bool path_sockets_receive(path_sockets *of, udp_servers *servers, unsigned *server, uint8_t *frame, size_t size,
                          size_t *length, uint64_t now);

/* path NULL: all. */
void path_sockets_close_unused(path_sockets *of, const lfcp_path *path);

#endif
