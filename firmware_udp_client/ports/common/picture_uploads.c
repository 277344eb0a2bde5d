#include "picture_uploads.h"

#include <string.h>

#include "bounded_text.h"

#define LIVE_AGAIN_MS 1000 /* after a live picture that did not arrive */
#define WHY_SIZE 24        /* a reason has at most 16 characters */

void picture_uploads_start(picture_uploads *of, lfcp_client *client, const picture_source *source,
                           uint32_t live_every_ms)
{
    memset(of, 0, sizeof *of);
    of->client = client;
    of->source = source;
    of->live_every_ms = live_every_ms;
}

void picture_uploads_add(picture_uploads *of, const host_port *server)
{
    picture_line_start(&of->to[of->servers++].line, server);
}

static void give_back(const picture_uploads *of, waiting_picture *picture)
{
    if (picture->bytes != NULL) {
        of->source->give_back(of->source->context, picture->bytes);
    }
    *picture = (waiting_picture){.bytes = NULL};
}

void picture_uploads_stop(picture_uploads *of)
{
    for (unsigned server = 0; server < of->servers; server++) {
        picture_line_close(&of->to[server].line);
        give_back(of, &of->to[server].live);
    }
    for (size_t at = 0; at < PICTURES_WAITING; at++) {
        give_back(of, &of->waiting[at]);
    }
}

static waiting_picture *free_place(picture_uploads *of)
{
    for (size_t at = 0; at < PICTURES_WAITING; at++) {
        if (of->waiting[at].bytes == NULL) {
            return &of->waiting[at];
        }
    }
    return NULL;
}

lfcp_status picture_uploads_offer(picture_uploads *of, uint8_t *bytes, size_t length, lfcp_trigger trigger,
                                  const char *id, unsigned server)
{
    waiting_picture *place = free_place(of);
    if (place == NULL) {
        return LFCP_NO_ROOM;
    }
    const lfcp_status status = lfcp_picture_name(&place->picture, of->client, bytes, length, trigger, id);
    if (status != LFCP_OK) {
        return status;
    }
    place->bytes = bytes;
    place->number = ++of->last_number;
    for (unsigned to = 0; to < of->servers; to++) {
        if (server == PICTURE_FOR_ALL || server == to) {
            lfcp_upload_begin(&place->uploads[to], &place->picture, to);
        }
    }
    return LFCP_OK;
}

bool picture_uploads_has(const picture_uploads *of, const char *id)
{
    for (size_t at = 0; at < PICTURES_WAITING; at++) {
        if (of->waiting[at].bytes != NULL && strcmp(of->waiting[at].picture.id, id) == 0) {
            return true;
        }
    }
    return false;
}

void picture_uploads_live(picture_uploads *of, unsigned server, uint32_t seconds, uint64_t now)
{
    of->to[server].live_until = now + (uint64_t)seconds * 1000;
}

/* The place of the oldest that is open, due or not: one picture at a time, in order. PICTURES_WAITING: none. */
static size_t next_kept(const picture_uploads *of, unsigned server)
{
    size_t oldest = PICTURES_WAITING;
    for (size_t at = 0; at < PICTURES_WAITING; at++) {
        const waiting_picture *each = &of->waiting[at];
        if (lfcp_upload_is_open(&each->uploads[server]) &&
            (oldest == PICTURES_WAITING || each->number < of->waiting[oldest].number)) {
            oldest = at;
        }
    }
    return oldest;
}

/* When the next of those may be announced; UINT64_MAX: there is none, or it is under way. */
static uint64_t kept_due_at(const picture_uploads *of, unsigned server)
{
    const size_t kept = next_kept(of, server);
    return kept == PICTURES_WAITING ? UINT64_MAX : lfcp_upload_wakeup_ms(&of->waiting[kept].uploads[server]);
}

static uint64_t due_at(const picture_uploads *of, unsigned server)
{
    const uint64_t due = kept_due_at(of, server);
    const bool is_live = of->to[server].live_until != 0 && of->to[server].next_live < due;
    return is_live ? of->to[server].next_live : due;
}

static bool is_wanted(const picture_uploads *of, unsigned server)
{
    return of->to[server].live_until != 0 || next_kept(of, server) != PICTURES_WAITING;
}

bool picture_uploads_busy(const picture_uploads *of)
{
    bool busy = false;
    for (unsigned server = 0; server < of->servers; server++) {
        busy = busy || is_wanted(of, server);
    }
    return busy;
}

static bool is_waited_for(const waiting_picture *picture)
{
    bool open = false;
    for (unsigned server = 0; server < LFCP_CLIENT_SERVERS; server++) {
        open = open || lfcp_upload_is_open(&picture->uploads[server]);
    }
    return open;
}

/* What became of an upload that was under way: it may be tried again, or it is over. */
static void settle(picture_uploads *of, unsigned server, const lfcp_upload *upload, const char *why)
{
    of->to[server].under_way = NULL;
    if (lfcp_upload_is_open(upload)) {
        return;
    }
    if (upload->picture->trigger == LFCP_TRIGGER_LIVE) {
        of->to[server].live_until = upload->state == LFCP_UPLOAD_REFUSED ? 0 : of->to[server].live_until;
        of->to[server].next_live += upload->state == LFCP_UPLOAD_GIVEN_UP ? LIVE_AGAIN_MS : 0;
    }
    of->source->over(of->source->context, upload, why);
    give_back(of, &of->to[server].live);
    for (size_t at = 0; at < PICTURES_WAITING; at++) {
        if (!is_waited_for(&of->waiting[at])) {
            give_back(of, &of->waiting[at]);
        }
    }
}

void picture_uploads_answered(picture_uploads *of, unsigned server, const lfcp_answer *answer, uint64_t now)
{
    lfcp_upload *upload = of->to[server].under_way;
    char why[WHY_SIZE];
    if (upload == NULL || !lfcp_upload_answered(upload, of->client, answer, now)) {
        return;
    }
    const bool arrived = answer->result == LFCP_UPLOAD_STORED;
    text_copy(why, sizeof why, answer->reason.at, arrived ? 0 : answer->reason.length);
    if (picture_line_is_sending(&of->to[server].line)) {
        picture_line_close(&of->to[server].line); /* the rest of a picture must not be read as a line */
    }
    settle(of, server, upload, why);
}

static void connection_broke(picture_uploads *of, unsigned server, uint64_t now)
{
    lfcp_upload *upload = of->to[server].under_way;
    if (upload != NULL) {
        lfcp_upload_broke(upload, of->client, now);
        settle(of, server, upload, "no answer");
    }
}

/* A live picture of this moment, or NULL if there is none: then LIVE is over. */
static lfcp_upload *take_live(picture_uploads *of, unsigned server, uint64_t now)
{
    waiting_picture *live = &of->to[server].live;
    uint8_t *bytes = NULL;
    size_t length = 0;
    give_back(of, live); /* of a line that could not be made */
    if (!of->source->take(of->source->context, &bytes, &length)) {
        of->to[server].live_until = 0;
        return NULL;
    }
    live->bytes = bytes;
    if (lfcp_picture_name(&live->picture, of->client, bytes, length, LFCP_TRIGGER_LIVE, NULL) != LFCP_OK) {
        give_back(of, live);
        of->to[server].live_until = 0;
        return NULL;
    }
    lfcp_upload_begin(&live->uploads[server], &live->picture, server);
    of->to[server].next_live = now + of->live_every_ms;
    return &live->uploads[server];
}

static void announce(picture_uploads *of, unsigned server, uint64_t now)
{
    picture_line *line = &of->to[server].line;
    const bool is_kept = now >= kept_due_at(of, server);
    lfcp_upload *upload =
        is_kept ? &of->waiting[next_kept(of, server)].uploads[server] : take_live(of, server, now);
    if (upload == NULL || lfcp_upload_poll(upload, of->client, now, line->line, sizeof line->line,
                                           &line->line_length) != LFCP_OK) {
        return; /* a line that cannot be made is tried again when that is due */
    }
    of->to[server].under_way = upload;
    picture_line_send(line, upload->picture->bytes + upload->offset, upload->picture->length - upload->offset, now);
}

static void work_with(picture_uploads *of, unsigned server, uint64_t now)
{
    picture_line *line = &of->to[server].line;
    if (now >= of->to[server].live_until) {
        of->to[server].live_until = 0;
    }
    if (of->to[server].under_way == NULL && !is_wanted(of, server)) {
        picture_line_close(line);
        return;
    }
    if (now >= due_at(of, server)) {
        picture_line_open(line, now);
    }
    if (line->connected && of->to[server].under_way == NULL && now >= due_at(of, server)) {
        announce(of, server, now);
    }
    if (!picture_line_work(line, of->to[server].under_way != NULL, now)) {
        connection_broke(of, server, now);
    }
}

void picture_uploads_hang_up(picture_uploads *of, uint64_t now)
{
    for (unsigned server = 0; server < of->servers; server++) {
        picture_line_close(&of->to[server].line);
        connection_broke(of, server, now);
    }
}

void picture_uploads_work(picture_uploads *of, uint64_t now)
{
    for (unsigned server = 0; server < of->servers; server++) {
        work_with(of, server, now);
    }
}

bool picture_uploads_receive(picture_uploads *of, unsigned *server, uint8_t *frame, size_t size, size_t *length,
                             uint64_t now)
{
    for (*server = 0; *server < of->servers; (*server)++) {
        picture_line *line = &of->to[*server].line;
        const bool was_open = line->descriptor >= 0;
        if (picture_line_receive(line, frame, size, length, now)) {
            return true;
        }
        if (was_open && line->descriptor < 0) {
            connection_broke(of, *server, now);
        }
    }
    return false;
}

static uint64_t wakeup_of(const picture_uploads *of, unsigned server)
{
    const picture_line *line = &of->to[server].line;
    if (of->to[server].under_way != NULL || (line->descriptor >= 0 && !line->connected)) {
        return line->give_up_at;
    }
    const uint64_t due = due_at(of, server);
    return line->descriptor < 0 && due < line->not_before ? line->not_before : due;
}

uint64_t picture_uploads_wakeup_ms(const picture_uploads *of)
{
    uint64_t at = UINT64_MAX;
    for (unsigned server = 0; server < of->servers; server++) {
        const uint64_t of_this = is_wanted(of, server) ? wakeup_of(of, server) : UINT64_MAX;
        at = of_this < at ? of_this : at;
    }
    return at;
}

unsigned picture_uploads_watch(const picture_uploads *of, struct pollfd *watched)
{
    for (unsigned server = 0; server < of->servers; server++) {
        watched[server] = picture_line_watch(&of->to[server].line);
    }
    return of->servers;
}
