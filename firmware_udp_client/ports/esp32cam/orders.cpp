#include "orders.h"

#include <cstdio>
#include <cstring>
#include <utility>

#include "camera.h"
#include "frames.h"
#include "storage.h"

namespace {

uint64_t time_now = 0;
uint32_t sleep_seconds = 0;
bool wants_restart = false;
bool wants_sleep = false;
uint64_t wanted_sleep_at = 0;
char snap_id[LFCP_COMMAND_ID + 1];
unsigned snap_server = 0;

void send_picture(void *, lfcp_client *client, const lfcp_command *)
{
    if (!lfcp_client_camera_on(client)) {
        lfcp_client_command_failed(client, "the camera is off", time_now);
    } else if (!orders::start_upload(client, uploads::Kind::command, "")) {
        lfcp_client_command_failed(client, "too many pictures are on their way", time_now);
    }
}

// In LFCP/1 the same command may come once more.
void upload_picture(void *, lfcp_client *client, const lfcp_command *command)
{
    snprintf(snap_id, sizeof snap_id, "%s", command->p1);
    snap_server = command->server;
    if (frames::has(snap_id)) {
        lfcp_client_command_done(client);
    } else if (!lfcp_client_camera_on(client)) {
        lfcp_client_command_failed(client, "the camera is off", time_now);
    } else if (!orders::start_upload(client, uploads::Kind::snap, "")) {
        lfcp_client_command_failed(client, "too many pictures are on their way", time_now);
    }
}

// The client has looked at the seconds.
void go_live(void *, lfcp_client *client, const lfcp_command *command)
{
    uint32_t seconds = 0;
    text_to_number(command->p1, strlen(command->p1), 1, LFCP_MAX_LIVE, &seconds);
    frames::live(command->server, seconds, time_now);
    lfcp_client_command_done(client);
}

void finish(lfcp_client *client, bool kept)
{
    if (kept) {
        lfcp_client_command_done(client);
    } else {
        lfcp_client_command_failed(client, "it cannot be kept", time_now);
    }
}

bool set(config &of, const char *name, const char *value)
{
    const config_field *field = config_find(name);
    return field != nullptr && config_set(&of, field, value);
}

void keep_telegram(void *, lfcp_client *client, const lfcp_command *command)
{
    finish(client, storage::change([&](config &of) {
               return set(of, "telegram_token", command->p1) && set(of, "telegram_chat", command->p2);
           }));
}

void keep_prusaconnect(void *, lfcp_client *client, const lfcp_command *command)
{
    finish(client, storage::change([&](config &of) { return set(of, "prusaconnect_token", command->p1); }));
}

void restart(void *, lfcp_client *, const lfcp_command *)
{
    wants_restart = true;
}

void sleep_deeply(void *, lfcp_client *client, const lfcp_command *)
{
    wants_sleep = lfcp_client_sleep(client, sleep_seconds, time_now) == LFCP_OK;
    wanted_sleep_at = time_now;
}

void power_camera(void *, lfcp_client *client, const lfcp_command *)
{
    if (!camera::set_on(lfcp_client_camera_on(client))) {
        lfcp_client_queue(client, LFCP_VERB_ERR, "the camera does not answer", time_now);
    }
    camera_settings_apply(camera::setters(), camera::sensor(), client);
}

void apply_setting(void *, lfcp_client *client, const lfcp_command *command)
{
    const unsigned setting = camera_setting_by_name(command->p1);
    int32_t value = 0;
    if (camera::sensor() == nullptr || !lfcp_client_setting(client, setting, &value)) {
        return;  // it is applied when the camera is on
    }
    if (!camera_setting_apply(camera::setters(), camera::sensor(), setting, value)) {
        lfcp_client_queue(client, LFCP_VERB_LOG, "the camera refused a setting", time_now);
    }
}

}  // namespace

namespace orders {

const lfcp_command_entry table[] = {
    {LFCP_VERB_TLGS, send_picture, nullptr}, {LFCP_VERB_TLGC, keep_telegram, nullptr},
    {LFCP_VERB_PRCC, keep_prusaconnect, nullptr}, {LFCP_VERB_RST, restart, nullptr},
    {LFCP_VERB_DSLP, sleep_deeply, nullptr}, {LFCP_VERB_WCAM, power_camera, nullptr},
    {LFCP_VERB_SCAM, power_camera, nullptr}, {LFCP_VERB_CONF, apply_setting, nullptr},
    {LFCP_VERB_ENAL, nullptr, nullptr}, {LFCP_VERB_DSAL, nullptr, nullptr},
    {LFCP_VERB_SNAP, upload_picture, nullptr}, {LFCP_VERB_LIVE, go_live, nullptr},
};
const size_t count = sizeof table / sizeof table[0];

void begin(uint32_t sleep_s)
{
    sleep_seconds = sleep_s;
}

void at(uint64_t now)
{
    time_now = now;
}

void snap_taken(lfcp_client *client, Picture picture, const char *problem)
{
    if (picture.empty()) {
        lfcp_client_command_failed(client, problem, time_now);
    } else if (frames::offer(std::move(picture), LFCP_TRIGGER_COMMAND, snap_id, snap_server)) {
        lfcp_client_command_done(client);
    } else {
        lfcp_client_command_failed(client, "too many pictures wait", time_now);
    }
}

bool restart_asked()
{
    return wants_restart;
}

bool sleep_asked()
{
    return wants_sleep;
}

uint64_t sleep_asked_at()
{
    return wanted_sleep_at;
}

bool start_upload(const lfcp_client *client, uploads::Kind kind, const char *text)
{
    const camera_habits habits = camera_habits_of(client);
    uploads::Job job = {kind, habits.flash ? habits.flash_ms : 0, ""};
    snprintf(job.text, sizeof job.text, "%s", text);
    return uploads::start(job);
}

}  // namespace orders
