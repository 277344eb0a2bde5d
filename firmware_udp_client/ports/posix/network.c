#include "network.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "journal.h"

void network_start(network *net, const options *settings)
{
    net->settings = settings;
    udp_servers_start(&net->udp);
    path_sockets_start(&net->ladder);
    for (unsigned server = 0; server < settings->server_count; server++) {
        udp_servers_add(&net->udp, &settings->servers[server].at);
        tcp_line_start(&net->lines[server], &settings->servers[server].at);
    }
}

bool network_open(network *net)
{
    if (!net->settings->tcp && !udp_servers_open(&net->udp)) {
        fprintf(stderr, "lfcp-device: no UDP socket: %s\n", strerror(errno));
        return false;
    }
    return true;
}

void network_close(network *net)
{
    udp_servers_close(&net->udp);
    path_sockets_close_unused(&net->ladder, NULL);
    for (unsigned server = 0; server < net->settings->server_count; server++) {
        tcp_line_close(&net->lines[server]);
    }
}

static void send_datagram(network *net, unsigned server, const uint8_t *frame, size_t length, uint64_t now)
{
    const bool unresolved_before = net->udp.each[server].unresolved;
    udp_servers_send(&net->udp, server, frame, length, now);
    if (net->udp.each[server].unresolved && !unresolved_before) {
        const lfcp_server_address *wanted = &net->settings->servers[server];
        journal("unresolved %c %s", wanted->label, wanted->at.host);
    }
}

void network_send(network *net, unsigned server, const uint8_t *frame, size_t length, uint64_t now)
{
    if (net->settings->tcp) {
        tcp_line_send(&net->lines[server], frame, length, now);
    } else {
        send_datagram(net, server, frame, length, now);
    }
}

void network_send_from(network *net, unsigned socket, unsigned server, const uint8_t *frame, size_t length,
                       uint64_t now)
{
    if (socket == 0) {
        network_send(net, server, frame, length, now);
    } else {
        path_sockets_send(&net->ladder, &net->udp, socket, server, frame, length, now);
    }
}

static nfds_t watch_sockets(const network *net, struct pollfd *watched)
{
    watched[0] = (struct pollfd){.fd = net->udp.socket.descriptor, .events = POLLIN};
    for (unsigned at = 0; at < LFCP_LADDER_SOCKETS; at++) {
        watched[at + 1] = (struct pollfd){.fd = net->ladder.each[at].descriptor, .events = POLLIN};
    }
    return LFCP_LADDER_SOCKETS + 1;
}

nfds_t network_watch(const network *net, struct pollfd *watched)
{
    if (!net->settings->tcp) {
        return watch_sockets(net, watched);
    }
    for (unsigned server = 0; server < net->settings->server_count; server++) {
        const tcp_line *line = &net->lines[server];
        watched[server] = (struct pollfd){.fd = line->descriptor, .events = tcp_line_events(line)};
    }
    return net->settings->server_count;
}

void network_work(network *net, const struct pollfd *watched, nfds_t count, uint64_t now)
{
    for (unsigned server = 0; net->settings->tcp && server < count; server++) {
        tcp_line *line = &net->lines[server];
        if (line->descriptor >= 0 && watched[server].fd == line->descriptor && watched[server].revents != 0) {
            tcp_line_work(line, watched[server].revents, now);
        }
    }
}

bool network_receive(network *net, unsigned *server, uint8_t *frame, size_t size, size_t *length, uint64_t now)
{
    if (!net->settings->tcp) {
        return udp_servers_receive(&net->udp, server, frame, size, length, now) ||
               path_sockets_receive(&net->ladder, &net->udp, server, frame, size, length, now);
    }
    for (*server = 0; *server < net->settings->server_count; (*server)++) {
        if (tcp_line_receive(&net->lines[*server], frame, size, length, now)) {
            return true;
        }
    }
    return false;
}
