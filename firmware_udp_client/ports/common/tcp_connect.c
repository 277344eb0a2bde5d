#include "tcp_connect.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bounded_text.h"

#define PORT_SIZE 6

static bool prepare(int descriptor)
{
    const int on = 1, flags = fcntl(descriptor, F_GETFL, 0);
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(descriptor, F_SETFD, FD_CLOEXEC); /* lwIP has no such flag and needs none */
    return flags >= 0 && fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0;
}

static int begin(const struct addrinfo *at)
{
    const int descriptor = socket(at->ai_family, SOCK_STREAM, 0);
    if (descriptor < 0) {
        return -1;
    }
    if (prepare(descriptor) && (connect(descriptor, at->ai_addr, at->ai_addrlen) == 0 || errno == EINPROGRESS)) {
        return descriptor;
    }
    close(descriptor);
    return -1;
}

static const struct addrinfo *nth_of(const struct addrinfo *found, unsigned nth)
{
    unsigned count = 0;
    for (const struct addrinfo *each = found; each != NULL; each = each->ai_next) {
        count++;
    }
    for (nth %= count; nth > 0; nth--) {
        found = found->ai_next;
    }
    return found;
}

int tcp_connect_begin(const host_port *server, unsigned nth)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char port[PORT_SIZE];
    bounded_text text;
    text_start(&text, port, sizeof port);
    text_put_number(&text, server->port);
    if (!text_finish(&text) || getaddrinfo(server->host, port, &hints, &found) != 0) {
        return -1;
    }
    const int descriptor = begin(nth_of(found, nth));
    freeaddrinfo(found);
    return descriptor;
}

bool tcp_connect_succeeded(int descriptor)
{
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}
