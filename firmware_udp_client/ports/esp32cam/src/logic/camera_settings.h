/* CONF's settings: which of them the image sensor takes, and what the others mean to the camera. */
#ifndef LOGIC_CAMERA_SETTINGS_H
#define LOGIC_CAMERA_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "lfcp_client.h"

/* As the driver's setters: 0 if the sensor took it. */
typedef int camera_setter(void *sensor, int value);

/* One for each setting, in the order of lfcp_client.h; NULL for those that are not the sensor's. */
typedef camera_setter *camera_setters[LFCP_SETTING_COUNT];

typedef struct camera_habits {
    bool flash;
    uint32_t flash_ms; /* before the picture */
    bool automatic;
    uint32_t interval_s; /* between automatic pictures */
} camera_habits;

/* Whether the sensor has to have a setter for it. */
bool camera_setting_is_sensors(unsigned setting);

/* The number of a setting, by the name that CONF gives; LFCP_SETTING_COUNT for none. */
unsigned camera_setting_by_name(const char *name);

/* False if the sensor refused. What is not the sensor's is taken. */
bool camera_setting_apply(const camera_setters setters, void *sensor, unsigned setting, int32_t value);

/* All that CONF gave so far, after a start; the number that were refused. */
unsigned camera_settings_apply(const camera_setters setters, void *sensor, const lfcp_client *client);

camera_habits camera_habits_of(const lfcp_client *client);

#endif
