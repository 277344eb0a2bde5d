/* What bench/load.c is asked to do. */
#ifndef BENCH_LOAD_OPTIONS_H
#define BENCH_LOAD_OPTIONS_H

#include <stdint.h>

#define SECOND_NS 1000000000ull
#define MAX_DEVICES 1000000
#define MAX_SECONDS 600

struct options {
    const char *host, *kind;
    int port, source_port;
    unsigned devices, first, window, passes;
    double rate, seconds; /* rate 0: closed loop */
    uint64_t count, timeout_ns;
};

/* Ends the program with 2 when something is unknown or out of range; the kind is not looked at. */
struct options parse_options(int argc, char **argv);

_Noreturn void refuse(const char *what);

#endif
