#pragma once
#include <cstdint>

typedef enum { WL_IDLE_STATUS = 0, WL_CONNECTED = 3, WL_DISCONNECTED = 6 } wl_status_t;
typedef enum { WIFI_MODE_NULL, WIFI_MODE_STA, WIFI_MODE_AP, WIFI_MODE_APSTA } wifi_mode_t;
#define WIFI_STA WIFI_MODE_STA

class WiFiClass {
public:
    void persistent(bool persistent);
    bool mode(wifi_mode_t mode);
    bool setSleep(bool enabled);
    bool setAutoReconnect(bool autoReconnect);
    wl_status_t begin(const char *ssid, const char *passphrase = nullptr, int32_t channel = 0,
                      const uint8_t *bssid = nullptr, bool connect = true);
    bool disconnect(bool wifioff = false, bool eraseap = false, unsigned long timeoutLength = 100);
    bool softAP(const char *ssid, const char *passphrase = nullptr, int channel = 1, int ssid_hidden = 0,
                int max_connection = 4, bool ftm_responder = false);
    bool softAPdisconnect(bool wifioff = false);
    wl_status_t status();
};
extern WiFiClass WiFi;
