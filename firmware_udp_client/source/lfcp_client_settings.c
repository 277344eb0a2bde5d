/* What CONF gave the device: kept beyond restarts, each value under its own name, so that one CONF is one small write
 * and a longer table of settings in a later version loses none. */
#include "lfcp_client_internal.h"

#define NOT_GIVEN INT32_MIN
#define VALUE_DIGITS 7
#define RECORD 4 /* bytes of a value */

typedef struct limits {
    const char *name;
    int32_t least;
    int32_t greatest;
} limits;

static const limits table[LFCP_SETTING_COUNT] = {
#define LFCP_LIMITS_OF(name, least, greatest) {#name, least, greatest},
    LFCP_SETTINGS(LFCP_LIMITS_OF)
#undef LFCP_LIMITS_OF
};

const char *lfcp_setting_name(unsigned setting)
{
    return setting < LFCP_SETTING_COUNT ? table[setting].name : NULL;
}

static bool allowed(unsigned setting, int32_t value)
{
    return value >= table[setting].least && value <= table[setting].greatest;
}

lfcp_status lfcp_settings_start(lfcp_client *client)
{
    const lfcp_storage *storage = &client->config->storage;
    uint8_t bytes[RECORD];
    for (unsigned at = 0; at < LFCP_SETTING_COUNT; at++) {
        int answer = storage->read(storage->context, table[at].name, bytes, sizeof bytes);
        if (answer != 0 && answer != 1) {
            return LFCP_STORAGE_FAILED;
        }
        int32_t value = answer == 0 ? (int32_t)(uint32_t)lfcp_get_big_endian(bytes, sizeof bytes) : NOT_GIVEN;
        client->settings[at] = allowed(at, value) ? value : NOT_GIVEN;
    }
    return LFCP_OK;
}

/* "0", or up to seven digits without leading zeros, of a negative number with "-" before them. */
static bool read_value(const char *text, int32_t *value)
{
    uint64_t number;
    bool negative = text[0] == '-';
    lfcp_text digits = lfcp_text_of(negative ? text + 1 : text);
    if (digits.length == 0 || !lfcp_read_decimal(digits, VALUE_DIGITS, &number) || (negative && number == 0)) {
        return false;
    }
    *value = negative ? -(int32_t)number : (int32_t)number;
    return true;
}

static unsigned setting_called(const char *name)
{
    unsigned at = 0;
    while (at < LFCP_SETTING_COUNT && !lfcp_same_text(lfcp_text_of(name), table[at].name)) {
        at++;
    }
    return at;
}

/* LFCP_BAD_PARAMETER for what is no setting or not among its values. */
lfcp_status lfcp_settings_keep(lfcp_client *client, const char *name, const char *text)
{
    const lfcp_storage *storage = &client->config->storage;
    uint8_t bytes[RECORD];
    int32_t value;
    unsigned setting = setting_called(name);
    if (setting == LFCP_SETTING_COUNT || !read_value(text, &value) || !allowed(setting, value)) {
        return LFCP_BAD_PARAMETER;
    }
    lfcp_put_big_endian(bytes, (uint32_t)value, sizeof bytes);
    if (client->settings[setting] != value &&
        storage->write(storage->context, table[setting].name, bytes, sizeof bytes) != 0) {
        return LFCP_STORAGE_FAILED;
    }
    client->settings[setting] = value;
    return LFCP_OK;
}

bool lfcp_client_setting(const lfcp_client *client, unsigned setting, int32_t *value)
{
    if (setting >= LFCP_SETTING_COUNT || client->settings[setting] == NOT_GIVEN) {
        return false;
    }
    *value = client->settings[setting];
    return true;
}

lfcp_status lfcp_settings_digest_of(const lfcp_client *client, char digest[LFCP_DIGEST + 1])
{
    bool given[LFCP_SETTING_COUNT];
    for (unsigned at = 0; at < LFCP_SETTING_COUNT; at++) {
        given[at] = client->settings[at] != NOT_GIVEN;
    }
    return lfcp_settings_digest(client->config->crypto, given, client->settings, digest);
}
