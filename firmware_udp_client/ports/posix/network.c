#include "network.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "journal.h"

#define RESOLVE_AGAIN_MS 10000  /* after a failure */
#define NOT_HEARD_MS 120000     /* then the server may have moved */

bool network_open(network *net, const options *settings)
{
    *net = (network){.settings = settings, .socket = {.descriptor = -1}};
    for (unsigned server = 0; server < settings->server_count; server++) {
        tcp_line_start(&net->peers[server].line, &settings->servers[server].at);
    }
    if (!settings->tcp && !udp_socket_open(&net->socket)) {
        fprintf(stderr, "lfcp-device: no UDP socket: %s\n", strerror(errno));
        return false;
    }
    return true;
}

void network_close(network *net)
{
    udp_socket_close(&net->socket);
    for (unsigned server = 0; server < net->settings->server_count; server++) {
        tcp_line_close(&net->peers[server].line);
    }
}

static bool resolve(network *net, unsigned server, uint64_t now)
{
    network_peer *peer = &net->peers[server];
    const lfcp_server_address *wanted = &net->settings->servers[server];
    if (now >= peer->resolve_at) {
        udp_address found = {.length = 0};
        if (udp_socket_resolve(&net->socket, &wanted->at, peer->resolved, &found)) {
            peer->address = found;
            peer->resolved++;
            peer->resolve_at = now + NOT_HEARD_MS;
        } else {
            journal("unresolved %c %s", wanted->label, wanted->at.host);
            peer->resolve_at = now + RESOLVE_AGAIN_MS;
        }
    }
    return peer->address.length != 0;
}

void network_send(network *net, unsigned server, const uint8_t *frame, size_t length, uint64_t now)
{
    network_peer *peer = &net->peers[server];
    if (net->settings->tcp) {
        tcp_line_send(&peer->line, frame, length, now);
    } else if (resolve(net, server, now)) {
        udp_socket_send(&net->socket, &peer->address, frame, length);
    }
}

nfds_t network_watch(const network *net, struct pollfd *watched)
{
    if (!net->settings->tcp) {
        watched[0] = (struct pollfd){.fd = net->socket.descriptor, .events = POLLIN};
        return 1;
    }
    for (unsigned server = 0; server < net->settings->server_count; server++) {
        const tcp_line *line = &net->peers[server].line;
        watched[server] = (struct pollfd){.fd = line->descriptor, .events = tcp_line_events(line)};
    }
    return net->settings->server_count;
}

void network_work(network *net, const struct pollfd *watched, nfds_t count, uint64_t now)
{
    for (unsigned server = 0; net->settings->tcp && server < count; server++) {
        tcp_line *line = &net->peers[server].line;
        if (watched[server].fd == line->descriptor && line->descriptor >= 0 && watched[server].revents != 0) {
            tcp_line_work(line, watched[server].revents, now);
        }
    }
}

static bool server_at(const network *net, const udp_address *from, unsigned *server)
{
    for (*server = 0; *server < net->settings->server_count; (*server)++) {
        if (net->peers[*server].address.length != 0 && udp_address_equal(&net->peers[*server].address, from)) {
            return true;
        }
    }
    return false;
}

static bool receive_datagram(network *net, unsigned *server, uint8_t *frame, size_t size, size_t *length, uint64_t now)
{
    udp_address from;
    while (udp_socket_receive(&net->socket, frame, size, length, &from)) {
        if (server_at(net, &from, server)) {
            net->peers[*server].resolve_at = now + NOT_HEARD_MS;
            return true;
        }
    }
    return false;
}

bool network_receive(network *net, unsigned *server, uint8_t *frame, size_t size, size_t *length, uint64_t now)
{
    if (!net->settings->tcp) {
        return receive_datagram(net, server, frame, size, length, now);
    }
    for (*server = 0; *server < net->settings->server_count; (*server)++) {
        if (tcp_line_receive(&net->peers[*server].line, frame, size, length, now)) {
            return true;
        }
    }
    return false;
}
