#include "reachability.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define AGAIN_MS 10000
#define GIVE_UP_MS 5000
#define PORT_SIZE 6

void reachability_start(reachability *of, const host_port *target)
{
    *of = (reachability){.target = *target, .descriptor = -1};
}

void reachability_stop(reachability *of)
{
    if (of->descriptor >= 0) {
        close(of->descriptor);
    }
    of->descriptor = -1;
}

static bool begin(reachability *of, const struct addrinfo *at)
{
    of->descriptor = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return of->descriptor >= 0 &&
           (connect(of->descriptor, at->ai_addr, at->ai_addrlen) == 0 || errno == EINPROGRESS);
}

static void attempt(reachability *of, uint64_t now)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char port[PORT_SIZE];
    snprintf(port, sizeof port, "%u", (unsigned)of->target.port);
    of->try_at = now + AGAIN_MS;
    of->give_up_at = now + GIVE_UP_MS;
    if (getaddrinfo(of->target.host, port, &hints, &found) != 0) {
        of->reachable = false;
        return;
    }
    if (!begin(of, found)) {
        reachability_stop(of);
        of->reachable = false;
    }
    freeaddrinfo(found);
}

bool reachability_ask(reachability *of, uint64_t now)
{
    if (of->descriptor >= 0 && now >= of->give_up_at) {
        reachability_stop(of);
        of->reachable = false;
    }
    if (of->descriptor < 0 && now >= of->try_at) {
        attempt(of, now);
    }
    return of->reachable;
}

struct pollfd reachability_watch(const reachability *of)
{
    return (struct pollfd){.fd = of->descriptor, .events = POLLOUT};
}

void reachability_work(reachability *of, short events, uint64_t now)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (of->descriptor < 0 || events == 0) {
        return;
    }
    of->reachable = getsockopt(of->descriptor, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
    of->try_at = now + AGAIN_MS;
    reachability_stop(of);
}
