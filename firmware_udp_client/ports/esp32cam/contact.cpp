#include "contact.h"

#include <Arduino.h>
#include <esp_random.h>
#include <esp_sleep.h>

#include <cstring>
#include <utility>

#include "frames.h"
#include "orders.h"
#include "storage.h"
#include "uploads.h"

namespace {

constexpr uint32_t whole = 0x4c464350;         // marks memory that a deep sleep kept
constexpr uint64_t probe_every_ms = 60000;     // while no server answers
constexpr unsigned ladder_sockets = 2;         // at a time: lwIP has few, and pictures need some
constexpr uint64_t sleep_waits_ms = 60000;     // for pictures that are on their way: a deep sleep loses them

// What survives deep sleep: the client with its counters, windows and messages, and what it knows of its way.
RTC_DATA_ATTR uint32_t kept_mark;
RTC_DATA_ATTR uint32_t kept_sleep_s;
RTC_DATA_ATTR lfcp_client kept_client;
RTC_DATA_ATTR lfcp_path kept_path;
static_assert(sizeof(lfcp_client) + sizeof(lfcp_path) <= 6 * 1024, "the memory that survives deep sleep has 8 KB, and the core uses some");

config settings;
uint8_t key[LFCP_KEY];
lfcp_server_address addresses[LFCP_CLIENT_SERVERS];
lfcp_config configuration;
udp_servers servers;
path_sockets ladder;
bool came_in_before = false;
const char *trouble = nullptr;
uint64_t time_now = 0;
uint64_t probe_at = 0;
bool internet = false;
bool was_useful = false;

// Asked at each poll; the answer is that of the last probe.
bool internet_reachable(void *)
{
    if (time_now >= probe_at && orders::start_upload(&kept_client, uploads::Kind::probe, "")) {
        probe_at = time_now + probe_every_ms;
    }
    return internet;
}

void tell_directly(void *, const char *text)
{
    orders::start_upload(&kept_client, uploads::Kind::motion, text);
}

uint32_t random_bits(void *)
{
    return esp_random();
}

const char *read_settings()
{
    const char *wrong = config_problem(&settings);
    udp_servers_start(&servers);
    path_sockets_start(&ladder);
    frames::begin(&kept_client);
    for (size_t at = 0; wrong == nullptr && at < CONFIG_SERVERS && settings.server[at][0] != '\0'; at++) {
        wrong = lfcp_server_address_read(settings.server[at], &addresses[at]);
        configuration.labels[at] = addresses[at].label;
        configuration.servers = at + 1;
        udp_servers_add(&servers, &addresses[at].at);
        frames::add(addresses[at].at);
    }
    if (wrong == nullptr && settings.key[0] != '\0') {
        const bool good = lfcp_key_from_text(settings.key, strlen(settings.key), key) == LFCP_OK;
        wrong = good ? nullptr : "the key is none";
    }
    return wrong;
}

void configure()
{
    configuration.name = settings.name;
    configuration.key = settings.key[0] == '\0' ? nullptr : key;
    configuration.interval_s = settings.learn != 0 && configuration.key != nullptr ? 0 : settings.heartbeat;
    configuration.modules = &kept_path.module;
    configuration.detector_on = true;
    configuration.camera_on = true;
    configuration.commands = orders::table;
    configuration.command_count = orders::count;
    configuration.failover = {settings.failover != 0, nullptr, internet_reachable, tell_directly};
    configuration.crypto = &lfcp_crypto_esp32;
    configuration.storage = storage::records();
    configuration.random = random_bits;
}

lfcp_status start_client(uint64_t now)
{
    const bool woke = esp_sleep_get_wakeup_cause() == ESP_SLEEP_WAKEUP_TIMER && kept_mark == whole;
    kept_mark = 0;
    if (woke) {
        return lfcp_client_woke(&kept_client, &configuration, now, static_cast<uint64_t>(kept_sleep_s) * 1000);
    }
    lfcp_path_start(&kept_path, &lfcp_ladder_usual, configuration.interval_s == 0 ? ladder_sockets : 0);
    const uint64_t boot_id = static_cast<uint64_t>(esp_random()) << 32 | esp_random();
    return lfcp_client_start(&kept_client, &configuration, boot_id, now);
}

void send_all(uint64_t now)
{
    uint8_t frame[LFCP_CLIENT_MAX_FRAME];
    size_t length = 0;
    unsigned server = 0;
    while (lfcp_client_poll(&kept_client, now, frame, sizeof frame, &length, &server) == LFCP_OK && length > 0) {
        udp_servers_send(&servers, server, frame, length, now);
    }
    unsigned socket = 0;
    while (lfcp_path_poll(&kept_path, &kept_client, now, frame, sizeof frame, &length, &server, &socket) == LFCP_OK &&
           length > 0) {
        if (socket == 0) {
            udp_servers_send(&servers, server, frame, length, now);
        } else {
            path_sockets_send(&ladder, &servers, socket, server, frame, length, now);
        }
    }
    path_sockets_close_unused(&ladder, &kept_path);
}

// The first network after a start is the one that was left for a deep sleep, as far as known.
void follow_network(bool came_in, uint64_t now)
{
    if (came_in && came_in_before) {
        lfcp_path_network_changed(&kept_path, &kept_client, now);
    } else if (came_in || (configuration.key != nullptr && lfcp_path_wants_socket(&kept_path, &kept_client, now))) {
        lfcp_path_new_socket(&kept_path, &kept_client, now);
    } else {
        return;
    }
    came_in_before = true;
    udp_servers_open(&servers);
}

// What each frame calls for goes out before the next one is looked at: the client owes a server one ACK at a time.
// Messages' answers first: a picture's is taken also after what was sent later.
void receive_all(uint64_t now)
{
    uint8_t frame[LFCP_SIGNED_MAX_FRAME];
    size_t length = 0;
    unsigned server = 0;
    while (udp_servers_receive(&servers, &server, frame, sizeof frame, &length, now) ||
           path_sockets_receive(&ladder, &servers, &server, frame, sizeof frame, &length, now) ||
           frames::receive(&server, frame, sizeof frame, &length, now)) {
        lfcp_event event = {};
        if (lfcp_client_receive(&kept_client, server, frame, length, now, &event) == LFCP_OK) {
            was_useful = true;
        }
        if (event.kind == LFCP_EVENT_PICTURE_ANSWERED) {
            frames::answered(server, event.answer, now);
        }
        send_all(now);
    }
}

}  // namespace

namespace contact {

bool begin(const config &of, uint64_t now)
{
    settings = of;
    time_now = now;
    orders::at(now);
    orders::begin(settings.sleep);
    trouble = read_settings();
    if (trouble != nullptr) {
        return false;
    }
    configure();
    const lfcp_status status = start_client(now);
    trouble = status == LFCP_OK ? nullptr : lfcp_status_text(status);
    return status == LFCP_OK;
}

const char *problem()
{
    return trouble;
}

void work(bool came_in, uint64_t now)
{
    time_now = now;
    orders::at(now);
    follow_network(came_in, now);
    if (came_in) {
        frames::hang_up(now);
    }
    receive_all(now);
    frames::work(now);
    send_all(now);
}

bool useful()
{
    const bool was = was_useful;
    was_useful = false;
    return was;
}

void snap_taken(Picture picture, const char *why, uint64_t now)
{
    orders::at(now);
    orders::snap_taken(&kept_client, std::move(picture), why);
}

void show(Picture picture, lfcp_trigger trigger)
{
    frames::offer(std::move(picture), trigger, nullptr, PICTURE_FOR_ALL);
}

void tell(lfcp_verb verb, const char *text, uint64_t now)
{
    lfcp_client_queue(&kept_client, verb, text, now);
}

bool detector_on()
{
    return lfcp_client_detector_on(&kept_client);
}

bool camera_on()
{
    return lfcp_client_camera_on(&kept_client);
}

const lfcp_client *client()
{
    return &kept_client;
}

void command_ended(bool succeeded, const char *why, uint64_t now)
{
    if (succeeded) {
        lfcp_client_command_done(&kept_client);
    } else {
        lfcp_client_command_failed(&kept_client, why, now);
    }
}

void probe_ended(bool reachable, uint64_t now)
{
    internet = reachable;
    was_useful = was_useful || reachable;
    probe_at = now + probe_every_ms;
}

uint32_t sleep_due()
{
    if (!orders::sleep_asked() || uploads::busy() || !lfcp_client_may_sleep(&kept_client)) {
        return 0;
    }
    if (frames::busy() && time_now - orders::sleep_asked_at() < sleep_waits_ms) {
        return 0;
    }
    kept_sleep_s = settings.sleep;
    kept_mark = whole;
    return kept_sleep_s;
}

bool restart_due()
{
    return orders::restart_asked() && !uploads::busy();
}

}  // namespace contact
