// A camera of an alarm system on the AI-Thinker ESP32-CAM. README.md says how to build it and how to set it up.
#include <Arduino.h>
#include <driver/rtc_io.h>
#include <esp_sleep.h>
#include <esp_timer.h>

#include <utility>

#include "board.h"
#include "camera.h"
#include "contact.h"
#include "pages.h"
#include "plain_c.h"
#include "storage.h"
#include "uploads.h"
#include "watch.h"
#include "wireless.h"

static bool linked = false;
static picture_schedule schedule;

static uint64_t milliseconds()
{
    return static_cast<uint64_t>(esp_timer_get_time()) / 1000;
}

static void say_how_to_set_it_up(const config &settings)
{
    Serial.printf("Not set up: %s.\nJoin the network %s with the password %s,\n", contact::problem(), settings.name,
                  settings.password);
    Serial.printf("open http://192.168.4.1/ and sign in as admin with the same password.\n");
}

static void start_camera()
{
    const bool answers = camera::set_on(!linked || contact::camera_on());
    if (linked) {
        if (!answers) {
            contact::tell(LFCP_VERB_ERR, "the camera does not answer", milliseconds());
        }
        camera_settings_apply(camera::setters(), camera::sensor(), contact::client());
    }
}

void setup()
{
    rtc_gpio_hold_dis(static_cast<gpio_num_t>(board::flash));
    Serial.begin(115200);
    wireless::power_up();
    if (!storage::begin()) {
        Serial.println("The flash does not work.");
        delay(10000);
        ESP.restart();
    }
    const config settings = storage::load();
    camera::begin();
    watch::begin(settings);
    wireless::begin(settings);
    linked = contact::begin(settings, milliseconds());
    start_camera();
    if (!uploads::begin() || !pages::begin()) {
        ESP.restart();
    }
    if (!linked) {
        say_how_to_set_it_up(settings);
    }
}

static void take_outcome(const uploads::Outcome &outcome, uint64_t now)
{
    Picture picture(outcome.bytes, outcome.length);
    switch (outcome.kind) {
    case uploads::Kind::command:
        contact::command_ended(outcome.succeeded, outcome.problem, now);
        break;
    case uploads::Kind::probe:
        contact::probe_ended(outcome.succeeded, now);
        break;
    case uploads::Kind::automatic:
        contact::show(std::move(picture), LFCP_TRIGGER_SCHEDULE);
        if (picture_schedule_ended(&schedule, outcome.succeeded)) {
            contact::tell(outcome.succeeded ? LFCP_VERB_LOG : LFCP_VERB_ERR,
                       outcome.succeeded ? "automatic pictures arrive again" : outcome.problem, now);
        }
        break;
    case uploads::Kind::snap:
        contact::snap_taken(std::move(picture), outcome.problem, now);
        break;
    case uploads::Kind::motion:
        break;  // the alarm itself waits for the servers
    }
}

static void take_automatic_picture(uint64_t now)
{
    const camera_habits habits = camera_habits_of(contact::client());
    picture_schedule_set(&schedule, habits.automatic ? habits.interval_s : 0);
    if (!picture_schedule_is_due(&schedule, now) || !contact::camera_on() || uploads::busy()) {
        return;
    }
    if (uploads::start({uploads::Kind::automatic, habits.flash ? habits.flash_ms : 0, ""})) {
        picture_schedule_began(&schedule, now);
    }
}

static void look_for_motion(uint64_t now)
{
    Picture seen;
    if (!contact::detector_on() || !contact::camera_on() || uploads::busy()) {
        watch::forget();  // a flash is no motion, and neither is what happened meanwhile
    } else if (watch::moved(now, &seen)) {
        contact::tell(LFCP_VERB_MOAL, "camera", now);
        contact::show(std::move(seen), LFCP_TRIGGER_ALARM);
    }
}

static void sleep_deeply(uint32_t seconds)
{
    camera::set_on(false);
    digitalWrite(board::flash, LOW);
    rtc_gpio_hold_en(static_cast<gpio_num_t>(board::flash));  // it would glow otherwise
    esp_sleep_enable_timer_wakeup(static_cast<uint64_t>(seconds) * 1000000);
    esp_deep_sleep_start();
}

static const char *state()
{
    if (!linked) {
        return contact::problem();
    }
    if (!wireless::connected()) {
        return "no network";
    }
    if (lfcp_client_in_failover(contact::client())) {
        return "no server answers: it watches alone";
    }
    return contact::detector_on() ? "the detector is on" : "the detector is off";
}

static void work_linked(bool came_in, uint64_t now)
{
    uploads::Outcome outcome;
    while (uploads::ended(&outcome)) {
        take_outcome(outcome, now);
    }
    look_for_motion(now);
    take_automatic_picture(now);
    contact::work(came_in, now);
    const uint32_t seconds = contact::sleep_due();
    if (seconds != 0) {
        sleep_deeply(seconds);
    }
}

void loop()
{
    const uint64_t now = milliseconds();
    const bool came_in = wireless::work(linked && contact::useful(), now);
    if (linked) {
        work_linked(came_in, now);
    }
    pages::say(state());
    if (pages::restart_wanted() || (linked && contact::restart_due())) {
        delay(500);  // for what is still on its way
        ESP.restart();
    }
    delay(5);
}
