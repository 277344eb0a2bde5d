#include "device.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "journal.h"
#include "signals.h"

#define LONGEST_WAIT_MS 60000
#define WATCHED_ALWAYS 3 /* signals, console, reachability */
#define WATCHED_SERVERS (NETWORK_WATCHED + LFCP_CLIENT_SERVERS + DEVICE_SESSIONS_WATCHED) /* pictures are the second */

static uint64_t milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now); /* goes on while the machine is suspended: so do the servers' limits */
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t random_bits(void)
{
    uint64_t bits = 0;
    while (getrandom(&bits, sizeof bits, 0) != (ssize_t)sizeof bits) {
        /* interrupted */
    }
    return bits;
}

static uint32_t random_for_client(void *context)
{
    (void)context;
    return (uint32_t)random_bits();
}

static bool internet_reachable(void *context)
{
    device *of = context;
    return reachability_ask(&of->internet, of->now);
}

static void tell_directly(void *context, const char *text)
{
    device_picture_for_motion(context, text);
}

static void configure(device *of, const uint8_t *key)
{
    const options *settings = of->settings;
    of->config = (lfcp_config){
        .name = settings->name,
        .key = key,
        .servers = settings->server_count,
        .interval_s = settings->interval_s,
        .plain_heartbeats = settings->plain_heartbeats,
        .detector_on = true,
        .camera_on = true,
        .commands = device_commands,
        .command_count = device_command_count - (settings->picture == NULL ? DEVICE_CAMERA_COMMANDS : 0),
        .failover = {settings->failover.port != 0, of, internet_reachable, tell_directly},
        .crypto = &lfcp_crypto_mbedtls,
        .storage = state_directory_storage(&of->state),
        .random = random_for_client,
    };
    for (unsigned server = 0; server < settings->server_count; server++) {
        of->config.labels[server] = settings->servers[server].label;
    }
}

static bool start_client(device *of, const uint8_t *key)
{
    const uint64_t boot_id = random_bits();
    const lfcp_status status = lfcp_client_start(&of->client, &of->config, boot_id, of->now);
    if (status != LFCP_OK) {
        fprintf(stderr, "lfcp-device: the client does not start: %s%s\n", lfcp_status_text(status),
                status == LFCP_STORAGE_FAILED ? "; look at the rights and the space of --state" : "");
        return false;
    }
    journal("started %s %s boot %" PRIx64, of->config.name, key == NULL ? "LFCP/1" : "LFCP/2", boot_id);
    return true;
}

static bool start(device *of, const uint8_t *key)
{
    of->now = milliseconds();
    of->program = (picture_program){.path = of->settings->on_picture, .device = of->settings->name};
    of->camera.path_given = of->settings->picture;
    device_uploads_start(of);
    of->detector = of->camera_on = true;
    reachability_start(&of->internet, &of->settings->failover);
    if (!state_directory_open(&of->state, of->settings->state)) {
        return false;
    }
    configure(of, key);
    device_path_start(of);
    device_sessions_start(of);
    return device_secrets_read(of) && network_open(&of->net) && start_client(of, key);
}

static void stop(device *of)
{
    picture_program_stop(&of->program);
    picture_uploads_stop(&of->uploads);
    reachability_stop(&of->internet);
    device_sessions_stop(of);
    network_close(&of->net);
    state_directory_close(&of->state);
    explicit_bzero(&of->client, sizeof of->client);
    explicit_bzero(&of->rendezvous, sizeof of->rendezvous);
    explicit_bzero(&of->secrets, sizeof of->secrets);
}

bool device_sleep(device *of, uint32_t seconds)
{
    if (lfcp_client_sleep(&of->client, seconds, of->now) != LFCP_OK) {
        return false;
    }
    of->sleep_s = seconds;
    return true;
}

static void fall_asleep(device *of)
{
    if (of->sleep_s != 0 && lfcp_client_may_sleep(&of->client)) {
        journal("sleeping %" PRIu32, of->sleep_s);
        device_sessions_stop(of);
        network_close(&of->net);
        picture_uploads_hang_up(&of->uploads, of->now);
        of->sleep_until = of->now + (uint64_t)of->sleep_s * 1000;
        of->sleep_s = 0;
    }
}

/* As after a deep sleep that kept its memory: new sockets, the same boot. The clock went on, so nothing is added to it. */
static void wake_up(device *of)
{
    of->sleep_until = 0;
    journal("woke");
    if (lfcp_client_woke(&of->client, &of->config, of->now, 0) != LFCP_OK || !device_path_open(of)) {
        of->end = DEVICE_FAILED;
    }
}

static void work_awake(device *of)
{
    device_path_work(of);
    device_receive_all(of);
    device_pictures_work(of);
    picture_uploads_work(&of->uploads, of->now);
    device_send_all(of);
    device_say_changes(of);
    fall_asleep(of);
}

static void work(device *of)
{
    console_order order;
    while (of->end == DEVICE_RUNS && console_next(of->orders, &order)) {
        device_obey(of, &order);
    }
    if (of->sleep_until != 0 && of->now >= of->sleep_until) {
        wake_up(of);
    }
    if (of->end == DEVICE_RUNS && of->sleep_until == 0) {
        work_awake(of);
    }
    if (signals_asked_for_the_end()) {
        of->end = DEVICE_QUIT;
    }
}

static uint64_t earlier(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

static int wait_ms(const device *of)
{
    uint64_t wakeup = of->sleep_until;
    if (wakeup == 0 && lfcp_client_next_wakeup_ms(&of->client, &wakeup) == LFCP_OK) {
        wakeup = earlier(wakeup, earlier(device_pictures_wakeup(of), picture_uploads_wakeup_ms(&of->uploads)));
        wakeup = earlier(wakeup, earlier(device_path_wakeup(of), device_sessions_wakeup(of)));
    }
    if (wakeup <= of->now) {
        return 0;
    }
    return wakeup - of->now < LONGEST_WAIT_MS ? (int)(wakeup - of->now) : LONGEST_WAIT_MS;
}

static void wait_for_something(device *of)
{
    struct pollfd watched[WATCHED_ALWAYS + WATCHED_SERVERS] = {
        {.fd = signals_descriptor(), .events = POLLIN},
        {.fd = of->orders->open ? STDIN_FILENO : -1, .events = POLLIN},
        reachability_watch(&of->internet),
    };
    nfds_t servers = 0, others = 0;
    if (of->sleep_until == 0) {
        servers = network_watch(&of->net, watched + WATCHED_ALWAYS);
        others = picture_uploads_watch(&of->uploads, watched + WATCHED_ALWAYS + servers);
        others += device_sessions_watch(of, watched + WATCHED_ALWAYS + servers + others);
    }
    const int ready = poll(watched, WATCHED_ALWAYS + servers + others, wait_ms(of));
    of->now = milliseconds();
    if (ready <= 0) {
        return; /* the time is over, or a signal came: the pipe says it again */
    }
    signals_drain();
    if (watched[1].revents != 0) {
        console_read(of->orders);
    }
    reachability_work(&of->internet, watched[2].revents, of->now);
    network_work(&of->net, watched + WATCHED_ALWAYS, servers, of->now);
}

device_end device_run(const options *settings, const uint8_t *key, console *orders)
{
    device of = {.settings = settings, .orders = orders};
    network_start(&of.net, settings);
    session_sockets_start(&of.sessions);
    of.end = start(&of, key) ? DEVICE_RUNS : DEVICE_FAILED;
    while (of.end == DEVICE_RUNS) {
        work(&of);
        if (of.end == DEVICE_RUNS) {
            wait_for_something(&of);
        }
    }
    stop(&of);
    return of.end;
}
