#include "udp_servers.h"

#include "lfcp_tunnel.h"

#define RESOLVE_AGAIN_MS 10000 /* after a failure */
#define NOT_HEARD_MS 120000    /* then the server may have moved */

void udp_servers_start(udp_servers *of)
{
    *of = (udp_servers){.socket = {.descriptor = -1}};
}

void udp_servers_add(udp_servers *of, const host_port *server)
{
    of->each[of->count++] = (udp_server){.wanted = server};
}

bool udp_servers_open(udp_servers *of)
{
    udp_servers_close(of);
    return udp_socket_open(&of->socket);
}

void udp_servers_close(udp_servers *of)
{
    udp_socket_close(&of->socket);
}

static bool resolve(udp_servers *of, udp_server *server, uint64_t now)
{
    udp_address found = {.length = 0};
    if (now < server->resolve_at) {
        return server->address.length != 0;
    }
    server->unresolved = !udp_socket_resolve(&of->socket, server->wanted, server->resolved, &found);
    if (!server->unresolved) {
        server->address = found;
        server->resolved++;
    }
    server->resolve_at = now + (server->unresolved ? RESOLVE_AGAIN_MS : NOT_HEARD_MS);
    return server->address.length != 0; /* an old address is better than none */
}

bool udp_servers_send_from(udp_servers *of, const udp_socket *from, unsigned server, const uint8_t *frame,
                           size_t length, uint64_t now)
{
    udp_server *to = &of->each[server];
    return from->descriptor >= 0 && resolve(of, to, now) && udp_socket_send(from, &to->address, frame, length);
}

bool udp_servers_send(udp_servers *of, unsigned server, const uint8_t *frame, size_t length, uint64_t now)
{
    return udp_servers_send_from(of, &of->socket, server, frame, length, now);
}

static bool server_at(const udp_servers *of, const udp_address *from, unsigned *server)
{
    for (*server = 0; *server < of->count; (*server)++) {
        const udp_address *known = &of->each[*server].address;
        if (known->length != 0 && udp_address_equal(known, from)) {
            return true;
        }
    }
    return false;
}

bool udp_servers_receive_at(udp_servers *of, const udp_socket *at, unsigned *server, uint8_t *frame, size_t size,
                            size_t *length, uint64_t now)
{
    udp_address from;
    while (at->descriptor >= 0 && udp_socket_receive(at, frame, size, length, &from)) {
        const bool known = server_at(of, &from, server);
        if (lfcp_is_tunnel(frame, *length)) {
            if (of->tunnel != NULL) {
                of->tunnel(of->tunnel_context, at, *server, &from, frame, *length);
            }
        } else if (known) {
            of->each[*server].resolve_at = now + NOT_HEARD_MS;
            return true;
        }
    }
    return false;
}

bool udp_servers_receive(udp_servers *of, unsigned *server, uint8_t *frame, size_t size, size_t *length, uint64_t now)
{
    return udp_servers_receive_at(of, &of->socket, server, frame, size, length, now);
}

bool udp_servers_moved(udp_servers *of)
{
    udp_address source = {.length = 0};
    unsigned server = 0;
    while (server < of->count && !udp_socket_source(&of->each[server].address, &source)) {
        server++;
    }
    if (server == of->count) {
        return false;
    }
    const bool moved = of->source.length != 0 && !udp_address_equal(&of->source, &source);
    of->source = source;
    return moved;
}
