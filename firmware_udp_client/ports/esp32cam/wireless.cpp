#include "wireless.h"

#include <WiFi.h>

namespace {

constexpr uint64_t access_point_after_ms = 60000;  // without a network, where the access point is not always on

config settings;
uplink networks;
bool was_connected = false;
bool access_point_on = false;
uint64_t last_connected = 0;

unsigned count_networks(const config &of)
{
    unsigned count = 0;
    while (count < CONFIG_NETWORKS && of.network[count].ssid[0] != '\0') {
        count++;
    }
    return count;
}

void connect_to(const config_network &network)
{
    WiFi.disconnect();
    WiFi.begin(network.ssid, network.password[0] == '\0' ? nullptr : network.password);
}

void switch_access_point(bool on)
{
    if (on == access_point_on) {
        return;
    }
    access_point_on = on;
    if (on) {
        WiFi.softAP(settings.name, settings.password);
    } else {
        WiFi.softAPdisconnect(true);
    }
}

}  // namespace

namespace wireless {

void power_up()
{
    WiFi.persistent(false);  // the networks are kept in the configuration alone
    WiFi.mode(WIFI_STA);
    WiFi.setAutoReconnect(false);  // uplink.h does it, and knows more networks than one
    WiFi.setSleep(false);          // else commands wait for the next beacon
}

void begin(const config &of)
{
    settings = of;
    uplink_start(&networks, count_networks(settings));
    switch_access_point(settings.access_point != 0 || networks.networks == 0);
}

bool work(bool useful, uint64_t now)
{
    const bool is_connected = connected();
    const uplink_order order = uplink_step(&networks, is_connected, useful, now);
    if (order.begin) {
        connect_to(settings.network[order.network]);
    }
    if (is_connected) {
        last_connected = now;
    }
    const bool needed = networks.networks == 0 || now - last_connected >= access_point_after_ms;
    switch_access_point(settings.access_point != 0 || needed);
    const bool came_in = is_connected && !was_connected;
    was_connected = is_connected;
    return came_in;
}

bool connected()
{
    return WiFi.status() == WL_CONNECTED;
}

}  // namespace wireless
