#include "lfcp_rendezvous.h"

#include <string.h>

#include "lfcp_meeting_internal.h"

#define SEEN 2 /* p3 of an ACK */
#define KEEPS 5 /* that are sent at most, the first one included */
#define KEEP_AGAIN_MS 1000

static const char *const reasons[] = {
#define WORD_OF(name, word) word,
    LFCP_RENDEZVOUS_REASONS(WORD_OF)
#undef WORD_OF
};

enum {
#define NUMBER_OF(name, word) REASON_##name,
    LFCP_RENDEZVOUS_REASONS(NUMBER_OF)
#undef NUMBER_OF
};

/* The caller's clock. */
static uint64_t now_of(const lfcp_client *client)
{
    return client->now - client->offset;
}

static bool is_live(const lfcp_seat *seat)
{
    return seat->taken && !seat->meeting.over;
}

/* Invitations. */

static lfcp_seat *seat_of(lfcp_rendezvous *of, uint64_t session, unsigned server)
{
    for (unsigned at = 0; at < LFCP_SESSIONS; at++) {
        lfcp_seat *seat = &of->seats[at];
        if (seat->taken && seat->meeting.about.session == session && seat->server == server) {
            return seat;
        }
    }
    return NULL;
}

static lfcp_seat *free_seat(lfcp_rendezvous *of)
{
    for (unsigned at = 0; at < LFCP_SESSIONS; at++) {
        if (!is_live(&of->seats[at]) && !of->seats[at].open && !of->seats[at].meeting.bye) {
            return &of->seats[at];
        }
    }
    return NULL;
}

/* Of LFCP's socket. A NAT that counts has given B the port behind A's: A is asked first. */
static void look_at_own(const lfcp_rendezvous *of, lfcp_meeting *meeting, unsigned server)
{
    const lfcp_seen *seen = of->path->seen;
    meeting->mapping = of->path->mapping;
    meeting->direction = seen[0].at.port <= seen[1].at.port ? 1 : -1;
    seen += meeting->mapping == 's' ? LFCP_CLIENT_SERVERS - 1 : server;
    meeting->own[0].was_seen = seen->known;
    meeting->own[0].seen = seen->at;
    meeting->own[0].host_count = of->config->hosts(of->config->context, LFCP_NO_SESSION, meeting->own[0].hosts);
}

static bool sit_down(lfcp_rendezvous *of, lfcp_client *client, lfcp_seat *seat, unsigned server,
                     const lfcp_invitation *about, const uint8_t key[LFCP_KEY])
{
    const lfcp_config *config = client->config;
    memset(seat, 0, sizeof *seat);
    seat->server = (uint8_t)server;
    seat->meeting.crypto = config->crypto;
    seat->meeting.random = config->random;
    seat->meeting.random_context = config->random_context;
    look_at_own(of, &seat->meeting, server);
    seat->taken = lfcp_meeting_start(&seat->meeting, about, key, now_of(client)) == LFCP_OK;
    return seat->taken;
}

/* NULL: it is taken. */
static const char *take_invitation(lfcp_rendezvous *of, lfcp_client *client, unsigned server,
                                   const lfcp_invitation *about, const uint8_t key[LFCP_KEY])
{
    lfcp_seat *known = seat_of(of, about->session, server), *seat = free_seat(of);
    if (known != NULL) {
        return is_live(known) ? NULL : reasons[REASON_ENDED];
    }
    if (!of->config->allows(of->config->context, about->name, about->port)) {
        return reasons[REASON_NOT_ALLOWED];
    }
    if (seat == NULL) {
        return reasons[REASON_TOO_MANY];
    }
    return sit_down(of, client, seat, server, about, key) ? NULL : reasons[REASON_REFUSED];
}

static bool invited(lfcp_rendezvous *of, lfcp_client *client, unsigned server, const lfcp_message *message)
{
    lfcp_invitation about;
    uint8_t key[LFCP_KEY];
    if (!lfcp_invitation_read(message, &about) || !lfcp_invitation_key(client->config, server, message, key)) {
        return false;
    }
    const char *why = take_invitation(of, client, server, &about, key);
    of->owed[server] = (lfcp_owed_ack){message->counter, about.session, why};
    lfcp_wipe(key, sizeof key);
    return true;
}

/* The server may have no way to tell the other side, which is told directly. */
static bool over(lfcp_rendezvous *of, unsigned server, const lfcp_message *message)
{
    uint64_t session;
    lfcp_seat *seat = lfcp_read_counter(message->params[0], &session) ? seat_of(of, session, server) : NULL;
    if (seat != NULL) {
        lfcp_meeting_end(&seat->meeting);
    }
    return seat != NULL;
}

static void keep_answered(lfcp_rendezvous *of, const lfcp_client *client, const lfcp_message *message)
{
    uint64_t answers;
    if (!lfcp_read_counter(message->params[0], &answers)) {
        return;
    }
    for (unsigned at = 0; at < LFCP_SESSIONS; at++) {
        lfcp_seat *seat = &of->seats[at];
        if (seat->keep == answers && lfcp_address_read(message->params[SEEN], &seat->own.seen)) {
            seat->own.was_seen = true;
            lfcp_meeting_has_socket(&seat->meeting, &seat->own, now_of(client));
        }
    }
}

static bool take(void *context, lfcp_client *client, unsigned server, const lfcp_message *message)
{
    lfcp_rendezvous *of = context;
    if (message->verb == LFCP_VERB_ACK) {
        keep_answered(of, client, message);
        return false;
    }
    if (message->verb != LFCP_VERB_PNCH) {
        return false;
    }
    bool is_over = lfcp_same_text(message->params[1], "0");
    return is_over ? over(of, server, message) : invited(of, client, server, message);
}

void lfcp_rendezvous_start(lfcp_rendezvous *of, const lfcp_rendezvous_config *config, const lfcp_path *path)
{
    memset(of, 0, sizeof *of);
    of->module = (lfcp_module){NULL, of, 't', "", take};
    of->config = config;
    of->path = path;
}

/* Sending. A frame that could not be written is not tried again: who waits for it asks again. */

static lfcp_status acknowledge(lfcp_owed_ack *owed, lfcp_client *client, unsigned server, const lfcp_outgoing *out)
{
    lfcp_params params;
    lfcp_writer *writer = lfcp_params_begin(&params);
    lfcp_put_hex(writer, owed->answers);
    lfcp_params_next(&params);
    lfcp_put_word(writer, owed->why == NULL ? "0" : "1");
    lfcp_params_next(&params);
    lfcp_put_word(writer, owed->why == NULL ? "0" : owed->why);
    lfcp_params_next(&params);
    lfcp_put_hex(writer, owed->session);
    lfcp_params_next(&params);
    owed->answers = 0;
    return lfcp_client_encode(client, server, LFCP_VERB_ACK, params.each, 4, out);
}

static lfcp_status ask_where(lfcp_seat *seat, lfcp_client *client, uint64_t now, const lfcp_outgoing *out)
{
    const lfcp_text at_once = {"0", 1};
    seat->keeps++;
    seat->keep_at = now + KEEP_AGAIN_MS;
    lfcp_status status = lfcp_client_encode(client, seat->server, LFCP_VERB_KEEP, &at_once, 1, out);
    seat->keep = client->counter;
    return status;
}

static void open_socket(lfcp_rendezvous *of, unsigned session, uint64_t now)
{
    const lfcp_rendezvous_config *config = of->config;
    lfcp_seat *seat = &of->seats[session];
    seat->open = config->open(config->context, session);
    seat->keeps = 0;
    seat->round = seat->meeting.round;
    seat->keep_at = now;
    if (seat->open) {
        seat->own.host_count = config->hosts(config->context, session, seat->own.hosts);
    } else {
        lfcp_meeting_has_socket(&seat->meeting, NULL, now);
    }
}

/* A session's own socket, shown to the server. */
static lfcp_status see_to_socket(lfcp_rendezvous *of, unsigned session, lfcp_client *client, uint64_t now,
                                 const lfcp_outgoing *out)
{
    lfcp_seat *seat = &of->seats[session];
    if (!lfcp_meeting_wants_socket(&seat->meeting)) {
        return LFCP_OK;
    }
    if (!seat->open) {
        open_socket(of, session, now);
    }
    return seat->open && now >= seat->keep_at && seat->keeps < KEEPS ? ask_where(seat, client, now, out) : LFCP_OK;
}

/* Each round has one of its own. */
static void close_unused(lfcp_rendezvous *of, unsigned session)
{
    lfcp_seat *seat = &of->seats[session];
    bool wanted = lfcp_meeting_wants_socket(&seat->meeting) && seat->round == seat->meeting.round;
    if (seat->open && !wanted && !lfcp_meeting_uses_socket(&seat->meeting)) {
        of->config->close(of->config->context, session);
        seat->open = false;
    }
}

static lfcp_status poll_session(lfcp_rendezvous *of, unsigned session, lfcp_client *client, uint64_t now,
                                const lfcp_outgoing *out, lfcp_route *to)
{
    lfcp_seat *seat = &of->seats[session];
    lfcp_status status = see_to_socket(of, session, client, now, out);
    *to = (lfcp_route){.relayed = true, .socket = 1};
    if (status == LFCP_OK && *out->length == 0) {
        status = lfcp_meeting_poll(&seat->meeting, now, out->frame, out->length, to);
    }
    close_unused(of, session);
    to->server = seat->server;
    to->session = (uint8_t)session;
    return status;
}

lfcp_status lfcp_rendezvous_poll(lfcp_rendezvous *of, lfcp_client *client, uint64_t now_ms, uint8_t *datagram,
                                 size_t *length, lfcp_route *to)
{
    const lfcp_outgoing out = {datagram, LFCP_MEETING_ROOM, length};
    lfcp_status status = LFCP_OK;
    *length = 0;
    for (unsigned server = 0; server < LFCP_CLIENT_SERVERS; server++) {
        if (of->owed[server].answers != 0) {
            *to = (lfcp_route){.relayed = true, .server = (uint8_t)server};
            return acknowledge(&of->owed[server], client, server, &out);
        }
    }
    for (unsigned session = 0; session < LFCP_SESSIONS && status == LFCP_OK && *length == 0; session++) {
        if (of->seats[session].taken) {
            status = poll_session(of, session, client, now_ms, &out, to);
        }
    }
    *length = status == LFCP_OK ? *length : 0;
    return status;
}

static uint64_t wakeup_of(const lfcp_seat *seat)
{
    uint64_t due = lfcp_meeting_wakeup_ms(&seat->meeting);
    if (lfcp_meeting_wants_socket(&seat->meeting)) {
        uint64_t keep = seat->keeps < KEEPS ? seat->keep_at : LFCP_NEVER;
        return !seat->open ? 0 : keep < due ? keep : due;
    }
    return due;
}

uint64_t lfcp_rendezvous_wakeup_ms(const lfcp_rendezvous *of)
{
    uint64_t due = LFCP_NEVER;
    for (unsigned server = 0; server < LFCP_CLIENT_SERVERS; server++) {
        due = of->owed[server].answers != 0 ? 0 : due;
    }
    for (unsigned session = 0; session < LFCP_SESSIONS; session++) {
        const lfcp_seat *seat = &of->seats[session];
        uint64_t at = seat->taken ? wakeup_of(seat) : LFCP_NEVER;
        due = at < due ? at : due;
    }
    return due;
}

/* Sessions. */

static bool fits(const lfcp_seat *seat, unsigned session, const lfcp_route *from, uint64_t id)
{
    bool came_right = from->relayed ? seat->server == from->server : from->socket == 0 || from->session == session;
    return is_live(seat) && seat->meeting.about.session == id && came_right;
}

lfcp_status lfcp_rendezvous_receive(lfcp_rendezvous *of, lfcp_route *from, uint8_t *datagram, size_t length,
                                    uint64_t now_ms, lfcp_said *said)
{
    uint64_t id;
    if (!lfcp_tunnel_session(datagram, length, &id)) {
        return LFCP_NOT_FOR_ME;
    }
    for (unsigned session = 0; session < LFCP_SESSIONS; session++) {
        lfcp_seat *seat = &of->seats[session];
        if (fits(seat, session, from, id)) {
            from->session = (uint8_t)session;
            return lfcp_meeting_receive(&seat->meeting, from, datagram, length, now_ms, said);
        }
    }
    return LFCP_NOT_FOR_ME;
}

lfcp_status lfcp_rendezvous_send(lfcp_rendezvous *of, unsigned session, uint8_t *datagram, size_t body_length,
                                 uint64_t now_ms, size_t *length, lfcp_route *to)
{
    if (lfcp_rendezvous_session(of, session) == NULL) {
        return LFCP_INVALID;
    }
    lfcp_seat *seat = &of->seats[session];
    lfcp_status status = lfcp_meeting_send(&seat->meeting, datagram, body_length, now_ms, length, to);
    to->server = seat->server;
    to->session = (uint8_t)session;
    return status;
}

const lfcp_meeting *lfcp_rendezvous_session(const lfcp_rendezvous *of, unsigned session)
{
    return session < LFCP_SESSIONS && is_live(&of->seats[session]) ? &of->seats[session].meeting : NULL;
}

bool lfcp_rendezvous_holds_socket(const lfcp_rendezvous *of)
{
    bool holds = false;
    for (unsigned session = 0; session < LFCP_SESSIONS; session++) {
        const lfcp_seat *seat = &of->seats[session];
        holds = holds || (is_live(seat) && seat->meeting.direct_kind != 0 && seat->meeting.direct_socket == 0);
    }
    return holds;
}

void lfcp_rendezvous_end(lfcp_rendezvous *of, unsigned session)
{
    if (lfcp_rendezvous_session(of, session) != NULL) {
        lfcp_meeting_end(&of->seats[session].meeting);
    }
}
