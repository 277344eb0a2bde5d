/* Settings of the camera, automatic pictures, and the grey picture of the motion detector. */
#include <stdlib.h>

#include "camera_settings.h"
#include "check.h"
#include "luma.h"
#include "picture_schedule.h"

static int set_to;

static int take(void *sensor, int value)
{
    *(int *)sensor += 1;
    set_to = value;
    return 0;
}

static int refuse(void *sensor, int value)
{
    (void)sensor;
    (void)value;
    return -1;
}

static void every_setting_is_the_sensors_or_the_cameras(void)
{
    unsigned cameras = 0;
    for (unsigned setting = 0; setting < LFCP_SETTING_COUNT; setting++) {
        cameras += camera_setting_is_sensors(setting) ? 0 : 1;
        CHECK(camera_setting_by_name(lfcp_setting_name(setting)) == setting);
    }
    CHECK(cameras == 4 && !camera_setting_is_sensors(LFCP_SETTING_COUNT));
    CHECK(camera_setting_by_name("no such") == LFCP_SETTING_COUNT);
}

static void a_setting_reaches_its_setter_once(void)
{
    int calls = 0;
    const camera_setters setters = {[LFCP_SETTING_quality] = take, [LFCP_SETTING_vflip] = refuse};
    CHECK(camera_setting_apply(setters, &calls, LFCP_SETTING_quality, 12) && calls == 1 && set_to == 12);
    CHECK(!camera_setting_apply(setters, &calls, LFCP_SETTING_vflip, 1));
    CHECK(!camera_setting_apply(setters, &calls, LFCP_SETTING_hmirror, 1)); /* has none */
    CHECK(camera_setting_apply(setters, &calls, LFCP_SETTING_flash, 1) && calls == 1);
    CHECK(!camera_setting_apply(setters, &calls, LFCP_SETTING_COUNT, 1));
}

static int nothing_stored(void *context, const char *key, uint8_t *data, size_t size)
{
    (void)context;
    (void)key;
    (void)data;
    (void)size;
    return 1;
}

static int stored(void *context, const char *key, const uint8_t *data, size_t size)
{
    (void)context;
    (void)key;
    (void)data;
    (void)size;
    return 0;
}

static uint32_t no_chance(void *context)
{
    (void)context;
    return 0;
}

static lfcp_client client;
static const lfcp_command_entry conf = {LFCP_VERB_CONF, NULL, NULL};
static const lfcp_config configuration = {
    .name = "cam1", .servers = 1, .interval_s = 20, .commands = &conf, .command_count = 1,
    .storage = {NULL, nothing_stored, stored}, .random = no_chance,
};

static void give(const char *name, const char *value)
{
    char frame[LFCP_SEND_MAX_FRAME];
    lfcp_event event;
    uint8_t out[LFCP_CLIENT_MAX_FRAME];
    size_t length = 0;
    unsigned server = 0;
    const int written = snprintf(frame, sizeof frame, "cam1,CONF,%s,%s,0,0,0,0", name, value);
    CHECK(lfcp_client_receive(&client, 0, (const uint8_t *)frame, (size_t)written, 1, &event) == LFCP_OK);
    while (lfcp_client_poll(&client, 1, out, sizeof out, &length, &server) == LFCP_OK && length > 0) {
    }
}

static void what_conf_gave_is_applied_after_a_start(void)
{
    int calls = 0;
    const camera_setters setters = {[LFCP_SETTING_quality] = take, [LFCP_SETTING_brightness] = refuse};
    CHECK(lfcp_client_start(&client, &configuration, 1, 0) == LFCP_OK);
    CHECK(camera_settings_apply(setters, &calls, &client) == 0 && calls == 0);
    give("quality", "20");
    give("brightness", "-2");
    give("interval", "30");
    CHECK(camera_settings_apply(setters, &calls, &client) == 1 && calls == 1 && set_to == 20);
}

static void habits_are_usual_until_they_are_set(void)
{
    CHECK(lfcp_client_start(&client, &configuration, 1, 0) == LFCP_OK);
    camera_habits habits = camera_habits_of(&client);
    CHECK(!habits.flash && !habits.automatic && habits.interval_s == 60 && habits.flash_ms == 200);
    give("flash", "1");
    give("flash_duration", "0");
    give("auto_photo", "1");
    give("interval", "86400");
    habits = camera_habits_of(&client);
    CHECK(habits.flash && habits.automatic && habits.interval_s == 86400 && habits.flash_ms == 0);
}

static void automatic_pictures_come_at_their_interval(void)
{
    picture_schedule of = {.interval_s = 0};
    CHECK(!picture_schedule_is_due(&of, 1000000));
    picture_schedule_set(&of, 10);
    CHECK(picture_schedule_is_due(&of, 5));
    picture_schedule_began(&of, 5);
    CHECK(!picture_schedule_ended(&of, true)); /* that is how it should be */
    CHECK(!picture_schedule_is_due(&of, 10004) && picture_schedule_is_due(&of, 10005));
    picture_schedule_set(&of, 20);
    CHECK(!picture_schedule_is_due(&of, 20004) && picture_schedule_is_due(&of, 20005));
}

static void failures_are_told_once_and_tried_later_and_later(void)
{
    picture_schedule of = {.interval_s = 0};
    picture_schedule_set(&of, 10);
    picture_schedule_began(&of, 0);
    CHECK(picture_schedule_ended(&of, false));
    CHECK(!picture_schedule_is_due(&of, 19999) && picture_schedule_is_due(&of, 20000));
    CHECK(!picture_schedule_ended(&of, false) && !picture_schedule_is_due(&of, 39999));
    for (unsigned more = 0; more < 100; more++) {
        CHECK(!picture_schedule_ended(&of, false));
    }
    CHECK(!picture_schedule_is_due(&of, 599999) && picture_schedule_is_due(&of, 600000));
    CHECK(picture_schedule_ended(&of, true) && picture_schedule_is_due(&of, 10000));
}

static void a_long_interval_is_never_shortened_by_failures(void)
{
    picture_schedule of = {.interval_s = 0};
    picture_schedule_set(&of, 86400);
    picture_schedule_began(&of, 0);
    picture_schedule_ended(&of, false);
    CHECK(!picture_schedule_is_due(&of, 86399999) && picture_schedule_is_due(&of, 86400000));
}

static void blocks_become_grey_and_stay_within_the_picture(void)
{
    uint8_t *pixels = calloc(1, 3 * 2); /* the sanitizer looks at its end */
    luma picture = {pixels, 3, 2};
    static const uint8_t colours[4 * 3] = {255, 255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255};
    luma_block(&picture, 0, 0, 2, 2, colours);
    CHECK(pixels[0] == 255 && pixels[1] == 76 && pixels[3] == 149 && pixels[4] == 28);
    luma_block(&picture, 2, 1, 2, 2, colours); /* three of the four lie outside */
    CHECK(pixels[2] == 0 && pixels[5] == 255);
    luma_block(&picture, UINT16_MAX, UINT16_MAX, 2, 2, colours);
    free(pixels);
}

int main(void)
{
    RUN(every_setting_is_the_sensors_or_the_cameras);
    RUN(a_setting_reaches_its_setter_once);
    RUN(what_conf_gave_is_applied_after_a_start);
    RUN(habits_are_usual_until_they_are_set);
    RUN(automatic_pictures_come_at_their_interval);
    RUN(failures_are_told_once_and_tried_later_and_later);
    RUN(a_long_interval_is_never_shortened_by_failures);
    RUN(blocks_become_grey_and_stay_within_the_picture);
    return checked();
}
