#include "client_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(condition) must((condition), #condition, __LINE__)

const uint8_t world_key[LFCP_KEY] = "0123456789abcdef0123456789abcde";

/* What must hold in every test: the program ends here. */
static void must(bool holds, const char *condition, int line)
{
    if (!holds) {
        fprintf(stderr, "client_world.c:%d: %s\n", line, condition);
        abort();
    }
}

static bool crypto_fails(world *w)
{
    if (w->crypto_fails > 1) {
        w->crypto_fails--;
        return false;
    }
    return w->crypto_fails == 1;
}

static int hmac(void *context, const uint8_t *key, size_t key_length, const uint8_t *first, size_t first_length,
                const uint8_t *second, size_t second_length, uint8_t mac[32])
{
    world *w = context;
    return crypto_fails(w) ? -1
                           : w->real_crypto->hmac_sha256(w->real_crypto->context, key, key_length, first, first_length,
                                                         second, second_length, mac);
}

static int sha256(void *context, const uint8_t *data, size_t length, uint8_t hash[32])
{
    world *w = context;
    return crypto_fails(w) ? -1 : w->real_crypto->sha256(w->real_crypto->context, data, length, hash);
}

static int unseal(void *context, const uint8_t key[32], const uint8_t nonce[12], const uint8_t *bound,
                  size_t bound_length, const uint8_t *sealed, size_t sealed_length, uint8_t *plain)
{
    const world *w = context;
    return w->real_crypto->unseal(w->real_crypto->context, key, nonce, bound, bound_length, sealed, sealed_length,
                                  plain);
}

static record *record_called(world *w, const char *key)
{
    for (size_t at = 0; at < w->record_count; at++) {
        if (strcmp(w->records[at].key, key) == 0) {
            return &w->records[at];
        }
    }
    return NULL;
}

static int read_record(void *context, const char *key, uint8_t *data, size_t size)
{
    world *w = context;
    const record *found = record_called(w, key);
    if (w->reads_fail > 0 && --w->reads_fail == 0) {
        return -1;
    }
    if (found == NULL || found->size != size) {
        return 1;
    }
    memcpy(data, found->data, size);
    return 0;
}

static int write_record(void *context, const char *key, const uint8_t *data, size_t size)
{
    world *w = context;
    record *found = record_called(w, key);
    MUST(strlen(key) <= LFCP_SETTING_NAME && size <= WORLD_RECORD);
    if (w->writes_fail) {
        return -1;
    }
    w->writes++;
    if (found == NULL) {
        MUST(w->record_count < WORLD_RECORDS);
        found = &w->records[w->record_count++];
        memcpy(found->key, key, strlen(key) + 1);
    }
    memcpy(found->data, data, size);
    found->size = size;
    return 0;
}

static uint32_t random_bits(void *context)
{
    const world *w = context;
    return w->random;
}

static bool reachable(void *context)
{
    const world *w = context;
    return w->reachable;
}

static void tell(void *context, const char *text)
{
    world *w = context;
    w->told_count++;
    memcpy(w->told, text, strlen(text) + 1);
}

static void carry_out(void *context, lfcp_client *client, const lfcp_command *command)
{
    world *w = context;
    carried_out *done = &w->done[w->done_count++];
    MUST(w->done_count <= sizeof w->done / sizeof *w->done);
    done->verb = command->verb;
    done->server = command->server;
    done->sent_before = w->sent_count;
    memcpy(done->p1, command->p1, strlen(command->p1) + 1);
    memcpy(done->p2, command->p2, strlen(command->p2) + 1);
    bool itself = command->verb == LFCP_VERB_TLGS || command->verb == LFCP_VERB_TLGC ||
                  command->verb == LFCP_VERB_PRCC || command->verb == LFCP_VERB_SNAP || command->verb == LFCP_VERB_LIVE;
    if (!itself || w->leave_running) {
        return;
    }
    if (w->fail_with != NULL) {
        (void)lfcp_client_command_failed(client, w->fail_with, w->now);
    } else {
        MUST(lfcp_client_command_done(client) == LFCP_OK);
    }
}

void world_prepare(world *w)
{
    static const lfcp_verb known[] = {LFCP_VERB_TLGS, LFCP_VERB_TLGC, LFCP_VERB_PRCC, LFCP_VERB_RST,  LFCP_VERB_DSLP,
                                      LFCP_VERB_WCAM, LFCP_VERB_SCAM, LFCP_VERB_ENAL, LFCP_VERB_DSAL, LFCP_VERB_CONF};
    memset(w, 0, sizeof *w);
    w->real_crypto = &lfcp_crypto_mbedtls;
    w->crypto = (lfcp_crypto){w, hmac, sha256, lfcp_crypto_mbedtls.seal, unseal};
    w->now = 5000;
    w->down[0] = w->down[1] = 0x6000000000000;
    for (size_t at = 0; at < sizeof known / sizeof *known; at++) {
        w->entries[at] = (lfcp_command_entry){known[at], carry_out, w};
    }
    w->config = (lfcp_config){
        .name = "cam1",
        .key = world_key,
        .servers = 2,
        .labels = {'A', 'B'},
        .interval_s = 20,
        .camera_on = true,
        .commands = w->entries,
        .command_count = sizeof known / sizeof *known,
        .failover = {false, w, reachable, tell},
        .crypto = &w->crypto,
        .storage = {w, read_record, write_record},
        .random = random_bits,
        .random_context = w,
    };
}

lfcp_status world_start(world *w, uint64_t boot_id)
{
    w->sent_count = 0;
    return lfcp_client_start(&w->client, &w->config, boot_id, w->now);
}

void world_begin(world *w)
{
    world_prepare(w);
    MUST(world_start(w, 0x9f3c) == LFCP_OK);
}

void world_begin_unsigned(world *w)
{
    world_prepare(w);
    w->config.key = NULL;
    w->config.crypto = NULL;
    MUST(world_start(w, 0x9f3c) == LFCP_OK);
}

static void check_sent(world *w, sent_frame *sent)
{
    uint8_t tag_key[LFCP_KEY];
    MUST(sent->server < w->config.servers);
    MUST(sent->length <= LFCP_CLIENT_MAX_FRAME);
    MUST(lfcp_decode(sent->frame, sent->length, &sent->message) == LFCP_OK);
    MUST(sent->message.has_signature == (w->config.key != NULL));
    if (w->config.key == NULL) {
        return;
    }
    MUST(lfcp_derive(w->real_crypto, world_key, LFCP_PURPOSE_TAG, LFCP_WAY_UP, w->config.labels[sent->server],
                     tag_key) == LFCP_OK);
    MUST(lfcp_verify(w->real_crypto, tag_key, sent->frame, &sent->message) == LFCP_OK);
    MUST(sent->message.counter > w->highest_counter);
    w->highest_counter = sent->message.counter;
}

size_t poll_all(world *w)
{
    size_t count = 0;
    for (;;) {
        MUST(w->sent_count < WORLD_SENT);
        sent_frame *sent = &w->sent[w->sent_count];
        w->poll_status =
            lfcp_client_poll(&w->client, w->now, sent->frame, sizeof sent->frame, &sent->length, &sent->server);
        if (w->poll_status != LFCP_OK || sent->length == 0) {
            MUST(sent->length == 0);
            return count;
        }
        sent->at = w->now;
        check_sent(w, sent);
        w->sent_count++;
        count++;
    }
}

size_t poll_after(world *w, uint64_t ms)
{
    w->now += ms;
    return poll_all(w);
}

uint64_t wakeup_in(const world *w)
{
    uint64_t at;
    MUST(lfcp_client_next_wakeup_ms(&w->client, &at) == LFCP_OK);
    return at > w->now ? at - w->now : 0;
}

const sent_frame *last(const world *w, size_t back)
{
    MUST(back < w->sent_count);
    return &w->sent[w->sent_count - 1 - back];
}

bool is(const sent_frame *sent, unsigned server, lfcp_verb verb)
{
    return sent->server == server && sent->message.verb == verb;
}

bool param_is(const sent_frame *sent, unsigned at, const char *text)
{
    lfcp_text param = sent->message.params[at - 1];
    bool same = param.length == strlen(text) && memcmp(param.at, text, param.length) == 0;
    if (!same) {
        fprintf(stderr, "p%u is %.*s, not %s\n", at, (int)param.length, param.at, text);
    }
    return same;
}

static lfcp_status receive(world *w, unsigned server)
{
    return lfcp_client_receive(&w->client, server, w->frame, w->frame_length, w->now, &w->event);
}

static lfcp_text text_of(const char *text)
{
    return (lfcp_text){text, strlen(text)};
}

static lfcp_text sealed(const world *w, unsigned server, lfcp_verb verb, unsigned at, const char *text, char *field)
{
    uint8_t key[LFCP_KEY];
    size_t length;
    MUST(lfcp_derive(w->real_crypto, world_key, LFCP_PURPOSE_SEAL, LFCP_WAY_DOWN, w->config.labels[server], key) ==
         LFCP_OK);
    MUST(lfcp_seal(w->real_crypto, key, w->down[server], text_of(w->config.name), verb, at, text_of(text), field,
                   LFCP_SIGNED_MAX_FIELD, &length) == LFCP_OK);
    return (lfcp_text){field, length};
}

static void sign(world *w, unsigned server, lfcp_verb verb, const lfcp_text *params)
{
    uint8_t key[LFCP_KEY];
    MUST(lfcp_derive(w->real_crypto, world_key, LFCP_PURPOSE_TAG, LFCP_WAY_DOWN, w->config.labels[server], key) ==
         LFCP_OK);
    MUST(lfcp_encode_signed(w->real_crypto, key, w->down[server], w->frame, sizeof w->frame, &w->frame_length,
                            text_of(w->config.name), verb, params, 4) == LFCP_OK);
}

lfcp_status serve(world *w, unsigned server, lfcp_verb verb, const char *p1, const char *p2, const char *p3,
                  const char *p4)
{
    lfcp_text params[] = {text_of(p1), text_of(p2), text_of(p3), text_of(p4)};
    char fields[2][LFCP_SIGNED_MAX_FIELD];
    w->down[server]++;
    for (unsigned at = 1; at <= 2 && lfcp_verb_entry_of(verb)->secret; at++) {
        if (lfcp_verb_entry_of(verb)->limit[at - 1] != 0) {
            params[at - 1] = sealed(w, server, verb, at, at == 1 ? p1 : p2, fields[at - 1]);
        }
    }
    sign(w, server, verb, params);
    return receive(w, server);
}

lfcp_status serve_again(world *w, unsigned server)
{
    return receive(w, server);
}

lfcp_status serve_text(world *w, unsigned server, const char *frame)
{
    w->frame_length = strlen(frame);
    memcpy(w->frame, frame, w->frame_length);
    return receive(w, server);
}

const char *hex_of(uint64_t number)
{
    static char texts[4][LFCP_COUNTER_DIGITS + 1];
    static unsigned next;
    next = (next + 1) % 4;
    (void)snprintf(texts[next], sizeof texts[next], "%llx", (unsigned long long)number);
    return texts[next];
}

lfcp_status acknowledge(world *w, const sent_frame *sent, const char *result, const char *interval)
{
    return serve(w, sent->server, LFCP_VERB_ACK, hex_of(sent->message.counter), result, "192.0.2.1:4000", interval);
}

lfcp_status acknowledge_beats(world *w)
{
    lfcp_status status = LFCP_OK;
    for (size_t at = 0; at < w->sent_count && status == LFCP_OK; at++) {
        const sent_frame *sent = &w->sent[at];
        if (sent->at == w->now && sent->message.verb == LFCP_VERB_HEARTBEAT) {
            status = acknowledge(w, sent, "0", "26");
        }
    }
    return status;
}

lfcp_status command(world *w, unsigned server, lfcp_verb verb, const char *p1, const char *p2, const char *id)
{
    return serve(w, server, verb, p1, p2, id, "0");
}

void world_meet(world *w)
{
    world_begin(w);
    MUST(poll_all(w) == 2);
    MUST(acknowledge_beats(w) == LFCP_OK);
}
