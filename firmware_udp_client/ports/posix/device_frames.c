/* Frames in and out, and what changed by them. */
#include <inttypes.h>

#include "device.h"
#include "journal.h"

void device_send_all(device *of)
{
    uint8_t frame[LFCP_CLIENT_MAX_FRAME];
    size_t length = 0;
    unsigned server = 0;
    lfcp_status status;
    while ((status = lfcp_client_poll(&of->client, of->now, frame, sizeof frame, &length, &server)) == LFCP_OK &&
           length > 0) {
        network_send(&of->net, server, frame, length, of->now);
    }
    if (status != LFCP_OK) {
        journal("not sent: %s", lfcp_status_text(status));
    }
    device_path_send(of);
    device_sessions_send(of);
}

static void say_event(const device *of, unsigned server, const lfcp_event *event)
{
    const char label = of->settings->servers[server].label;
    const char *verb = event->verb < LFCP_VERB_COUNT ? lfcp_verb_entry_of(event->verb)->name : "";
    switch (event->kind) {
    case LFCP_EVENT_NONE:
    case LFCP_EVENT_COMMAND: /* its handler says so, before what it does */
    case LFCP_EVENT_PICTURE_ANSWERED: /* so does the picture */
        break;
    case LFCP_EVENT_HEARTBEAT_ANSWERED:
        journal("answered %c", label);
        break;
    case LFCP_EVENT_MESSAGE_STORED:
        journal("stored %c %s %" PRIu32, label, verb, event->number);
        break;
    case LFCP_EVENT_COMMAND_REFUSED:
        journal("refused %c %s", label, verb);
        break;
    case LFCP_EVENT_COMMAND_REPEATED:
        journal("repeated %c %s", label, verb);
        break;
    case LFCP_EVENT_SYNCED:
        journal("synced %c", label);
        break;
    }
}

static void take(device *of, unsigned server, const uint8_t *frame, size_t length)
{
    lfcp_event event = {.kind = LFCP_EVENT_NONE};
    const lfcp_status status = lfcp_client_receive(&of->client, server, frame, length, of->now, &event);
    if (status != LFCP_OK) {
        journal("dropped %c %s", of->settings->servers[server].label, lfcp_status_text(status));
        return;
    }
    say_event(of, server, &event);
    if (event.kind == LFCP_EVENT_PICTURE_ANSWERED) {
        picture_uploads_answered(&of->uploads, server, &event.answer, of->now);
    }
}

/* What each frame calls for goes out before the next one is looked at: the client owes a server one ACK at a time.
 * Messages' answers first: a picture's is taken also after what was sent later, see lfcp_client_receive.c. */
void device_receive_all(device *of)
{
    uint8_t frame[LFCP_TUNNEL_MAX]; /* longer than any frame */
    size_t length = 0;
    unsigned server = 0;
    while (network_receive(&of->net, &server, frame, sizeof frame, &length, of->now) ||
           device_sessions_receive(of, &server, frame, sizeof frame, &length) ||
           picture_uploads_receive(&of->uploads, &server, frame, sizeof frame, &length, of->now)) {
        take(of, server, frame, length);
        device_send_all(of);
    }
}

void device_say_changes(device *of)
{
    const struct {
        const char *what;
        bool *said;
        bool is;
    } states[] = {{"detector", &of->detector, lfcp_client_detector_on(&of->client)},
                  {"camera", &of->camera_on, lfcp_client_camera_on(&of->client)},
                  {"failover", &of->failover, lfcp_client_in_failover(&of->client)}};
    for (size_t at = 0; at < sizeof states / sizeof states[0]; at++) {
        if (*states[at].said != states[at].is) {
            *states[at].said = states[at].is;
            journal("%s %s", states[at].what, states[at].is ? "on" : "off");
        }
    }
    device_path_say(of);
    device_sessions_say(of);
}
