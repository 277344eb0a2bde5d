#include "load_device.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void make_heartbeat(struct device *d)
{
    d->plain_size = (uint8_t)snprintf(d->plain, sizeof d->plain, "%s,HEARTBEAT,0,0,0,0,0,0", d->name);
}

static void make_moal(struct device *d)
{
    d->plain_size = (uint8_t)snprintf(d->plain, sizeof d->plain, "%s,MOAL,garden_gate,0,0,0,0,0", d->name);
}

static size_t write_plain(struct device *d, char *buffer, const char **frame)
{
    (void)buffer;
    *frame = d->plain;
    return d->plain_size;
}

static enum answer read_plain(struct device *d, const char *frame, size_t size)
{
    bool named = size > d->name_size + 5u && !memcmp(frame, d->name, d->name_size);
    return named && !memcmp(frame + d->name_size, ",ACK,", 5) ? ANSWERED : NO_ANSWER;
}

static const struct kind plain_heartbeats = {"heartbeat", make_heartbeat, write_plain, read_plain};
static const struct kind motions = {"moal", make_moal, write_plain, read_plain};

static const struct kind *const KINDS[] = {
    &plain_heartbeats,
    &motions,
#ifdef WITH_MBEDTLS
    &signed_heartbeats,
#endif
};

const struct kind *kind_named(const char *name)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (!strcmp(KINDS[i]->name, name))
            return KINDS[i];
    return NULL;
}
