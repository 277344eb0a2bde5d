/* lfcp-device: a device of LFCP as a program. See options.c for what it can, README.md for what it says. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "journal.h"
#include "key_file.h"
#include "signals.h"

enum { ENDED_AS_ASKED = 0, FAILED = 1, WRONG_USAGE = 2 };

static int run(const options *settings, const uint8_t *key)
{
    console orders;
    console_start(&orders);
    device_end end;
    do {
        end = device_run(settings, key, &orders);
        if (end == DEVICE_RESTART) {
            journal("restart");
        }
    } while (end == DEVICE_RESTART);
    journal("stopped");
    return end == DEVICE_QUIT ? ENDED_AS_ASKED : FAILED;
}

int main(int count, char **arguments)
{
    options settings;
    uint8_t key[LFCP_KEY];
    if (!options_read(&settings, count, arguments)) {
        return WRONG_USAGE;
    }
    if (settings.help) {
        options_help();
        return ENDED_AS_ASKED;
    }
    if (settings.key_file != NULL && !key_file_read(settings.key_file, key)) {
        return WRONG_USAGE;
    }
    if (!signals_open()) {
        fprintf(stderr, "lfcp-device: no pipe for signals: %s\n", strerror(errno));
        return FAILED;
    }
    const int status = run(&settings, settings.key_file == NULL ? NULL : key);
    explicit_bzero(key, sizeof key);
    return status;
}
