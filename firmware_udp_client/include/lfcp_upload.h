/* Pictures on their way to a server, over TCP: docs/protocol.md, "Pictures". A picture stays the caller's memory; an
 * lfcp_upload is the state of one picture towards one server. As the client it has no I/O, clock or allocation.
 *
 *     lfcp_picture_name(&picture, &client, jpeg, length, LFCP_TRIGGER_ALARM, NULL);
 *     lfcp_upload_begin(&upload, &picture, server);
 *     loop: lfcp_upload_poll(&upload, &client, now(), line, sizeof line, &length), and if there is one, send line and then
 *           upload.picture->bytes from upload.offset on, on a TCP connection to that server;
 *           for each line that comes back: lfcp_client_receive(…, &event), and if it is LFCP_EVENT_PICTURE_ANSWERED
 *               lfcp_upload_answered(&upload, &client, &event.answer, now());
 *           when the connection ends, or no byte came or went for LFCP_UPLOAD_ANSWER_MS: close it and
 *               lfcp_upload_broke(&upload, &client, now());
 *
 * One picture is under way to a server at a time. Times are the caller's clock, as in lfcp_client.h. What has not arrived
 * at a deep sleep is lost. */
#ifndef LFCP_UPLOAD_H
#define LFCP_UPLOAD_H

#include "lfcp_client.h"

#define LFCP_UPLOAD_MAX_LINE 158 /* bytes of the longest line with its LF; tests compute it */

typedef enum lfcp_trigger {
#define LFCP_TRIGGER_OF(name, word) LFCP_TRIGGER_##name,
    LFCP_TRIGGERS(LFCP_TRIGGER_OF)
#undef LFCP_TRIGGER_OF
    LFCP_TRIGGER_COUNT
} lfcp_trigger;

/* The same for every server that gets it. It must not move or change while an upload of it is not over. */
typedef struct lfcp_picture {
    const uint8_t *bytes;
    uint32_t length;
    lfcp_trigger trigger;
    char id[LFCP_UPLOAD_ID + 1];
    char digest[LFCP_PICTURE_DIGEST + 1];
} lfcp_picture;

typedef enum lfcp_upload_state {
    LFCP_UPLOAD_IDLE,      /* it was never begun */
    LFCP_UPLOAD_WAITS,     /* lfcp_upload_poll has a line at lfcp_upload_wakeup_ms */
    LFCP_UPLOAD_UNDER_WAY, /* its answer comes next, or the end of the connection */
    LFCP_UPLOAD_ARRIVED,   /* over: the server has it; of a live one: it was shown */
    LFCP_UPLOAD_REFUSED,   /* over: the server does not want it; of live ones: no more of them */
    LFCP_UPLOAD_GIVEN_UP   /* over: tried often enough; of a live one: once */
} lfcp_upload_state;

typedef struct lfcp_upload {
    const lfcp_picture *picture;
    uint64_t due;
    uint32_t offset; /* of the first byte behind the line; the picture's length: none, the server is asked */
    uint32_t most;   /* that the server had */
    uint8_t server;
    uint8_t state; /* an lfcp_upload_state */
    uint8_t tries; /* in a row, after which the server had nothing more */
} lfcp_upload;

/* Gives the picture its id and digest. length: 1 to LFCP_MAX_PICTURE. id: p1 of the SNAP that asked for it; NULL: an own
 * one. LFCP_INVALID for a length, trigger or id that is none, or a client without crypto; LFCP_CRYPTO_FAILED. */
lfcp_status lfcp_picture_name(lfcp_picture *picture, lfcp_client *client, const uint8_t *bytes, size_t length,
                              lfcp_trigger trigger, const char *id);

/* A live picture is sent at once and once; every other one is offered first, and again until it is over. */
void lfcp_upload_begin(lfcp_upload *upload, const lfcp_picture *picture, unsigned server);

/* The line that announces what is to be sent now, with its LF; *length 0: nothing. size: at least LFCP_UPLOAD_MAX_LINE,
 * else LFCP_NO_SPACE. LFCP_STORAGE_FAILED, LFCP_CRYPTO_FAILED: nothing is sent, and nothing tried again before
 * HEARTBEAT_AGAIN_MS have passed. */
lfcp_status lfcp_upload_poll(lfcp_upload *upload, lfcp_client *client, uint64_t now_ms, uint8_t *line, size_t size,
                             size_t *length);

/* When lfcp_upload_poll has something to do; UINT64_MAX: not before another call. */
uint64_t lfcp_upload_wakeup_ms(const lfcp_upload *upload);

/* False, and nothing changes, if it is not this upload that was answered. */
bool lfcp_upload_answered(lfcp_upload *upload, lfcp_client *client, const lfcp_answer *answer, uint64_t now_ms);

/* The connection ended, or was closed for want of an answer. */
void lfcp_upload_broke(lfcp_upload *upload, lfcp_client *client, uint64_t now_ms);

/* Whether it was begun and is not over. */
bool lfcp_upload_is_open(const lfcp_upload *upload);

#endif
