#include "udp_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

#include "bounded_text.h"

#define PORT_SIZE 6

static bool prepare(int descriptor, int family)
{
    const int off = 0, flags = fcntl(descriptor, F_GETFL, 0);
    if (family == AF_INET6 && setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0) {
        return false;
    }
    return flags >= 0 && fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0;
}

static bool open_family(udp_socket *out, int family)
{
    *out = (udp_socket){.descriptor = socket(family, SOCK_DGRAM, 0), .family = family};
    if (out->descriptor < 0) {
        return false;
    }
    if (!prepare(out->descriptor, family)) {
        udp_socket_close(out);
        return false;
    }
    fcntl(out->descriptor, F_SETFD, FD_CLOEXEC); /* lwIP has no such flag and needs none */
    return true;
}

bool udp_socket_open(udp_socket *socket)
{
    return open_family(socket, AF_INET6) || open_family(socket, AF_INET);
}

void udp_socket_close(udp_socket *socket)
{
    if (socket->descriptor >= 0) {
        const int error = errno;
        close(socket->descriptor);
        errno = error;
    }
    socket->descriptor = -1;
}

/* An IPv4 address as an IPv6 socket wants it: RFC 4291 section 2.5.5.2. */
static void map_to_v6(const struct sockaddr_in *v4, struct sockaddr_in6 *v6)
{
    memset(v6, 0, sizeof *v6);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = v4->sin_port;
    uint8_t *bytes = (uint8_t *)&v6->sin6_addr;
    bytes[10] = bytes[11] = 0xff;
    memcpy(bytes + 12, &v4->sin_addr, 4);
}

static void take(const udp_socket *socket, const struct addrinfo *found, udp_address *address)
{
    memset(address, 0, sizeof *address);
    if (socket->family == AF_INET6 && found->ai_family == AF_INET) {
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        memcpy(&v4, found->ai_addr, sizeof v4);
        map_to_v6(&v4, &v6);
        memcpy(&address->at, &v6, sizeof v6);
        address->length = sizeof v6;
    } else {
        memcpy(&address->at, found->ai_addr, found->ai_addrlen);
        address->length = (socklen_t)found->ai_addrlen;
    }
}

static const struct addrinfo *pick(const struct addrinfo *list, unsigned nth)
{
    unsigned count = 0;
    for (const struct addrinfo *each = list; each != NULL; each = each->ai_next) {
        count++;
    }
    for (nth %= count; nth > 0; nth--) {
        list = list->ai_next;
    }
    return list;
}

bool udp_socket_resolve(const udp_socket *socket, const host_port *server, unsigned nth, udp_address *address)
{
    const struct addrinfo hints = {
        .ai_family = socket->family == AF_INET ? AF_INET : AF_UNSPEC,
        .ai_socktype = SOCK_DGRAM,
    };
    struct addrinfo *found = NULL;
    char port[PORT_SIZE];
    bounded_text out;
    text_start(&out, port, sizeof port);
    text_put_number(&out, server->port);
    if (!text_finish(&out) || getaddrinfo(server->host, port, &hints, &found) != 0 || found == NULL) {
        return false;
    }
    take(socket, pick(found, nth), address);
    freeaddrinfo(found);
    return true;
}

bool udp_socket_send(const udp_socket *socket, const udp_address *to, const uint8_t *datagram, size_t length)
{
    const ssize_t sent = sendto(socket->descriptor, datagram, length, 0, (const struct sockaddr *)&to->at, to->length);
    return sent == (ssize_t)length;
}

bool udp_socket_receive(const udp_socket *socket, uint8_t *datagram, size_t size, size_t *length, udp_address *from)
{
    for (;;) {
        memset(from, 0, sizeof *from);
        from->length = sizeof from->at;
        const ssize_t got = recvfrom(socket->descriptor, datagram, size, 0, (struct sockaddr *)&from->at, &from->length);
        if (got >= 0) {
            *length = (size_t)got;
            return true;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return false;
        }
        if (errno == EBADF || errno == ENOTSOCK || errno == ENOMEM) {
            return false; /* anything else is news of an earlier datagram, and the next one may be there */
        }
    }
}

static void drop_port(udp_address *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (address->at.ss_family == AF_INET) {
        memcpy(&v4, &address->at, sizeof v4);
        v4.sin_port = 0;
        memcpy(&address->at, &v4, sizeof v4);
    } else {
        memcpy(&v6, &address->at, sizeof v6);
        v6.sin6_port = 0;
        memcpy(&address->at, &v6, sizeof v6);
    }
}

/* connect() of a UDP socket sends nothing. */
bool udp_socket_source(const udp_address *to, udp_address *source)
{
    udp_socket asked;
    if (to->length == 0 || !open_family(&asked, to->at.ss_family)) {
        return false;
    }
    memset(source, 0, sizeof *source);
    source->length = sizeof source->at;
    bool found = connect(asked.descriptor, (const struct sockaddr *)&to->at, to->length) == 0 &&
                 getsockname(asked.descriptor, (struct sockaddr *)&source->at, &source->length) == 0;
    udp_socket_close(&asked);
    if (found) {
        drop_port(source);
    }
    return found;
}

bool udp_address_equal(const udp_address *one, const udp_address *other)
{
    if (one->at.ss_family != other->at.ss_family) {
        return false;
    }
    if (one->at.ss_family == AF_INET) {
        struct sockaddr_in left, right;
        memcpy(&left, &one->at, sizeof left);
        memcpy(&right, &other->at, sizeof right);
        return left.sin_port == right.sin_port && memcmp(&left.sin_addr, &right.sin_addr, sizeof left.sin_addr) == 0;
    }
    struct sockaddr_in6 left, right;
    memcpy(&left, &one->at, sizeof left);
    memcpy(&right, &other->at, sizeof right);
    return left.sin6_port == right.sin6_port && memcmp(&left.sin6_addr, &right.sin6_addr, sizeof left.sin6_addr) == 0;
}
