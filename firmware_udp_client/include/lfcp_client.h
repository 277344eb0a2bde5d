/* A device's side of LFCP as a state machine: bytes and times in, bytes and calls of handlers out. No allocation, no
 * sockets, no clock, no global state. docs/protocol.md says what it does; with a key it speaks LFCP/2, without LFCP/1.
 *
 *     lfcp_client_start(&client, &config, boot_id, now());
 *     loop: while (lfcp_client_poll(&client, now(), frame, sizeof frame, &length, &server) == LFCP_OK && length)
 *               send frame to that server;
 *           wait for a datagram, or until lfcp_client_next_wakeup_ms();
 *           for a datagram: lfcp_client_receive(&client, server, datagram, length, now(), &event);
 *           if (lfcp_client_detector_on(&client) and lfcp_motion_frame() saw something)
 *               lfcp_client_queue(&client, LFCP_VERB_MOAL, "camera", now());
 *
 * Times are milliseconds of a 64-bit monotonic clock that begins anywhere (esp_timer_get_time() / 1000, CLOCK_BOOTTIME).
 * 64 bits do not wrap; a clock that is set back counts as standing still.
 *
 * The client is plain memory: it may lie in memory that survives deep sleep, or be copied while no call is under way.
 * One thread at a time. Handlers may call lfcp_client_queue, _sleep, _command_done and _command_failed, nothing else. */
#ifndef LFCP_CLIENT_H
#define LFCP_CLIENT_H

#include "lfcp_codec.h"
#include "lfcp_signing.h"

#define LFCP_CLIENT_SERVERS 2     /* servers that a device knows at most */
#define LFCP_CLIENT_EVENTS 16     /* messages that wait at most */
#define LFCP_CLIENT_COPIES 6      /* last copies of messages, and of SLEP, whose ACK a server may still send */
#define LFCP_CLIENT_MAX_FRAME 208 /* bytes of the longest frame that a device sends; tests compute it */
#define LFCP_CLIENT_MAX_SLEEP 86400 /* s */

enum {
#define LFCP_SETTING_OF(name, least, greatest) LFCP_SETTING_##name,
    LFCP_SETTINGS(LFCP_SETTING_OF)
#undef LFCP_SETTING_OF
    LFCP_SETTING_COUNT
};

typedef struct lfcp_client lfcp_client;

/* Memory that survives a restart: a few named records. The longest key has LFCP_SETTING_NAME characters, the longest
 * record 16 * 9 bytes. A write is done when it returns: what follows relies on it. */
typedef struct lfcp_storage {
    void *context;

    /* 0: data has the record, which had exactly `size` bytes. 1: there is none (or one of another size). Else: failed,
     * which keeps lfcp_client_start from starting, because counters might be used twice. */
    int (*read)(void *context, const char *key, uint8_t *data, size_t size);

    /* 0: written. Else failed, and the old record is still there, or a part of neither. */
    int (*write)(void *context, const char *key, const uint8_t *data, size_t size);
} lfcp_storage;

/* What a handler is to do. Good until it returns. */
typedef struct lfcp_command {
    lfcp_verb verb;
    unsigned server; /* the one that asked */
    const char *p1;  /* opened if they were sealed; unused is "0" */
    const char *p2;
} lfcp_command;

/* Carries a command out, and calls lfcp_client_command_done or lfcp_client_command_failed before it returns or later;
 * until then further commands wait at their server. That of RST and DSLP calls neither: it is called after the ACK was
 * handed out, by the next lfcp_client_poll.
 *
 * ENAL, DSAL, WCAM, SCAM and CONF are carried out by the client itself. Their handler, which may be NULL, is told of
 * it: it applies a setting, or turns the camera off. It calls neither; what it can not do it tells with a LOG. */
typedef void lfcp_handler(void *context, lfcp_client *client, const lfcp_command *command);

/* What the device can do. A command without an entry fails at the server with an ERR. Those of CONF, SNAP and LIVE are
 * announced in the heartbeats: a device without a camera has none for the last two. The handler of SNAP gets the id of
 * the upload as p1, that of LIVE the seconds, 1 to LFCP_MAX_LIVE; see lfcp_upload.h. */
typedef struct lfcp_command_entry {
    lfcp_verb verb;
    lfcp_handler *handler;
    void *context;
} lfcp_command_entry;

/* Failover alarm mode, if configured: docs/protocol.md, "A device's failover alarm mode". */
typedef struct lfcp_failover_config {
    bool configured;
    void *context;
    bool (*internet_reachable)(void *context); /* asked at each poll while no server answers */
    void (*tell_directly)(void *context, const char *text); /* a motion, past the servers: notice and picture */
} lfcp_failover_config;

/* What a module adds to a client of LFCP/2 that the client does without where nobody names it: lfcp_path.h for example.
 * Each lies in its own module's state, which writes it. What a module sends is handed out by its own poll. */
typedef struct lfcp_module {
    const struct lfcp_module *next; /* NULL: the last one */
    void *context;
    char flag;           /* of the report: what the device knows by it */
    const char *mapping; /* what the report ends with, ended by NUL; of all modules but one "" */

    /* Shown each ACK, and each frame that the client itself has no use for, of a server whose tag is right and whose
     * counter is new. False: it is not the module's. May call what handlers may. */
    bool (*take)(void *context, lfcp_client *client, unsigned server, const lfcp_message *message);
} lfcp_module;

typedef struct lfcp_config {
    const char *name;         /* the device's, ended by NUL */
    const uint8_t *key;       /* LFCP_KEY bytes; NULL: LFCP/1 */
    unsigned servers;         /* 1 to LFCP_CLIENT_SERVERS, addressed as 0, 1 */
    char labels[LFCP_CLIENT_SERVERS]; /* theirs, 'A' to 'Z', all different; unused in LFCP/1 */
    uint32_t interval_s;      /* between heartbeats, until a server allows less; 1 to LFCP_MAX_REPORT_INTERVAL; 0: as
                                 LFCP_HEARTBEAT_INTERVAL_MS says until lfcp_path.h has learned one */
    bool plain_heartbeats;    /* LFCP/1: without a report, for servers that refuse one */
    bool detector_on;         /* at the start, until a server says what is wanted */
    bool camera_on;
    const lfcp_command_entry *commands;
    size_t command_count;
    lfcp_failover_config failover;
    const lfcp_module *modules; /* the first; NULL: none. Nothing in LFCP/1 */
    const lfcp_crypto *crypto; /* may be NULL in LFCP/1 */
    lfcp_storage storage;
    uint32_t (*random)(void *context); /* 32 random bits; spreads heartbeats and repetitions, nothing secret */
    void *random_context;
} lfcp_config;

typedef enum lfcp_event_kind {
    LFCP_EVENT_NONE,              /* a frame that changed nothing the caller need know of */
    LFCP_EVENT_HEARTBEAT_ANSWERED, /* or SLEP: number */
    LFCP_EVENT_MESSAGE_STORED,    /* this server has it: verb, number */
    LFCP_EVENT_COMMAND,           /* its handler was called, or will be after the ACK: verb */
    LFCP_EVENT_COMMAND_REFUSED,   /* it cannot be done, an ERR says why: verb */
    LFCP_EVENT_COMMAND_REPEATED,  /* it was done before, or runs: verb */
    LFCP_EVENT_SYNCED,            /* the counter goes on above what the server had seen */
    LFCP_EVENT_PICTURE_ANSWERED   /* a FRAM: answer; see lfcp_upload.h */
} lfcp_event_kind;

/* The ACK of a FRAM. Its texts are in the frame that was received. */
typedef struct lfcp_answer {
    lfcp_text upload; /* the id */
    uint32_t offset;  /* with LFCP_UPLOAD_GO_ON: what the server has, bytes */
    lfcp_text reason; /* with LFCP_UPLOAD_LATER and LFCP_UPLOAD_NEVER */
    uint8_t result;   /* LFCP_UPLOAD_STORED to LFCP_UPLOAD_NEVER */
} lfcp_answer;

/* What a frame was good for; for logs and tests, but for the answer. */
typedef struct lfcp_event {
    lfcp_event_kind kind;
    lfcp_verb verb;
    uint32_t number; /* of the message, from 1 in the order of lfcp_client_queue; of a heartbeat's answer, the longest
                        interval that the server allows, s, or 0 */
    lfcp_answer answer; /* of LFCP_EVENT_PICTURE_ANSWERED alone */
} lfcp_event;

/* From here to lfcp_client_start everything is the client's own: read nothing, write nothing. */

typedef struct lfcp_queued {
    char text[LFCP_SEND_MAX_FIELD]; /* padded with NUL */
    uint8_t verb;
    uint8_t waiting; /* a bit a server: has not acknowledged it; 0: the place is free */
    uint32_t number;
    uint32_t happened_s;
    uint16_t happened_ms;
    uint8_t tired; /* a bit a server: not tried again before that one is heard */
    char command_label; /* 0: it is no command's failure */
} lfcp_queued;

typedef struct lfcp_event_queue {
    lfcp_queued places[LFCP_CLIENT_EVENTS];
    uint64_t commands[LFCP_CLIENT_EVENTS]; /* numbers of the ids of the commands that failed */
    uint32_t last_number;
    uint32_t displaced;
} lfcp_event_queue;

typedef struct lfcp_command_memory {
    uint64_t numbers[LFCP_COMMAND_MEMORY]; /* of their ids */
    char labels[LFCP_COMMAND_MEMORY];      /* 0: the place is free */
    uint16_t failed;                       /* a bit a place */
    uint16_t lasting;                      /* a bit a place: kept beyond a restart */
    uint8_t next;                          /* the oldest, which gives way */
} lfcp_command_memory;

typedef struct lfcp_client_server {
    uint8_t tag_up[LFCP_KEY];
    uint8_t tag_down[LFCP_KEY];
    lfcp_window window;
    uint64_t next_beat; /* the next regular heartbeat */
    uint64_t beat_again;
    uint64_t last_beat;
    uint64_t resend_at; /* of the message in flight, or when the next one may go */
    uint64_t sent_at;
    uint64_t ack_answers; /* counter of the frame whose ACK is owed */
    uint64_t picture; /* counter of the FRAM that is under way; 0: none */
    uint32_t allowed_s; /* the longest interval */
    uint32_t copies[LFCP_CLIENT_COPIES]; /* counters of sent copies, the lower half */
    uint8_t copy_places[LFCP_CLIENT_COPIES];
    uint8_t copy_next;
    uint8_t in_flight; /* its place in the queue */
    uint8_t sends;
    uint8_t agains; /* repetitions of the last heartbeat for want of an answer */
    uint8_t misses; /* regular heartbeats in a row without an answer */
    uint8_t ack_place; /* of the command in the memory */
    bool ack_owed;
    bool opened; /* the window is */
    bool unanswered;
    bool beat_wanted; /* at once */
    bool asked; /* the server's wish for one more was met, until the next regular one */
    bool names_heartbeats; /* LFCP/1: its ACKs of heartbeats can be told apart */
} lfcp_client_server;

struct lfcp_client {
    const lfcp_config *config;
    uint64_t boot_id;
    uint64_t now;    /* the client's own clock, ms since its start with all sleep */
    uint64_t offset; /* from the caller's clock to it */
    uint64_t retry_at; /* after a poll that failed */
    uint64_t counter;  /* the last one used */
    uint64_t reserved; /* the last one that may be used */
    uint64_t counter_at_start;
    uint64_t wanted_version;
    uint64_t running_answers; /* counter of the frame that brought the command which is being carried out */
    lfcp_client_server servers[LFCP_CLIENT_SERVERS];
    lfcp_event_queue queue;
    lfcp_command_memory memory;
    int32_t settings[LFCP_SETTING_COUNT]; /* INT32_MIN: not given */
    uint32_t interval_s; /* the device's own: configured or learned */
    uint32_t sleep_s;
    uint32_t pictures; /* ids of its own that were given to pictures */
    uint8_t running; /* place in the command memory of what is being carried out */
    uint8_t running_server;
    uint8_t obey; /* RST or DSLP, once its ACK was handed out; 0: neither */
    bool detector_wanted;
    bool camera_wanted;
    bool in_failover;
};

/* Every function below answers LFCP_OK or what kept it from doing its work; then nothing has changed but the clock. */

/* Reads what storage keeps and derives the sub-keys. The configuration and all it points to must live as long as the
 * client. boot_id: 64 random bits. LFCP_INVALID for a configuration that is none, LFCP_BAD_NAME, LFCP_STORAGE_FAILED,
 * LFCP_CRYPTO_FAILED. */
lfcp_status lfcp_client_start(lfcp_client *client, const lfcp_config *config, uint64_t boot_id, uint64_t now_ms);

/* Instead of lfcp_client_start after a deep sleep that kept the client's memory: no start, the boot id stays, what was
 * queued goes on. The clock may have begun anew; slept_ms is how long it did not run for this client. */
lfcp_status lfcp_client_woke(lfcp_client *client, const lfcp_config *config, uint64_t now_ms, uint64_t slept_ms);

/* The next frame to send, and to which server. *length is 0 when there is none. Call it until then. `size` is at least
 * LFCP_CLIENT_MAX_FRAME, else LFCP_NO_SPACE. LFCP_STORAGE_FAILED: no counter could be reserved; nothing is sent, and
 * nothing tried before HEARTBEAT_AGAIN_MS have passed. */
lfcp_status lfcp_client_poll(lfcp_client *client, uint64_t now_ms, uint8_t *frame, size_t size, size_t *length,
                             unsigned *server);

/* When lfcp_client_poll has something to do next, on the caller's clock; a time in the past: now. UINT64_MAX: not before
 * another call, once a sleep was declared to all. */
lfcp_status lfcp_client_next_wakeup_ms(const lfcp_client *client, uint64_t *wakeup_ms);

/* A datagram, or a TCP line, that came from this server. LFCP_OK if it was taken, else why it was refused: the reasons
 * of the codec, LFCP_NOT_SIGNED, LFCP_REPLAYED, LFCP_NOT_FOR_ME, LFCP_BAD_PARAMETER (the tag is right, a parameter is
 * not). */
lfcp_status lfcp_client_receive(lfcp_client *client, unsigned server, const uint8_t *frame, size_t length,
                                uint64_t now_ms, lfcp_event *event);

/* Tells every server, with LOG, ERR or MOAL. The text is made fit for a frame. LFCP_NO_ROOM: the queue is full of what
 * matters as much. A MOAL in failover alarm mode is told directly too, even without room. */
lfcp_status lfcp_client_queue(lfcp_client *client, lfcp_verb verb, const char *text, uint64_t now_ms);

/* The command that its handler was called for is done, or failed: its ACK goes out, and for the latter an ERR with the
 * text. LFCP_INVALID if none is running. LFCP_NO_ROOM: no room for the ERR; the ACK goes all the same. */
lfcp_status lfcp_client_command_done(lfcp_client *client);
lfcp_status lfcp_client_command_failed(lfcp_client *client, const char *text, uint64_t now_ms);

/* Declares a sleep to every server: SLEP instead of heartbeats from now on, until lfcp_client_woke. 0: it is called
 * off. Poll until lfcp_client_may_sleep. */
lfcp_status lfcp_client_sleep(lfcp_client *client, uint32_t seconds, uint64_t now_ms);

/* Every server knows of the declared sleep, or was told often enough, and no message is on its way. */
bool lfcp_client_may_sleep(const lfcp_client *client);

/* What the device should be doing now: as wanted by the servers, or by failover alarm mode. */
bool lfcp_client_detector_on(const lfcp_client *client);
bool lfcp_client_camera_on(const lfcp_client *client);
bool lfcp_client_in_failover(const lfcp_client *client);

/* The value that CONF gave this setting (LFCP_SETTING_framesize for example). False: none was given. */
bool lfcp_client_setting(const lfcp_client *client, unsigned setting, int32_t *value);

/* The setting's name, or NULL beyond the table. */
const char *lfcp_setting_name(unsigned setting);

#endif
