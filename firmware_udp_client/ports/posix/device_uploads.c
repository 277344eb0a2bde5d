/* Pictures to the servers: for SNAP, motion, the own interval and LIVE. */
#include <stdio.h>
#include <stdlib.h>

#include "bounded_text.h"
#include "device.h"
#include "journal.h"

static char label_of(const device *of, unsigned server)
{
    return of->settings->servers[server].label;
}

static bool take_live(void *context, uint8_t **bytes, size_t *length)
{
    device *of = context;
    const char *problem =
        lfcp_client_camera_on(&of->client) ? pictures_read(&of->camera, bytes, length) : "the camera is off";
    if (problem != NULL) {
        journal("no live picture: %s", problem);
    }
    return problem == NULL;
}

static void give_back(void *context, uint8_t *bytes)
{
    (void)context;
    free(bytes);
}

/* Of live pictures only the end of LIVE is worth a line. */
static void over(void *context, const lfcp_upload *upload, const char *why)
{
    const device *of = context;
    const char label = label_of(of, upload->server);
    if (upload->picture->trigger == LFCP_TRIGGER_LIVE) {
        if (upload->state != LFCP_UPLOAD_ARRIVED) {
            journal("live %c %s: %s", label, upload->state == LFCP_UPLOAD_REFUSED ? "ended" : "broken", why);
        }
    } else if (upload->state == LFCP_UPLOAD_ARRIVED) {
        journal("uploaded %c %s", label, upload->picture->id);
    } else {
        journal("not uploaded %c %s: %s", label, upload->picture->id, why);
    }
}

void device_uploads_start(device *of)
{
    of->source = (picture_source){of, take_live, give_back, over};
    picture_uploads_start(&of->uploads, &of->client, &of->source, 1000 / of->settings->live_rate);
    for (unsigned server = 0; server < of->settings->server_count; server++) {
        picture_uploads_add(&of->uploads, &of->settings->servers[server].at);
    }
}

/* Of the file that the camera has taken. */
static const char *offer(device *of, lfcp_trigger trigger, const char *id, unsigned server)
{
    uint8_t *bytes = NULL;
    size_t length = 0;
    const char *problem = pictures_read(&of->camera, &bytes, &length);
    if (problem != NULL) {
        return problem;
    }
    const lfcp_status status = picture_uploads_offer(&of->uploads, bytes, length, trigger, id, server);
    if (status == LFCP_OK) {
        journal("taken %s %s", id == NULL ? "-" : id, of->camera.path);
        return NULL;
    }
    free(bytes);
    return status == LFCP_NO_ROOM ? "too many pictures wait" : lfcp_status_text(status);
}

const char *device_upload(device *of, lfcp_trigger trigger, const char *id, unsigned server)
{
    if (id != NULL && picture_uploads_has(&of->uploads, id)) {
        return NULL; /* LFCP/1: the same command once more */
    }
    return lfcp_client_camera_on(&of->client) ? offer(of, trigger, id, server) : "the camera is off";
}

void device_upload_own(device *of, lfcp_trigger trigger)
{
    const char *problem = of->camera.path_given == NULL ? NULL : device_upload(of, trigger, NULL, PICTURE_FOR_ALL);
    if (problem != NULL) {
        journal("not taken: %s", problem);
    }
}
