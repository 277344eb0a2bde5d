/* lfcp-device: the client, and what it has to do with. */
#ifndef DEVICE_H
#define DEVICE_H

#include "console.h"
#include "lfcp_client.h"
#include "lfcp_path.h"
#include "network.h"
#include "options.h"
#include "picture_program.h"
#include "picture_uploads.h"
#include "pictures.h"
#include "reachability.h"
#include "session_sockets.h"
#include "state_directory.h"

typedef enum device_end { DEVICE_RUNS, DEVICE_QUIT, DEVICE_RESTART, DEVICE_FAILED } device_end;

/* Why the picture program runs. */
typedef enum picture_use { PICTURE_FOR_COMMAND, PICTURE_FOR_MOTION, PICTURE_AT_INTERVAL } picture_use;

/* What the journal said of a session. */
typedef struct said_session {
    uint64_t id; /* 0: nothing */
    char kind;   /* of the path; 0: the relay */
    lfcp_address at;
} said_session;

typedef struct device {
    const options *settings;
    state_directory state;
    network net;
    console *orders;
    pictures camera;
    picture_program program;
    picture_use use;
    picture_secrets secrets;
    reachability internet;
    picture_source source;
    picture_uploads uploads;
    lfcp_config config;
    lfcp_client client;
    lfcp_path path;
    lfcp_rendezvous rendezvous;
    lfcp_rendezvous_config rendezvous_config;
    session_sockets sessions;
    said_session said[LFCP_SESSIONS];
    bool lets_in; /* whom its servers let in */
    unsigned direct_session; /* which the last direct command came from … */
    uint64_t direct_id;      /* … and its id */
    bool has_path; /* LFCP/2 over UDP */
    uint64_t look_at; /* when to look at the network next */
    char mapping;     /* as the journal said last, as are the next two */
    uint32_t life, interval_s;
    uint64_t now; /* ms of CLOCK_BOOTTIME, of this turn */
    uint64_t sleep_until; /* 0: awake */
    uint32_t sleep_s;     /* what is declared; 0: none */
    uint64_t next_picture;
    char motion_told_next[LFCP_SEND_MAX_FIELD + 1]; /* "": none waits for the program */
    bool interval_failed;
    bool detector, camera_on, failover; /* as the journal said last */
    device_end end;
} device;

/* A start, also after RST: with nothing but what the state directory kept. key NULL: LFCP/1. DEVICE_QUIT, DEVICE_RESTART,
 * or DEVICE_FAILED after a message on stderr. */
device_end device_run(const options *settings, const uint8_t *key, console *orders);

/* What the commands do: the table for the client. Those of a camera come last. */
extern const lfcp_command_entry device_commands[];
extern const size_t device_command_count;
#define DEVICE_CAMERA_COMMANDS 2

/* Of commands.c: false after a message on stderr. */
bool device_secrets_read(device *of);

/* Declares a sleep; false if the seconds are none. */
bool device_sleep(device *of, uint32_t seconds);

void device_obey(device *of, const console_order *order);
void device_send_all(device *of);
void device_receive_all(device *of);

/* The detector, the camera and failover alarm mode, where they are not what was said last. */
void device_say_changes(device *of);

/* Of device_path.c: before the client starts, before frames are sent, what is to be sent beside the client's, news, and
 * when there is something to do next. */
void device_path_start(device *of);
void device_path_work(device *of);
void device_path_send(device *of);
void device_path_say(device *of);
uint64_t device_path_wakeup(const device *of);

/* The main socket is a new one. False after a message on stderr. */
bool device_path_open(device *of);

/* Of device_sessions.c: before the client starts, what is to be sent, a frame that came to a session's own socket,
 * news, descriptors to wait for, and when there is something to do next. */
#define DEVICE_SESSIONS_WATCHED (2 * LFCP_SESSIONS)
void device_sessions_start(device *of);
void device_sessions_send(device *of);
bool device_sessions_receive(device *of, unsigned *server, uint8_t *frame, size_t size, size_t *length);
void device_sessions_say(device *of);
nfds_t device_sessions_watch(const device *of, struct pollfd *watched);
uint64_t device_sessions_wakeup(const device *of);

/* Ends all of them while there is a network. */
void device_sessions_stop(device *of);

/* A command is done (NULL) or has failed. True: a session asked for it, and is answered. */
bool device_direct_ended(device *of, const char *problem);

/* Takes a picture and has it sent; it ends later. NULL, or why not. */
const char *device_picture_start(device *of, picture_use use, const char *text);

/* One for a command has been sent (NULL), or not. */
void device_picture_command_ended(device *of, const char *problem);

/* A motion in failover alarm mode; it waits if a picture is on its way. */
void device_picture_for_motion(device *of, const char *text);

/* Of device_uploads.c. */
void device_uploads_start(device *of);

/* Takes a picture for the servers. server, id: as picture_uploads_offer() says. NULL, or why not. */
const char *device_upload(device *of, lfcp_trigger trigger, const char *id, unsigned server);

/* One of its own, for all, if there is a camera. */
void device_upload_own(device *of, lfcp_trigger trigger);

/* Automatic pictures, and what has ended. When there is something to do next: */
void device_pictures_work(device *of);
uint64_t device_pictures_wakeup(const device *of);

#endif
