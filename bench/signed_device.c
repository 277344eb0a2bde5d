/* Devices with a key, on the firmware's own codec. Every answer is decoded and its tag verified, none is sampled.
 *
 * The boot id is the same in every run, and the counter begins at the clock's microseconds: a run goes on where the
 * one before stopped, as after a deep sleep. Otherwise each run would begin with a reboot of every device, and the
 * database's work with those events would be measured too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lfcp_codec.h"
#include "lfcp_signing.h"
#include "load_device.h"

#define LABEL 'A'
#define BOOT_ID "5e1fb007ab1e5afe" /* as in fleet.py */
#define ECHOED "%s.%llx"

struct keyed {
    uint8_t tag_up[LFCP_KEY], tag_down[LFCP_KEY];
    uint64_t counter, echo;
};

static void must(int failed)
{
    if (failed) {
        fprintf(stderr, "load: the codec or its crypto failed\n");
        exit(1);
    }
}

static uint64_t clock_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void make(struct device *d)
{
    const lfcp_crypto *crypto = &lfcp_crypto_mbedtls;
    uint8_t key[LFCP_KEY];
    struct keyed *k = d->keyed = calloc(1, sizeof *k);
    must(!k || crypto->sha256(crypto->context, (const uint8_t *)d->name, d->name_size, key));
    must(lfcp_derive(crypto, key, LFCP_PURPOSE_TAG, LFCP_WAY_UP, LABEL, k->tag_up));
    must(lfcp_derive(crypto, key, LFCP_PURPOSE_TAG, LFCP_WAY_DOWN, LABEL, k->tag_down));
    k->counter = clock_us();
}

static size_t write_signed(struct device *d, char *buffer, const char **frame)
{
    struct keyed *k = d->keyed;
    char boot[48];
    size_t size, boot_size = (size_t)snprintf(boot, sizeof boot, ECHOED, BOOT_ID, (unsigned long long)k->echo);
    const lfcp_text params[] = {{"2", 1}, {"20", 2}, {boot, boot_size}, {"acs.-.0", 7}};
    must(lfcp_encode_signed(&lfcp_crypto_mbedtls, k->tag_up, ++k->counter, (uint8_t *)buffer, FRAME, &size,
                            (lfcp_text){d->name, d->name_size}, LFCP_VERB_HEARTBEAT, params, 4));
    *frame = buffer;
    return size;
}

static int is_text(lfcp_text text, const char *expected, size_t size)
{
    return text.length == size && !memcmp(text.at, expected, size);
}

/* Only the ACK of the last heartbeat counts, and only with a counter that is new. */
static enum answer read_signed(struct device *d, const char *frame, size_t size)
{
    struct keyed *k = d->keyed;
    lfcp_message m;
    char answers[LFCP_COUNTER_DIGITS + 1];
    size_t digits = (size_t)snprintf(answers, sizeof answers, "%llx", (unsigned long long)k->counter);
    if (lfcp_decode((const uint8_t *)frame, size, &m) || m.verb != LFCP_VERB_ACK
        || !is_text(m.name, d->name, d->name_size)
        || lfcp_verify(&lfcp_crypto_mbedtls, k->tag_down, (const uint8_t *)frame, &m)
        || !is_text(m.params[0], answers, digits) || m.counter <= k->echo)
        return NO_ANSWER;
    k->echo = m.counter;
    return is_text(m.params[1], "0", 1) ? ANSWERED : CHALLENGED;
}

const struct kind signed_heartbeats = {"signed", make, write_signed, read_signed};
