#include "network.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "journal.h"

void network_start(network *net, const options *settings)
{
    net->settings = settings;
    udp_servers_start(&net->udp);
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

nfds_t network_watch(const network *net, struct pollfd *watched)
{
    if (!net->settings->tcp) {
        watched[0] = (struct pollfd){.fd = net->udp.socket.descriptor, .events = POLLIN};
        return 1;
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
        return udp_servers_receive(&net->udp, server, frame, size, length, now);
    }
    for (*server = 0; *server < net->settings->server_count; (*server)++) {
        if (tcp_line_receive(&net->lines[*server], frame, size, length, now)) {
            return true;
        }
    }
    return false;
}
