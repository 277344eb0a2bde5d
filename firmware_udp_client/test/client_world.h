/* A client with everything around it, for tests: servers that sign, memory that survives, a clock that is set. */
#ifndef CLIENT_WORLD_H
#define CLIENT_WORLD_H

#include "lfcp_client.h"

#define WORLD_SENT 256
#define WORLD_RECORDS 24
#define WORLD_RECORD 160
#define WORLD_COMMANDS 12

typedef struct sent_frame {
    unsigned server;
    uint64_t at; /* ms */
    uint8_t frame[LFCP_SIGNED_MAX_FRAME];
    size_t length;
    lfcp_message message;
} sent_frame;

typedef struct record {
    char key[LFCP_SETTING_NAME + 1];
    uint8_t data[WORLD_RECORD];
    size_t size;
} record;

typedef struct carried_out {
    lfcp_verb verb;
    unsigned server;
    char p1[LFCP_SIGNED_MAX_FIELD + 1];
    char p2[LFCP_SIGNED_MAX_FIELD + 1];
    size_t sent_before; /* frames that were handed out before the handler was called */
} carried_out;

typedef struct world {
    lfcp_client client;
    lfcp_config config;
    lfcp_command_entry entries[WORLD_COMMANDS];
    lfcp_crypto crypto; /* the real one, which can be made to fail */
    const lfcp_crypto *real_crypto;
    int crypto_fails; /* n: the n-th call from now on, and all later ones */
    uint64_t now;
    uint32_t random;
    /* what the client sent; the checks of every poll: signed, and with a counter above every earlier one */
    sent_frame sent[WORLD_SENT];
    size_t sent_count;
    uint64_t highest_counter;
    lfcp_status poll_status; /* of the last poll of poll_all */
    /* the servers */
    uint64_t down[LFCP_CLIENT_SERVERS];
    uint8_t frame[LFCP_SIGNED_MAX_FRAME]; /* the last that a server sent */
    size_t frame_length;
    lfcp_event event; /* what came of it */
    /* memory that survives */
    record records[WORLD_RECORDS];
    size_t record_count;
    size_t writes;
    int reads_fail;
    int writes_fail;
    /* what handlers did */
    carried_out done[64];
    size_t done_count;
    bool leave_running;
    const char *fail_with; /* NULL: done */
    bool reachable;
    char told[LFCP_SEND_MAX_FIELD + 1];
    size_t told_count;
} world;

extern const uint8_t world_key[LFCP_KEY];

/* Two servers A and B, a key, every command known, heartbeats of 20 s, a clock that begins at 5000 ms. */
void world_prepare(world *w);
lfcp_status world_start(world *w, uint64_t boot_id);
void world_begin(world *w); /* both, with boot id 9f3c */
void world_begin_unsigned(world *w);
void world_meet(world *w); /* begun, and both servers have answered the first heartbeats */

/* Polls until there is nothing to send. Returns the number of frames; they are the last of sent[]. */
size_t poll_all(world *w);
size_t poll_after(world *w, uint64_t ms);
uint64_t wakeup_in(const world *w); /* ms */

/* The last frame sent, the one before it, … */
const sent_frame *last(const world *w, size_t back);
bool is(const sent_frame *sent, unsigned server, lfcp_verb verb);
bool param_is(const sent_frame *sent, unsigned at, const char *text); /* at: 1 to 4 */

/* What a server sends; all signed with the next down counter, and answered by what lfcp_client_receive says. */
lfcp_status serve(world *w, unsigned server, lfcp_verb verb, const char *p1, const char *p2, const char *p3,
                  const char *p4);
lfcp_status serve_again(world *w, unsigned server); /* the same bytes */
lfcp_status serve_text(world *w, unsigned server, const char *frame);
lfcp_status acknowledge(world *w, const sent_frame *sent, const char *result, const char *interval);
lfcp_status acknowledge_beats(world *w); /* every heartbeat of the last poll_all, with 0 and 26 */
lfcp_status command(world *w, unsigned server, lfcp_verb verb, const char *p1, const char *p2, const char *id);
const char *hex_of(uint64_t number); /* good until the next call but three */

#endif
