/* What orders on stdin do. */
#include <string.h>

#include "bounded_text.h"
#include "device.h"
#include "journal.h"

static void queue(device *of, lfcp_verb verb, const char *text)
{
    const lfcp_status status = lfcp_client_queue(&of->client, verb, text[0] == '\0' ? "-" : text, of->now);
    journal("%s %s", status == LFCP_OK ? "queued" : "not queued", lfcp_verb_entry_of(verb)->name);
}

static void motion(device *of, const char *text)
{
    if (lfcp_client_detector_on(&of->client)) {
        queue(of, LFCP_VERB_MOAL, text);
        device_upload_own(of, LFCP_TRIGGER_ALARM);
    } else {
        journal("not seen: the detector is off");
    }
}

static void order_sleep(device *of, const char *text)
{
    uint32_t seconds = 0;
    if (!text_to_number(text, strlen(text), 1, LFCP_CLIENT_MAX_SLEEP, &seconds) || !device_sleep(of, seconds)) {
        journal("not understood: sleep takes 1 to %d seconds", LFCP_CLIENT_MAX_SLEEP);
    }
}

static void say_status(const device *of)
{
    journal("status %s detector %s camera %s failover %s", of->sleep_until != 0 ? "asleep" : "awake",
            of->detector ? "on" : "off", of->camera_on ? "on" : "off", of->failover ? "on" : "off");
}

static void obey_awake(device *of, const console_order *order)
{
    switch (order->verb) {
    case CONSOLE_MOTION:
        motion(of, order->text);
        break;
    case CONSOLE_LOG:
        queue(of, LFCP_VERB_LOG, order->text);
        break;
    case CONSOLE_ERR:
        queue(of, LFCP_VERB_ERR, order->text);
        break;
    case CONSOLE_SLEEP:
        order_sleep(of, order->text);
        break;
    default:
        journal("not understood: try motion, log, err, sleep, status or quit");
        break;
    }
}

void device_obey(device *of, const console_order *order)
{
    if (order->verb == CONSOLE_QUIT) {
        of->end = DEVICE_QUIT;
    } else if (order->verb == CONSOLE_STATUS) {
        say_status(of);
    } else if (of->sleep_until != 0) {
        journal("asleep");
    } else {
        obey_awake(of, order);
    }
}
