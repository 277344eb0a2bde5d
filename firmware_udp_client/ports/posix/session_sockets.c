#include "session_sockets.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#define USUAL_TTL (-1)

void session_sockets_start(session_sockets *of)
{
    for (unsigned session = 0; session < LFCP_SESSIONS; session++) {
        of->own[session].descriptor = of->services[session] = -1;
    }
}

void session_sockets_stop(session_sockets *of)
{
    for (unsigned session = 0; session < LFCP_SESSIONS; session++) {
        udp_socket_close(&of->own[session]);
        session_service_close(of, session);
    }
}

static void read_v4(const struct sockaddr_in *v4, lfcp_address *address)
{
    memset(address, 0, sizeof *address);
    address->ip[10] = address->ip[11] = 0xff;
    memcpy(address->ip + 12, &v4->sin_addr, 4);
    address->port = ntohs(v4->sin_port);
}

static void read_v6(const struct sockaddr_in6 *v6, lfcp_address *address)
{
    memcpy(address->ip, &v6->sin6_addr, sizeof address->ip);
    address->port = ntohs(v6->sin6_port);
}

void session_address_read(const udp_address *from, lfcp_address *address)
{
    if (from->at.ss_family == AF_INET) {
        read_v4((const struct sockaddr_in *)&from->at, address);
    } else {
        read_v6((const struct sockaddr_in6 *)&from->at, address);
    }
}

static uint16_t port_of(const udp_socket *socket)
{
    udp_address bound = {.length = sizeof bound.at};
    lfcp_address address = {.port = 0};
    if (getsockname(socket->descriptor, (struct sockaddr *)&bound.at, &bound.length) == 0) {
        session_address_read(&bound, &address);
    }
    return address.port;
}

/* One with a zone (fe80::) means nothing to another machine. */
static bool is_of_use(const struct ifaddrs *interface, lfcp_address *address)
{
    udp_address at = {.length = 0};
    if (interface->ifa_addr == NULL || (interface->ifa_flags & IFF_UP) == 0) {
        return false;
    }
    const bool v4 = interface->ifa_addr->sa_family == AF_INET;
    if (!v4 && interface->ifa_addr->sa_family != AF_INET6) {
        return false;
    }
    memcpy(&at.at, interface->ifa_addr, v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
    session_address_read(&at, address);
    const lfcp_scope scope = lfcp_address_scope(address);
    return v4 ? scope == LFCP_SCOPE_PRIVATE
              : scope == LFCP_SCOPE_GLOBAL || (scope == LFCP_SCOPE_PRIVATE && address->ip[0] != 0xfe);
}

uint8_t session_sockets_hosts(const udp_socket *socket, lfcp_address *hosts)
{
    const uint16_t port = port_of(socket);
    struct ifaddrs *all = NULL;
    uint8_t count = 0;
    if (port == 0 || getifaddrs(&all) != 0) {
        return 0;
    }
    for (const struct ifaddrs *each = all; each != NULL && count < LFCP_MEETING_HOSTS; each = each->ifa_next) {
        if (is_of_use(each, &hosts[count])) {
            hosts[count++].port = port;
        }
    }
    freeifaddrs(all);
    return count;
}

/* False: a socket of IPv4 alone reaches no IPv6. */
static bool write_address(const udp_socket *socket, const lfcp_address *address, udp_address *to)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(address->port)};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(address->port)};
    *to = (udp_address){.length = socket->family == AF_INET ? sizeof v4 : sizeof v6};
    memcpy(&v6.sin6_addr, address->ip, sizeof address->ip);
    memcpy(&v4.sin_addr, address->ip + 12, 4);
    if (socket->family == AF_INET) {
        memcpy(&to->at, &v4, sizeof v4);
        return lfcp_address_is_v4(address);
    }
    memcpy(&to->at, &v6, sizeof v6);
    return true;
}

static bool set_ttl(const udp_socket *socket, bool v4, int ttl)
{
    return setsockopt(socket->descriptor, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TTL : IPV6_UNICAST_HOPS, &ttl,
                      sizeof ttl) == 0;
}

/* An opener with the usual time to live would do the harm that it is to prevent. */
void session_socket_send(const udp_socket *from, const lfcp_address *to, uint8_t ttl, const uint8_t *datagram,
                         size_t length)
{
    const bool v4 = lfcp_address_is_v4(to);
    udp_address address;
    if (from->descriptor < 0 || !write_address(from, to, &address) || (ttl != 0 && !set_ttl(from, v4, ttl))) {
        return;
    }
    udp_socket_send(from, &address, datagram, length);
    if (ttl != 0) {
        set_ttl(from, v4, USUAL_TTL);
    }
}

/* Connected, so that nobody but the service is heard. */
static int open_service(uint16_t port)
{
    const struct sockaddr_in service = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor >= 0 && connect(descriptor, (const struct sockaddr *)&service, sizeof service) != 0) {
        close(descriptor);
        descriptor = -1;
    }
    return descriptor;
}

void session_service_send(session_sockets *of, unsigned session, uint16_t port, const uint8_t *body, size_t length)
{
    int *service = &of->services[session];
    if (*service < 0) {
        *service = open_service(port);
    }
    if (*service >= 0 && send(*service, body, length, 0) < 0) {
        /* nobody is there now, or an earlier datagram found nobody: UDP promises nothing */
        return;
    }
}

bool session_service_receive(session_sockets *of, unsigned session, uint8_t *body, size_t size, size_t *length)
{
    ssize_t got = -1;
    do {
        got = of->services[session] < 0 ? -1 : recv(of->services[session], body, size, MSG_TRUNC);
    } while (got > (ssize_t)size || (got < 0 && of->services[session] >= 0 && errno == ECONNREFUSED));
    *length = got < 0 ? 0 : (size_t)got;
    return got >= 0;
}

void session_service_close(session_sockets *of, unsigned session)
{
    if (of->services[session] >= 0) {
        close(of->services[session]);
    }
    of->services[session] = -1;
}
