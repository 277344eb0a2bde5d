#include "path_sockets.h"

void path_sockets_start(path_sockets *of)
{
    for (unsigned at = 0; at < LFCP_LADDER_SOCKETS; at++) {
        of->each[at].descriptor = -1;
    }
}

/* The one with this number, else a closed one; NULL: there is none. */
static udp_socket *find(path_sockets *of, unsigned number)
{
    udp_socket *closed = NULL;
    for (unsigned at = 0; at < LFCP_LADDER_SOCKETS; at++) {
        if (of->each[at].descriptor < 0) {
            closed = &of->each[at];
        } else if (of->numbers[at] == number) {
            return &of->each[at];
        }
    }
    return closed;
}

bool path_sockets_send(path_sockets *of, udp_servers *servers, unsigned number, unsigned server, const uint8_t *frame,
                       size_t length, uint64_t now)
{
    udp_socket *from = find(of, number);
    if (from == NULL || (from->descriptor < 0 && !udp_socket_open(from))) {
        return false;
    }
    of->numbers[from - of->each] = number;
    return udp_servers_send_from(servers, from, server, frame, length, now);
}

bool path_sockets_receive(path_sockets *of, udp_servers *servers, unsigned *server, uint8_t *frame, size_t size,
                          size_t *length, uint64_t now)
{
    unsigned at = 0;
    while (at < LFCP_LADDER_SOCKETS &&
           !udp_servers_receive_at(servers, &of->each[at], server, frame, size, length, now)) {
        at++;
    }
    return at < LFCP_LADDER_SOCKETS;
}

void path_sockets_close_unused(path_sockets *of, const lfcp_path *path)
{
    for (unsigned at = 0; at < LFCP_LADDER_SOCKETS; at++) {
        if (path == NULL || !lfcp_path_uses(path, of->numbers[at])) {
            udp_socket_close(&of->each[at]);
        }
    }
}
