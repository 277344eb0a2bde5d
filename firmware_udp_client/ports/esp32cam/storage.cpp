#include "storage.h"

#include <Arduino.h>
#include <Preferences.h>
#include <esp_mac.h>
#include <esp_random.h>
#include <freertos/FreeRTOS.h>
#include <freertos/semphr.h>
#include <mbedtls/md.h>

#include <cstring>
#include <memory>

namespace {

constexpr char configuration_key[] = "config";
constexpr char alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789";  // 32, none that looks like another
constexpr size_t password_length = 12;                           // 60 bits
constexpr size_t fingerprint_bytes = 20;

Preferences flash;
SemaphoreHandle_t in_use;
char fingerprint_text[2 * fingerprint_bytes + 1];

class Turn {
public:
    Turn() { xSemaphoreTake(in_use, portMAX_DELAY); }
    ~Turn() { xSemaphoreGive(in_use); }
    Turn(const Turn &) = delete;
    Turn &operator=(const Turn &) = delete;
};

void chip_id(uint8_t id[6])
{
    esp_efuse_mac_get_default(id);
}

void name_after_chip(config &of)
{
    uint8_t id[6];
    chip_id(id);
    snprintf(of.name, sizeof of.name, "camera-%02x%02x%02x", id[3], id[4], id[5]);
}

void password_of_chance(config &of)
{
    for (size_t at = 0; at < password_length; at++) {
        of.password[at] = alphabet[esp_random() % 32];
    }
    of.password[password_length] = '\0';
}

bool write(const config &of)
{
    const auto lines = std::make_unique<char[]>(CONFIG_TEXT_SIZE);
    return config_write(&of, lines.get(), CONFIG_TEXT_SIZE) &&
           flash.putBytes(configuration_key, lines.get(), strlen(lines.get())) == strlen(lines.get());
}

config read()
{
    config of;
    config_defaults(&of);
    const size_t length = flash.getBytesLength(configuration_key);
    const auto lines = std::make_unique<char[]>(CONFIG_TEXT_SIZE);
    if (length > 0 && length < CONFIG_TEXT_SIZE) {
        lines[flash.getBytes(configuration_key, lines.get(), length)] = '\0';
        config_read(&of, lines.get());
    }
    return of;
}

void make_fingerprint()
{
    uint8_t id[6], hash[32];
    chip_id(id);
    mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), id, sizeof id, hash);
    for (size_t at = 0; at < fingerprint_bytes; at++) {
        snprintf(fingerprint_text + 2 * at, 3, "%02x", hash[at]);
    }
}

// A camera whose password was lost with its flash gets a new one, not none.
bool complete(config &of)
{
    const bool was_complete = of.name[0] != '\0' && of.password[0] != '\0';
    if (of.name[0] == '\0') {
        name_after_chip(of);
    }
    if (of.password[0] == '\0') {
        password_of_chance(of);
    }
    return was_complete || write(of);
}

int read_record(void *, const char *key, uint8_t *data, size_t size)
{
    const Turn turn;
    if (!flash.isKey(key) || flash.getBytesLength(key) != size) {
        return 1;
    }
    return flash.getBytes(key, data, size) == size ? 0 : -1;
}

int write_record(void *, const char *key, const uint8_t *data, size_t size)
{
    const Turn turn;
    return flash.putBytes(key, data, size) == size ? 0 : -1;
}

}  // namespace

namespace storage {

bool begin()
{
    in_use = xSemaphoreCreateMutex();
    make_fingerprint();
    if (!flash.begin("lfcp")) {
        return false;
    }
    config of = read();
    return complete(of);
}

config load()
{
    const Turn turn;
    return read();
}

bool change(const std::function<bool(config &)> &change)
{
    const Turn turn;
    config of = read();
    return change(of) && write(of);
}

lfcp_storage records()
{
    return {nullptr, read_record, write_record};
}

const char *fingerprint()
{
    return fingerprint_text;
}

}  // namespace storage
