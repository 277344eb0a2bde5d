#include "meeting_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(condition) must((condition), #condition, __LINE__)

static const lfcp_ladder_steps no_steps;
static const char key_text[] = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";

static void must(bool holds, const char *condition, int line)
{
    if (!holds) {
        fprintf(stderr, "meeting_world.c:%d: %s\n", line, condition);
        abort();
    }
}

static bool allows(void *context, const char *name, uint16_t port)
{
    (void)context;
    return strcmp(name, "desk") == 0 && (port == 0 || port == ALLOWED_PORT);
}

static bool open_socket(void *context, unsigned session)
{
    meeting_world *m = context;
    MUST(!m->open[session]);
    m->open[session] = !m->open_fails;
    return m->open[session];
}

static void close_socket(void *context, unsigned session)
{
    meeting_world *m = context;
    MUST(m->open[session]);
    m->open[session] = false;
}

static lfcp_address address_of(const char *text)
{
    lfcp_address address = {.port = 0};
    MUST(lfcp_address_read((lfcp_text){text, strlen(text)}, &address));
    return address;
}

static uint8_t hosts(void *context, unsigned session, lfcp_address *addresses)
{
    (void)context;
    addresses[0] = address_of(session == LFCP_NO_SESSION ? "192.168.1.20:4000" : "192.168.1.20:4001");
    return 1;
}

void meeting_begin(meeting_world *m)
{
    world *w = &m->w;
    memset(m, 0, sizeof *m);
    world_prepare(w);
    lfcp_path_start(&m->path, &no_steps, 0);
    m->config = (lfcp_rendezvous_config){m, allows, open_socket, close_socket, hosts};
    lfcp_rendezvous_start(&m->rendezvous, &m->config, &m->path);
    m->path.module.next = &m->rendezvous.module;
    w->config.modules = &m->path.module;
    MUST(world_start(w, 0x9f3c) == LFCP_OK);
    MUST(poll_all(w) == 2 && acknowledge_beats(w) == LFCP_OK);
    MUST(lfcp_path_mapping(&m->path) == 'e');
}

lfcp_status invite(meeting_world *m, uint64_t session, const char *other, const char *terms)
{
    world *w = &m->w;
    uint8_t seal_key[LFCP_KEY], key[LFCP_KEY];
    char field[LFCP_SIGNED_MAX_FIELD + 1] = {0};
    size_t length = 0;
    MUST(lfcp_derive(w->real_crypto, world_key, LFCP_PURPOSE_SEAL, LFCP_WAY_DOWN, 'A', seal_key) == LFCP_OK);
    MUST(lfcp_seal(w->real_crypto, seal_key, w->down[0] + 1, (lfcp_text){w->config.name, strlen(w->config.name)},
                   LFCP_VERB_PNCH, 2, (lfcp_text){key_text, strlen(key_text)}, field, LFCP_SIGNED_MAX_FIELD,
                   &length) == LFCP_OK);
    MUST(lfcp_key_from_text(key_text, strlen(key_text), key) == LFCP_OK);
    if (session != m->operator.session) {
        MUST(lfcp_tunnel_start(&m->operator, w->real_crypto, key, session, 0) == LFCP_OK);
    }
    return serve(w, 0, LFCP_VERB_PNCH, hex_of(session), field, other, terms);
}

void meeting_met(meeting_world *m, const char *terms)
{
    meeting_begin(m);
    MUST(invite(m, SESSION, OPERATOR "/e", terms) == LFCP_OK);
    (void)meeting_poll(m);
    MUST(m->sent_count > 1 && m->sent[0].is_frame && m->sent[0].message.verb == LFCP_VERB_ACK);
}

static void look_at(meeting_world *m, sent_datagram *sent)
{
    uint8_t copy[LFCP_MEETING_ROOM];
    memcpy(copy, sent->bytes, sent->length);
    sent->is_frame = !lfcp_is_tunnel(copy, sent->length);
    if (sent->is_frame) {
        MUST(lfcp_decode(sent->bytes, sent->length, &sent->message) == LFCP_OK);
        return;
    }
    if (lfcp_tunnel_open(&m->operator, m->w.real_crypto, copy, sent->length, &sent->said) == LFCP_OK) {
        memcpy(sent->bytes, copy, sent->length);
        sent->said.body = sent->bytes + LFCP_TUNNEL_HEAD;
    }
}

size_t meeting_poll(meeting_world *m)
{
    for (size_t count = 0;; count++) {
        MUST(m->sent_count < MEETING_SENT);
        sent_datagram *sent = &m->sent[m->sent_count];
        memset(sent, 0, sizeof *sent);
        m->status = lfcp_rendezvous_poll(&m->rendezvous, &m->w.client, m->w.now, sent->bytes, &sent->length, &sent->to);
        if (sent->length == 0) {
            return count;
        }
        MUST(m->status == LFCP_OK);
        sent->at = m->w.now;
        look_at(m, sent);
        m->sent_count++;
    }
}

size_t meeting_after(meeting_world *m, uint64_t ms)
{
    m->w.now += ms;
    return meeting_poll(m);
}

size_t meeting_run(meeting_world *m, uint64_t ms)
{
    const uint64_t end = m->w.now + ms;
    size_t count = meeting_poll(m);
    for (;;) {
        uint64_t wakeup = lfcp_rendezvous_wakeup_ms(&m->rendezvous);
        MUST(wakeup > m->w.now);
        if (wakeup > end) {
            m->w.now = end;
            return count;
        }
        m->w.now = wakeup;
        count += meeting_poll(m);
    }
}

const sent_datagram *last_of(const meeting_world *m, uint8_t kind, size_t within)
{
    for (size_t back = 0; back < within && back < m->sent_count; back++) {
        const sent_datagram *sent = &m->sent[m->sent_count - 1 - back];
        if (!sent->is_frame && sent->said.kind == kind) {
            return sent;
        }
    }
    return NULL;
}

size_t count_of(const meeting_world *m, uint8_t kind, size_t within)
{
    size_t count = 0;
    for (size_t back = 0; back < within && back < m->sent_count; back++) {
        const sent_datagram *sent = &m->sent[m->sent_count - 1 - back];
        count += !sent->is_frame && sent->said.kind == kind;
    }
    return count;
}

static lfcp_status receive(meeting_world *m, const char *from, uint8_t socket)
{
    uint8_t *copy = malloc(m->length + 1);
    lfcp_route route = {.relayed = from == NULL, .socket = socket};
    MUST(copy != NULL);
    if (from != NULL) {
        route.at = address_of(from);
    }
    memcpy(copy, m->datagram, m->length);
    const lfcp_status status = lfcp_rendezvous_receive(&m->rendezvous, &route, copy, m->length, m->w.now, &m->said);
    free(copy);
    return status;
}

static void seal(meeting_world *m, uint8_t kind, const void *body, size_t length)
{
    memcpy(m->datagram + LFCP_TUNNEL_HEAD, body, length);
    MUST(lfcp_tunnel_seal(&m->operator, m->w.real_crypto, kind, m->datagram, length, &m->length) == LFCP_OK);
}

lfcp_status relay(meeting_world *m, uint8_t kind, const char *body)
{
    seal(m, kind, body, strlen(body));
    return receive(m, NULL, 0);
}

lfcp_status direct(meeting_world *m, uint8_t kind, const char *body, const char *from, uint8_t socket)
{
    seal(m, kind, body, strlen(body));
    return receive(m, from, socket);
}

lfcp_status answer(meeting_world *m, const sent_datagram *to, const char *from)
{
    MUST(to != NULL);
    seal(m, LFCP_TUNNEL_ANSWER, to->bytes + 9, 8);
    return receive(m, from, to->to.socket);
}

lfcp_status again(meeting_world *m, const char *from)
{
    return receive(m, from, 0);
}
