#include "camera_settings.h"

#include <string.h>

#define USUAL_FLASH_MS 200
#define USUAL_INTERVAL_S 60

bool camera_setting_is_sensors(unsigned setting)
{
    switch (setting) {
    case LFCP_SETTING_flash:
    case LFCP_SETTING_flash_duration:
    case LFCP_SETTING_interval:
    case LFCP_SETTING_auto_photo:
        return false;
    default:
        return setting < LFCP_SETTING_COUNT;
    }
}

unsigned camera_setting_by_name(const char *name)
{
    unsigned setting = 0;
    while (setting < LFCP_SETTING_COUNT && strcmp(lfcp_setting_name(setting), name) != 0) {
        setting++;
    }
    return setting;
}

bool camera_setting_apply(const camera_setters setters, void *sensor, unsigned setting, int32_t value)
{
    if (!camera_setting_is_sensors(setting)) {
        return setting < LFCP_SETTING_COUNT;
    }
    return setters[setting] != NULL && setters[setting](sensor, value) == 0;
}

unsigned camera_settings_apply(const camera_setters setters, void *sensor, const lfcp_client *client)
{
    unsigned refused = 0;
    int32_t value = 0;
    for (unsigned setting = 0; setting < LFCP_SETTING_COUNT; setting++) {
        if (lfcp_client_setting(client, setting, &value)) {
            refused += camera_setting_apply(setters, sensor, setting, value) ? 0 : 1;
        }
    }
    return refused;
}

static int32_t given(const lfcp_client *client, unsigned setting, int32_t usual)
{
    int32_t value = usual;
    lfcp_client_setting(client, setting, &value);
    return value;
}

camera_habits camera_habits_of(const lfcp_client *client)
{
    return (camera_habits){
        .flash = given(client, LFCP_SETTING_flash, 0) != 0,
        .flash_ms = (uint32_t)given(client, LFCP_SETTING_flash_duration, USUAL_FLASH_MS),
        .automatic = given(client, LFCP_SETTING_auto_photo, 0) != 0,
        .interval_s = (uint32_t)given(client, LFCP_SETTING_interval, USUAL_INTERVAL_S),
    };
}
