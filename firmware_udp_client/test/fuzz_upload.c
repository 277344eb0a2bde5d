/* Uploads under any answers, breaks and times: what is announced is within the picture, every try ends, and what was
 * answered points into the frame. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lfcp_upload.h"

#define MOST_LINES 1000 /* of one upload; a server that has more each time is the only way to so many */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t jpeg[64] = {0xff, 0xd8, 0xff};

#define demand(condition) demand_that((condition), #condition, __LINE__)

static void demand_that(bool holds, const char *condition, int line)
{
    if (!holds) {
        fprintf(stderr, "fuzz_upload.c:%d: %s\n", line, condition);
        abort();
    }
}

static int read_nothing(void *context, const char *key, uint8_t *data, size_t size)
{
    (void)context, (void)key, (void)data, (void)size;
    return 1;
}

static int write_nothing(void *context, const char *key, const uint8_t *data, size_t size)
{
    (void)context, (void)key, (void)data, (void)size;
    return 0;
}

static uint32_t random_bits(void *context)
{
    (void)context;
    return 0x80000000u;
}

static const lfcp_config config = {.name = "cam1",
                                   .servers = 1,
                                   .interval_s = 20,
                                   .crypto = &lfcp_crypto_mbedtls,
                                   .storage = {NULL, read_nothing, write_nothing},
                                   .random = random_bits};

typedef struct upload_world {
    lfcp_client client;
    lfcp_picture picture;
    lfcp_upload upload;
    uint64_t now;
    unsigned lines;
} upload_world;

static void begin(upload_world *w, uint8_t what)
{
    lfcp_trigger trigger = (lfcp_trigger)(what % LFCP_TRIGGER_COUNT);
    const char *id = what % 2 == 0 ? "A.1f" : NULL;
    demand(lfcp_picture_name(&w->picture, &w->client, jpeg, sizeof jpeg, trigger, id) == LFCP_OK);
    lfcp_upload_begin(&w->upload, &w->picture, 0);
    w->lines = 0;
}

static void poll(upload_world *w)
{
    uint8_t *line = malloc(LFCP_UPLOAD_MAX_LINE);
    size_t length;
    lfcp_message message;
    demand(line != NULL);
    demand(lfcp_upload_poll(&w->upload, &w->client, w->now, line, LFCP_UPLOAD_MAX_LINE, &length) == LFCP_OK);
    if (length > 0) {
        demand(lfcp_decode(line, length, &message) == LFCP_OK && message.verb == LFCP_VERB_FRAM);
        demand(w->upload.offset <= w->picture.length && w->upload.state == LFCP_UPLOAD_UNDER_WAY);
        demand(++w->lines <= MOST_LINES);
    }
    demand(lfcp_upload_wakeup_ms(&w->upload) > w->now);
    free(line);
}

static bool is_within(lfcp_text text, const uint8_t *frame, size_t length)
{
    const uint8_t *at = (const uint8_t *)text.at;
    return at >= frame && at + text.length <= frame + length;
}

/* In memory of exactly that size, so that a sanitizer sees who reads beyond. */
static void receive(upload_world *w, const char *head, const uint8_t *rest, size_t length)
{
    size_t whole = strlen(head) + length;
    uint8_t *frame = malloc(whole + 1);
    lfcp_event event;
    demand(frame != NULL);
    memcpy(frame + 1, head, strlen(head));
    memcpy(frame + 1 + strlen(head), rest, length);
    if (lfcp_client_receive(&w->client, 0, frame + 1, whole, w->now, &event) == LFCP_OK &&
        event.kind == LFCP_EVENT_PICTURE_ANSWERED) {
        demand(event.answer.result <= LFCP_UPLOAD_NEVER);
        demand(is_within(event.answer.upload, frame + 1, whole) && is_within(event.answer.reason, frame + 1, whole));
        (void)lfcp_upload_answered(&w->upload, &w->client, &event.answer, w->now);
    }
    free(frame);
}

static void answer(upload_world *w, uint8_t result, uint8_t detail)
{
    char text[64];
    int length = snprintf(text, sizeof text, "%u,%u,%s,0,0", result % 4u, detail, w->picture.id);
    receive(w, "cam1,ACK,0,", (const uint8_t *)text, (size_t)length);
}

static size_t step(upload_world *w, const uint8_t *data, size_t size)
{
    size_t length = size < 3 ? size : (size_t)data[1] % 64;
    length = length < size ? length : size;
    switch (data[0] % 6) {
    case 0:
        begin(w, size > 1 ? data[1] : 0);
        return 2;
    case 1:
        lfcp_upload_broke(&w->upload, &w->client, w->now);
        return 1;
    case 2:
        w->now += (uint64_t)data[0] << 8;
        return 1;
    case 3:
        answer(w, size > 1 ? data[1] : 0, size > 2 ? data[2] : 0);
        return 3;
    default:
        receive(w, data[0] % 2 == 0 ? "cam1,ACK,0," : "", data, length);
        return length + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    upload_world w = {.now = 1000};
    demand(lfcp_client_start(&w.client, &config, 0x9f3c, w.now) == LFCP_OK);
    begin(&w, 1);
    while (size > 0) {
        size_t taken = step(&w, data, size);
        taken = taken < size ? taken : size;
        data += taken;
        size -= taken;
        poll(&w);
    }
    return 0;
}
