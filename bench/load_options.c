#include "load_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const struct option NAMES[] = {
    {"host", 1, 0, 'h'},    {"port", 1, 0, 'p'},    {"source-port", 1, 0, 'o'}, {"kind", 1, 0, 'k'},
    {"devices", 1, 0, 'd'}, {"first", 1, 0, 'f'},   {"window", 1, 0, 'w'},      {"rate", 1, 0, 'r'},
    {"seconds", 1, 0, 's'}, {"count", 1, 0, 'c'},   {"passes", 1, 0, 'a'},      {"timeout-ms", 1, 0, 't'},
    {0, 0, 0, 0}};

void refuse(const char *what)
{
    fprintf(stderr, "load: %s\n", what);
    exit(2);
}

static void set(struct options *o, int name)
{
    switch (name) {
    case 'h': o->host = optarg; break;
    case 'p': o->port = atoi(optarg); break;
    case 'o': o->source_port = atoi(optarg); break;
    case 'k': o->kind = optarg; break;
    case 'd': o->devices = (unsigned)atoi(optarg); break;
    case 'f': o->first = (unsigned)atoi(optarg); break;
    case 'w': o->window = (unsigned)atoi(optarg); break;
    case 'r': o->rate = atof(optarg); break;
    case 's': o->seconds = atof(optarg); break;
    case 'c': o->count = strtoull(optarg, NULL, 10); break;
    case 'a': o->passes = (unsigned)atoi(optarg); break;
    case 't': o->timeout_ns = strtoull(optarg, NULL, 10) * 1000000; break;
    default: exit(2); /* getopt has said why */
    }
}

static void check(const struct options *o)
{
    if (o->devices < 1 || (uint64_t)o->first + o->devices > MAX_DEVICES || o->window < 1 || o->seconds <= 0
        || o->seconds > MAX_SECONDS || o->rate < 0)
        refuse("an option is out of range");
}

struct options parse_options(int argc, char **argv)
{
    struct options o = {"127.0.0.1", "heartbeat", 8443, 0, 10000, 0, 128, 3, 0, 5, 0, SECOND_NS / 2};
    for (int name; (name = getopt_long(argc, argv, "", NAMES, NULL)) != -1;)
        set(&o, name);
    check(&o);
    if (o.count == 0)
        o.count = UINT64_MAX;
    return o;
}
