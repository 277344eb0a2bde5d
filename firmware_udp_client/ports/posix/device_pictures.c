/* Pictures on their way: of commands, of motion in failover alarm mode, and automatic ones. */
#include <string.h>

#include "bounded_text.h"
#include "device.h"
#include "journal.h"

#define DEFAULT_INTERVAL_S 60 /* of automatic pictures */

static const char *const reasons[] = {
    [PICTURE_FOR_COMMAND] = "command", [PICTURE_FOR_MOTION] = "motion", [PICTURE_AT_INTERVAL] = "interval"};

static const char *take(device *of)
{
    return lfcp_client_camera_on(&of->client) ? pictures_take(&of->camera) : "the camera is off";
}

const char *device_picture_start(device *of, picture_use use, const char *text)
{
    const char *problem = take(of);
    if (problem == NULL) {
        problem = picture_program_start(&of->program, &of->secrets, of->camera.path, reasons[use], text, of->now);
    }
    if (problem == NULL) {
        of->use = use;
        journal("picture %s %s", reasons[use], of->camera.path);
    }
    return problem;
}

static void report(device *of, picture_use use, const char *problem)
{
    if (problem == NULL) {
        journal("done %s", reasons[use]);
    } else {
        journal("failed %s: %s", reasons[use], problem);
    }
    if (use == PICTURE_AT_INTERVAL) {
        if (problem != NULL && !of->interval_failed) {
            lfcp_client_queue(&of->client, LFCP_VERB_ERR, problem, of->now); /* once, until one succeeds */
        }
        of->interval_failed = problem != NULL;
    }
}

static void start_or_report(device *of, picture_use use, const char *text)
{
    const char *problem = device_picture_start(of, use, text);
    if (problem != NULL) {
        report(of, use, problem);
    }
}

void device_picture_for_motion(device *of, const char *text)
{
    if (of->program.child != 0) {
        text_copy(of->motion_told_next, sizeof of->motion_told_next, text, strlen(text));
    } else {
        start_or_report(of, PICTURE_FOR_MOTION, text);
    }
}

static void take_ended(device *of)
{
    const char *problem = NULL;
    if (!picture_program_ended(&of->program, of->now, &problem)) {
        return;
    }
    if (of->use == PICTURE_FOR_COMMAND) {
        device_picture_command_ended(of, problem);
    } else {
        report(of, of->use, problem);
    }
    if (of->motion_told_next[0] != '\0') {
        start_or_report(of, PICTURE_FOR_MOTION, of->motion_told_next);
        of->motion_told_next[0] = '\0';
    }
}

static bool is_automatic(const device *of)
{
    int32_t automatic = 0;
    return lfcp_client_setting(&of->client, LFCP_SETTING_auto_photo, &automatic) && automatic != 0;
}

void device_pictures_work(device *of)
{
    int32_t seconds = DEFAULT_INTERVAL_S;
    take_ended(of);
    if (!is_automatic(of) || of->program.child != 0 || of->now < of->next_picture) {
        return;
    }
    lfcp_client_setting(&of->client, LFCP_SETTING_interval, &seconds);
    of->next_picture = of->now + (uint64_t)seconds * 1000;
    device_upload_own(of, LFCP_TRIGGER_SCHEDULE);
    if (of->program.path != NULL) {
        start_or_report(of, PICTURE_AT_INTERVAL, "");
    }
}

uint64_t device_pictures_wakeup(const device *of)
{
    if (of->program.child != 0) {
        return of->program.deadline; /* SIGCHLD comes before */
    }
    return is_automatic(of) ? of->next_picture : UINT64_MAX;
}
