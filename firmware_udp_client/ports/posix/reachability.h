/* Whether something on the internet can be connected to: asked often, tried seldom, never waited for. */
#ifndef REACHABILITY_H
#define REACHABILITY_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "host_port.h"

typedef struct reachability {
    host_port target;
    int descriptor; /* -1: no attempt runs */
    uint64_t try_at;
    uint64_t give_up_at;
    bool reachable; /* as of the last attempt */
} reachability;

void reachability_start(reachability *of, const host_port *target);
void reachability_stop(reachability *of);

/* The last answer; begins a new attempt when that is old. */
bool reachability_ask(reachability *of, uint64_t now);

/* What to wait for: fd -1 while no attempt runs. Then, after poll(): */
struct pollfd reachability_watch(const reachability *of);
void reachability_work(reachability *of, short events, uint64_t now);

#endif
