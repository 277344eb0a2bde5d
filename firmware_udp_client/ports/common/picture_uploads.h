/* A device's pictures on their way to its servers: those that are kept, oldest first, and live ones. A connection stands
 * while there is something to send. No call waits, but for the resolver when a connection is begun. */
#ifndef PICTURE_UPLOADS_H
#define PICTURE_UPLOADS_H

#include "picture_line.h"

#define PICTURES_WAITING 4

/* What the pictures are made of. */
typedef struct picture_source {
    void *context;
    bool (*take)(void *context, uint8_t **bytes, size_t *length); /* a live one; false ends LIVE */
    void (*give_back)(void *context, uint8_t *bytes);             /* any picture that is needed no longer */
    /* An upload is over. why: the server's word, or what else was the matter; "" when it arrived. */
    void (*over)(void *context, const lfcp_upload *upload, const char *why);
} picture_source;

typedef struct waiting_picture {
    uint8_t *bytes; /* NULL: the place is free */
    uint32_t number;
    lfcp_picture picture;
    lfcp_upload uploads[LFCP_CLIENT_SERVERS];
} waiting_picture;

typedef struct picture_uploads {
    lfcp_client *client;
    const picture_source *source;
    unsigned servers;
    uint32_t live_every_ms;
    uint32_t last_number;
    waiting_picture waiting[PICTURES_WAITING];
    struct {
        picture_line line;
        waiting_picture live;
        uint64_t live_until; /* 0: LIVE is over */
        uint64_t next_live;
        lfcp_upload *under_way;
    } to[LFCP_CLIENT_SERVERS];
} picture_uploads;

/* live_every_ms: a live picture at most so often. The client and the source must live as long. */
void picture_uploads_start(picture_uploads *of, lfcp_client *client, const picture_source *source,
                           uint32_t live_every_ms);
void picture_uploads_add(picture_uploads *of, const host_port *server);

/* Closes every connection and gives back every picture. */
void picture_uploads_stop(picture_uploads *of);

#define PICTURE_FOR_ALL LFCP_CLIENT_SERVERS

/* Takes the bytes over. server: a number or PICTURE_FOR_ALL. id: of the SNAP; NULL: an own one. LFCP_NO_ROOM, or what
 * lfcp_picture_name says: then the bytes stay the caller's. */
lfcp_status picture_uploads_offer(picture_uploads *of, uint8_t *bytes, size_t length, lfcp_trigger trigger,
                                  const char *id, unsigned server);

/* Whether the picture with this id is on its way: the SNAP for it came again. */
bool picture_uploads_has(const picture_uploads *of, const char *id);

/* Live pictures to this server, from now on. */
void picture_uploads_live(picture_uploads *of, unsigned server, uint32_t seconds, uint64_t now);

/* Whether anything is to be sent, live pictures too. */
bool picture_uploads_busy(const picture_uploads *of);

/* The network is gone, or before a sleep: what was under way is offered again later. */
void picture_uploads_hang_up(picture_uploads *of, uint64_t now);

/* Call it often, and after poll(). */
void picture_uploads_work(picture_uploads *of, uint64_t now);

/* The next line from a server; it is for lfcp_client_receive. False: none. */
bool picture_uploads_receive(picture_uploads *of, unsigned *server, uint8_t *frame, size_t size, size_t *length,
                             uint64_t now);

/* What lfcp_client_receive told of such a line. */
void picture_uploads_answered(picture_uploads *of, unsigned server, const lfcp_answer *answer, uint64_t now);

/* When there is something to do; UINT64_MAX: not before a call, or what poll() tells. */
uint64_t picture_uploads_wakeup_ms(const picture_uploads *of);

/* What to wait for: LFCP_CLIENT_SERVERS entries at most. Gives their number. */
unsigned picture_uploads_watch(const picture_uploads *of, struct pollfd *watched);

#endif
