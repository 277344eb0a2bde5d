/* Operators' machines that reach this device: docs/protocol.md, "Rendezvous". */
#include <inttypes.h>
#include <string.h>

#include "device.h"
#include "journal.h"
#include "lfcp_direct.h"

static bool allows(void *context, const char *name, uint16_t port)
{
    const device *of = context;
    (void)name; /* the server lets in whom its operator gave a key */
    for (unsigned at = 0; at < of->settings->allowed_count && port != 0; at++) {
        if (of->settings->allowed_udp[at] == port) {
            return true;
        }
    }
    return port == 0;
}

static bool open_own(void *context, unsigned session)
{
    device *of = context;
    return udp_socket_open(&of->sessions.own[session]);
}

static void close_own(void *context, unsigned session)
{
    device *of = context;
    udp_socket_close(&of->sessions.own[session]);
}

static uint8_t hosts(void *context, unsigned session, lfcp_address *addresses)
{
    const device *of = context;
    return session_sockets_hosts(session == LFCP_NO_SESSION ? &of->net.udp.socket : &of->sessions.own[session],
                                 addresses);
}

static void transmit(device *of, const lfcp_route *to, const uint8_t *datagram, size_t length)
{
    const udp_socket *from = to->socket == 0 ? &of->net.udp.socket : &of->sessions.own[to->session];
    if (!to->relayed) {
        session_socket_send(from, &to->at, to->ttl, datagram, length);
    } else if (to->socket == 0) {
        network_send(&of->net, to->server, datagram, length, of->now);
    } else {
        udp_servers_send_from(&of->net.udp, from, to->server, datagram, length, of->now);
    }
}

static void say(device *of, unsigned session, uint8_t *datagram, size_t body_length)
{
    size_t length = 0;
    lfcp_route to;
    if (lfcp_rendezvous_send(&of->rendezvous, session, datagram, body_length, of->now, &length, &to) == LFCP_OK) {
        transmit(of, &to, datagram, length);
    }
}

/* Direct LFCP. */

static void answer(device *of, unsigned session, const char *problem)
{
    uint8_t datagram[LFCP_TUNNEL_HEAD + LFCP_SEND_MAX_FRAME + LFCP_TUNNEL_SEAL];
    size_t length = 0;
    uint8_t *frame = datagram + LFCP_TUNNEL_HEAD;
    if (lfcp_direct_answer(&of->client, problem, frame, LFCP_SEND_MAX_FRAME, &length) == LFCP_OK) {
        say(of, session, datagram, length);
    }
}

static void acknowledge(device *of, unsigned session, const char *problem)
{
    answer(of, session, NULL);
    if (problem != NULL) {
        answer(of, session, problem);
    }
}

bool device_direct_ended(device *of, const char *problem)
{
    const lfcp_meeting *meeting = lfcp_rendezvous_session(&of->rendezvous, of->direct_session);
    if (!lfcp_direct_runs(&of->client)) {
        return false;
    }
    lfcp_client_command_done(&of->client);
    if (meeting != NULL && meeting->about.session == of->direct_id) {
        acknowledge(of, of->direct_session, problem);
    }
    return true;
}

static void take_frame(device *of, unsigned session, unsigned server, const lfcp_said *said)
{
    char problem[LFCP_SEND_MAX_FIELD + 1];
    if (!lfcp_direct_runs(&of->client)) {
        of->direct_session = session;
        of->direct_id = lfcp_rendezvous_session(&of->rendezvous, session)->about.session;
    }
    const lfcp_direct_result result =
        lfcp_direct_receive(&of->client, server, said->body, said->length, of->now, problem);
    if (result == LFCP_DIRECT_FAILED) {
        journal("failed directly: %s", problem);
        acknowledge(of, session, problem);
    } else if (result == LFCP_DIRECT_DONE) {
        acknowledge(of, session, NULL);
    }
}

/* Datagrams in and out. */

static void give(device *of, unsigned session, const lfcp_said *said)
{
    const uint16_t port = lfcp_rendezvous_session(&of->rendezvous, session)->about.port;
    if (port == 0) {
        take_frame(of, session, of->rendezvous.seats[session].server, said);
    } else {
        session_service_send(&of->sessions, session, port, said->body, said->length);
    }
}

static void take_tunnel(void *context, const udp_socket *at, unsigned server, const udp_address *from,
                        uint8_t *datagram, size_t length)
{
    device *of = context;
    lfcp_route route = {.relayed = at == &of->net.udp.socket && server < of->net.udp.count};
    lfcp_said said;
    route.server = (uint8_t)server;
    session_address_read(from, &route.at);
    for (unsigned session = 0; session < LFCP_SESSIONS; session++) {
        if (at == &of->sessions.own[session]) {
            route.socket = 1;
            route.session = (uint8_t)session;
        }
    }
    if (lfcp_rendezvous_receive(&of->rendezvous, &route, datagram, length, of->now, &said) == LFCP_OK &&
        said.kind == LFCP_TUNNEL_DATA) {
        give(of, route.session, &said);
    }
    device_sessions_send(of);
}

void device_sessions_start(device *of)
{
    of->lets_in = of->has_path && !of->settings->no_connect;
    if (!of->lets_in) {
        return;
    }
    of->rendezvous_config =
        (lfcp_rendezvous_config){.context = of, .allows = allows, .open = open_own, .close = close_own, .hosts = hosts};
    lfcp_rendezvous_start(&of->rendezvous, &of->rendezvous_config, &of->path);
    of->path.module.next = &of->rendezvous.module;
    of->net.udp.tunnel = take_tunnel;
    of->net.udp.tunnel_context = of;
}

void device_sessions_send(device *of)
{
    uint8_t datagram[LFCP_MEETING_ROOM];
    size_t length = 0;
    lfcp_route to;
    lfcp_rendezvous *rendezvous = &of->rendezvous;
    while (of->lets_in &&
           lfcp_rendezvous_poll(rendezvous, &of->client, of->now, datagram, &length, &to) == LFCP_OK && length > 0) {
        transmit(of, &to, datagram, length);
    }
}

static void receive_from_service(device *of, unsigned session)
{
    uint8_t datagram[LFCP_TUNNEL_MAX];
    size_t length = 0;
    while (session_service_receive(&of->sessions, session, datagram + LFCP_TUNNEL_HEAD, LFCP_TUNNEL_BODY, &length)) {
        say(of, session, datagram, length);
    }
}

bool device_sessions_receive(device *of, unsigned *server, uint8_t *frame, size_t size, size_t *length)
{
    for (unsigned session = 0; session < LFCP_SESSIONS; session++) {
        receive_from_service(of, session);
        const udp_socket *own = &of->sessions.own[session];
        if (udp_servers_receive_at(&of->net.udp, own, server, frame, size, length, of->now)) {
            return true;
        }
    }
    return false;
}

nfds_t device_sessions_watch(const device *of, struct pollfd *watched)
{
    for (unsigned session = 0; session < LFCP_SESSIONS; session++) {
        *watched++ = (struct pollfd){.fd = of->sessions.own[session].descriptor, .events = POLLIN};
        *watched++ = (struct pollfd){.fd = of->sessions.services[session], .events = POLLIN};
    }
    return DEVICE_SESSIONS_WATCHED;
}

uint64_t device_sessions_wakeup(const device *of)
{
    return of->lets_in ? lfcp_rendezvous_wakeup_ms(&of->rendezvous) : UINT64_MAX;
}

void device_sessions_stop(device *of)
{
    for (unsigned session = 0; session < LFCP_SESSIONS && of->lets_in; session++) {
        lfcp_rendezvous_end(&of->rendezvous, session);
    }
    device_sessions_send(of);
    session_sockets_stop(&of->sessions);
}

/* The journal. */

static const char *word_of(char kind)
{
    return kind == 'h' ? "host" : kind == '6' ? "IPv6" : kind == 'p' ? "public" : "predicted";
}

static void say_path(said_session *said, const lfcp_meeting *meeting)
{
    char text[LFCP_ADDRESS_TEXT];
    if (said->kind == meeting->direct_kind &&
        (said->kind == '\0' || lfcp_address_same(&said->at, &meeting->direct))) {
        return;
    }
    said->kind = meeting->direct_kind;
    said->at = meeting->direct;
    if (said->kind == '\0') {
        journal("path relay");
    } else {
        const int length = (int)lfcp_address_write(&said->at, text);
        journal("path direct %s %.*s", word_of(said->kind), length, text);
    }
}

static void say_session(device *of, unsigned session)
{
    const lfcp_meeting *meeting = lfcp_rendezvous_session(&of->rendezvous, session);
    said_session *said = &of->said[session];
    if (said->id != 0 && (meeting == NULL || meeting->about.session != said->id)) {
        session_service_close(&of->sessions, session);
        said->id = 0;
        journal("disconnected");
    }
    if (meeting == NULL) {
        return;
    }
    if (said->id == 0) {
        *said = (said_session){.id = meeting->about.session, .kind = '?'};
        journal("connected %s %u", meeting->about.name, meeting->about.port);
    }
    say_path(said, meeting);
}

void device_sessions_say(device *of)
{
    for (unsigned session = 0; session < LFCP_SESSIONS && of->lets_in; session++) {
        say_session(of, session);
    }
}
