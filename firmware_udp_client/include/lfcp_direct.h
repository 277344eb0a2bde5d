/* What a session for port 0 is for (lfcp_rendezvous.h): commands in LFCP/1, as at an operator's port, from an operator's
 * machine that was let in. One is carried out at a time, theirs and the servers' together.
 *
 *     result = lfcp_direct_receive(&client, server, said.body, said.length, now(), problem);
 *     LFCP_DIRECT_DONE: send lfcp_direct_answer(…, NULL, …) as DATA; LFCP_DIRECT_FAILED: that, then the same with problem;
 *     LFCP_DIRECT_BEGUN: the same once the handler's work has ended. Who ends it asks lfcp_direct_runs() before
 *     lfcp_client_command_done() or lfcp_client_command_failed(), which then tell no server. */
#ifndef LFCP_DIRECT_H
#define LFCP_DIRECT_H

#include "lfcp_client.h"

typedef enum lfcp_direct_result {
    LFCP_DIRECT_NOTHING, /* no frame for this device: it is not answered */
    LFCP_DIRECT_DONE,    /* RST and DSLP: it will be, by the next lfcp_client_poll */
    LFCP_DIRECT_FAILED,
    LFCP_DIRECT_BEGUN /* its handler was called, and has ended it or will */
} lfcp_direct_result;

/* server: of the session; its handler gets it. The last fields of the frame may be missing, if they are 0. */
lfcp_direct_result lfcp_direct_receive(lfcp_client *client, unsigned server, const uint8_t *frame, size_t length,
                                       uint64_t now_ms, char problem[LFCP_SEND_MAX_FIELD + 1]);

bool lfcp_direct_runs(const lfcp_client *client);

/* ACK, or with a problem ERR. Of `size` LFCP_SEND_MAX_FRAME is always enough. */
lfcp_status lfcp_direct_answer(const lfcp_client *client, const char *problem, uint8_t *frame, size_t size,
                               size_t *length);

#endif
