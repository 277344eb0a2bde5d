/* The way through NATs: docs/protocol.md, "Through NAT". */
#include <inttypes.h>

#include "device.h"
#include "journal.h"

#define LOOK_EVERY_MS 5000 /* whether the network is still the same; no system call tells it everywhere */

/* Over TCP a connection holds the NAT's mapping; LFCP/1 has no way to ask. */
void device_path_start(device *of)
{
    const options *settings = of->settings;
    const unsigned sockets = settings->interval_s == 0 || settings->ladder.count != 0 ? LFCP_LADDER_SOCKETS : 0;
    of->has_path = of->config.key != NULL && !settings->tcp;
    if (of->has_path) {
        lfcp_path_start(&of->path, settings->ladder.count == 0 ? &lfcp_ladder_usual : &settings->ladder, sockets);
        of->config.modules = &of->path.module;
    }
    of->mapping = 'u';
}

bool device_path_open(device *of)
{
    if (!network_open(&of->net)) {
        return false;
    }
    if (of->has_path) {
        lfcp_path_new_socket(&of->path, &of->client, of->now);
    }
    return true;
}

static void follow_network(device *of)
{
    if (of->now < of->look_at) {
        return;
    }
    of->look_at = of->now + LOOK_EVERY_MS;
    if (udp_servers_moved(&of->net.udp)) {
        journal("network changed");
        lfcp_path_network_changed(&of->path, &of->client, of->now);
        of->end = network_open(&of->net) ? of->end : DEVICE_FAILED;
    }
}

void device_path_work(device *of)
{
    if (!of->has_path) {
        return;
    }
    follow_network(of);
    if (lfcp_path_wants_socket(&of->path, &of->client, of->now) && !lfcp_rendezvous_holds_socket(&of->rendezvous)) {
        journal("another socket");
        of->end = device_path_open(of) ? of->end : DEVICE_FAILED;
    }
}

void device_path_send(device *of)
{
    uint8_t frame[LFCP_CLIENT_MAX_FRAME];
    size_t length = 0;
    unsigned server = 0, socket = 0;
    if (!of->has_path) {
        return;
    }
    while (lfcp_path_poll(&of->path, &of->client, of->now, frame, sizeof frame, &length, &server, &socket) == LFCP_OK &&
           length > 0) {
        network_send_from(&of->net, socket, server, frame, length, of->now);
    }
    path_sockets_close_unused(&of->net.ladder, &of->path);
}

static void say_mapping(device *of)
{
    if (of->mapping != lfcp_path_mapping(&of->path)) {
        of->mapping = lfcp_path_mapping(&of->path);
        journal("mapping %c", of->mapping);
    }
}

void device_path_say(device *of)
{
    uint32_t life;
    if (!of->has_path) {
        return;
    }
    say_mapping(of);
    if (lfcp_path_life(&of->path, &life) &&
        (of->life != life || of->interval_s != lfcp_path_interval_s(&of->client))) {
        of->life = life;
        of->interval_s = lfcp_path_interval_s(&of->client);
        journal("life %" PRIu32, life);
        journal("interval %" PRIu32, of->interval_s);
    }
}

uint64_t device_path_wakeup(const device *of)
{
    uint64_t wakeup = UINT64_MAX;
    if (of->has_path) {
        lfcp_path_next_wakeup_ms(&of->path, &of->client, &wakeup);
        wakeup = of->look_at < wakeup ? of->look_at : wakeup;
    }
    return wakeup;
}
