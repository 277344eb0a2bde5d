/* The devices of bench/load.c: what each kind of them sends, and what is an answer to it. */
#ifndef BENCH_LOAD_DEVICE_H
#define BENCH_LOAD_DEVICE_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define FRAME 256 /* bytes of any frame here, either way */
#define PLAIN_FRAME 64
#define DEVICE_NAME 16

struct keyed; /* signed_device.c */

struct device {
    uint64_t sent; /* when its message left, or was due; 0: none on the way */
    struct in_addr address;
    uint8_t name_size, plain_size;
    char name[DEVICE_NAME];
    char plain[PLAIN_FRAME]; /* what a device without a key sends, always */
    struct keyed *keyed;     /* NULL without a key */
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
    } source;
};

enum answer {
    NO_ANSWER, /* another device's, or none that this one takes */
    ANSWERED,
    CHALLENGED /* answered with "beat again at once" */
};

struct kind {
    const char *name;
    void (*make)(struct device *d);
    /* Writes the next message to buffer, FRAME bytes, or names where it lies. Returns its size. */
    size_t (*write)(struct device *d, char *buffer, const char **frame);
    enum answer (*read)(struct device *d, const char *frame, size_t size);
};

/* NULL for a name that is none, or not in this build. */
const struct kind *kind_named(const char *name);

/* Signed heartbeats: every device has its own key, SHA-256 of its name, as bench/fleet.py gives it. */
extern const struct kind signed_heartbeats;

#endif
