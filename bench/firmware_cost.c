/* What a device's code is asked to do again and again, each in a function of its own, so that a profiler that counts
 * instructions (bench/firmware.py) can tell them apart. The clock is the program's own, and so is the server.
 *
 *     firmware_cost ROUNDS */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lfcp_client.h"

#define MEASURED static __attribute__((noipa)) /* neither inlined nor merged with its like */
#define LABEL 'A'
#define INTERVAL_S 20
#define POLLS_BETWEEN 8 /* with nothing to do, between a heartbeat's answer and the next heartbeat */

static const lfcp_crypto *const crypto = &lfcp_crypto_mbedtls;
static const uint8_t key[LFCP_KEY] = {0x5e, 0x1f};
static const lfcp_text name = {"camera_1", 8};
static uint8_t tag_down[LFCP_KEY];
static uint64_t down = UINT64_C(1835000000000000); /* as large as a server's: units of 2^-20 s since 1970 */

struct frame {
    uint8_t bytes[LFCP_SIGNED_MAX_FRAME];
    size_t length;
};

static void must(int right, const char *what)
{
    if (!right) {
        fprintf(stderr, "firmware_cost: %s\n", what);
        exit(1);
    }
}

/* ---- what is measured: bench/firmware.py knows these names ---- */

MEASURED lfcp_status poll_idle(lfcp_client *client, uint64_t now, struct frame *out)
{
    unsigned server;
    return lfcp_client_poll(client, now, out->bytes, sizeof out->bytes, &out->length, &server);
}

MEASURED lfcp_status poll_heartbeat(lfcp_client *client, uint64_t now, struct frame *out)
{
    unsigned server;
    return lfcp_client_poll(client, now, out->bytes, sizeof out->bytes, &out->length, &server);
}

MEASURED lfcp_status receive_ack(lfcp_client *client, uint64_t now, const struct frame *in, lfcp_event *event)
{
    return lfcp_client_receive(client, 0, in->bytes, in->length, now, event);
}

MEASURED lfcp_status decode(const struct frame *in, lfcp_message *message)
{
    return lfcp_decode(in->bytes, in->length, message);
}

MEASURED lfcp_status verify(const struct frame *in, const lfcp_message *message)
{
    return lfcp_verify(crypto, tag_down, in->bytes, message);
}

MEASURED lfcp_status encode_signed(uint64_t counter, const lfcp_text *params, struct frame *out)
{
    return lfcp_encode_signed(crypto, tag_down, counter, out->bytes, sizeof out->bytes, &out->length, name,
                              LFCP_VERB_ACK, params, 4);
}

/* ---- the device's surroundings ---- */

static int read_nothing(void *context, const char *record, uint8_t *data, size_t size)
{
    (void)context, (void)record, (void)data, (void)size;
    return 1;
}

static int write_anywhere(void *context, const char *record, const uint8_t *data, size_t size)
{
    (void)context, (void)record, (void)data, (void)size;
    return 0;
}

static uint32_t no_spread(void *context)
{
    (void)context;
    return 0;
}

static void answer(const struct frame *heartbeat, struct frame *ack)
{
    lfcp_message sent;
    char answers[LFCP_COUNTER_DIGITS + 1];
    must(lfcp_decode(heartbeat->bytes, heartbeat->length, &sent) == LFCP_OK && sent.verb == LFCP_VERB_HEARTBEAT,
         "the device sent no heartbeat");
    int digits = snprintf(answers, sizeof answers, "%llx", (unsigned long long)sent.counter);
    const lfcp_text params[] = {{answers, (size_t)digits}, {"0", 1}, {"192.0.2.17:20000", 16}, {"26", 2}};
    must(encode_signed(++down, params, ack) == LFCP_OK, "no ACK was made");
}

static void one_round(lfcp_client *client, uint64_t now)
{
    struct frame heartbeat, ack, nothing;
    lfcp_message read;
    lfcp_event event;
    must(poll_heartbeat(client, now, &heartbeat) == LFCP_OK && heartbeat.length != 0, "no heartbeat was due");
    answer(&heartbeat, &ack);
    must(decode(&ack, &read) == LFCP_OK && verify(&ack, &read) == LFCP_OK, "the ACK is not read");
    must(receive_ack(client, now, &ack, &event) == LFCP_OK && event.kind == LFCP_EVENT_HEARTBEAT_ANSWERED,
         "the ACK is not taken");
    for (int i = 0; i < POLLS_BETWEEN; i++)
        must(poll_idle(client, now, &nothing) == LFCP_OK && nothing.length == 0, "a frame that nobody expects");
}

int main(int argc, char **argv)
{
    static lfcp_client client;
    const lfcp_config config = {.name = name.at, .key = key, .servers = 1, .labels = {LABEL},
                                .interval_s = INTERVAL_S, .detector_on = true, .camera_on = true, .crypto = crypto,
                                .storage = {NULL, read_nothing, write_anywhere}, .random = no_spread};
    must(argc == 2, "usage: firmware_cost ROUNDS");
    must(lfcp_derive(crypto, key, LFCP_PURPOSE_TAG, LFCP_WAY_DOWN, LABEL, tag_down) == LFCP_OK, "no sub-key");
    must(lfcp_client_start(&client, &config, UINT64_C(0x9f3c51d2a07be846), 0) == LFCP_OK, "the client does not start");
    for (uint64_t i = 1; i <= strtoull(argv[1], NULL, 10); i++)
        one_round(&client, i * INTERVAL_S * 1000);
    return 0;
}
