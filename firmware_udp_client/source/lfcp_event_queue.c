/* What the device has to tell and no server, or not every server, has acknowledged yet: bounded, alarms first. */
#include "lfcp_client_internal.h"

static unsigned urgency_of(unsigned verb)
{
    return verb == LFCP_VERB_MOAL ? 2 : verb == LFCP_VERB_ERR ? 1 : 0;
}

static unsigned bit(unsigned server)
{
    return 1u << server;
}

static bool before(const lfcp_event_queue *queue, uint8_t place, uint8_t other)
{
    return other == LFCP_NONE || queue->places[place].number < queue->places[other].number;
}

static uint8_t oldest_free(const lfcp_event_queue *queue)
{
    for (uint8_t place = 0; place < LFCP_CLIENT_EVENTS; place++) {
        if (queue->places[place].waiting == 0) {
            return place;
        }
    }
    return LFCP_NONE;
}

/* The oldest one that some server has already. */
static uint8_t oldest_told(const lfcp_event_queue *queue, unsigned servers)
{
    uint8_t found = LFCP_NONE;
    for (uint8_t place = 0; place < LFCP_CLIENT_EVENTS; place++) {
        if (queue->places[place].waiting != bit(servers) - 1 && before(queue, place, found)) {
            found = place;
        }
    }
    return found;
}

/* The oldest of what matters least, if it matters less than this verb. */
static uint8_t oldest_lesser(const lfcp_event_queue *queue, lfcp_verb verb)
{
    uint8_t found = LFCP_NONE;
    unsigned least = urgency_of(verb);
    for (uint8_t place = 0; place < LFCP_CLIENT_EVENTS; place++) {
        unsigned urgency = urgency_of(queue->places[place].verb);
        if (urgency < least || (urgency == least && found != LFCP_NONE && before(queue, place, found))) {
            found = place;
            least = urgency;
        }
    }
    return found;
}

/* A place for a new message: a free one, else first that of what one server has, then that of what matters less. */
uint8_t lfcp_queue_make_room(lfcp_event_queue *queue, lfcp_verb verb, unsigned servers)
{
    uint8_t place = oldest_free(queue);
    if (place != LFCP_NONE) {
        return place;
    }
    place = oldest_told(queue, servers);
    if (place == LFCP_NONE) {
        place = oldest_lesser(queue, verb);
    }
    if (place != LFCP_NONE) {
        queue->places[place].waiting = 0;
        queue->displaced++;
    }
    return place;
}

bool lfcp_queue_waits_for(const lfcp_event_queue *queue, uint8_t place, unsigned server)
{
    return (queue->places[place].waiting & bit(server)) != 0;
}

bool lfcp_queue_more_urgent(const lfcp_event_queue *queue, uint8_t place, uint8_t than)
{
    return urgency_of(queue->places[place].verb) > urgency_of(queue->places[than].verb);
}

/* What this server should be sent now: the most urgent, the oldest of them. */
uint8_t lfcp_queue_next(const lfcp_event_queue *queue, unsigned server)
{
    uint8_t found = LFCP_NONE;
    for (uint8_t place = 0; place < LFCP_CLIENT_EVENTS; place++) {
        const lfcp_queued *queued = &queue->places[place];
        if ((queued->waiting & ~(unsigned)queued->tired & bit(server)) == 0) {
            continue;
        }
        if (found == LFCP_NONE || lfcp_queue_more_urgent(queue, place, found) ||
            (!lfcp_queue_more_urgent(queue, found, place) && before(queue, place, found))) {
            found = place;
        }
    }
    return found;
}

void lfcp_queue_acknowledged(lfcp_event_queue *queue, uint8_t place, unsigned server)
{
    queue->places[place].waiting &= (uint8_t)~bit(server);
}

void lfcp_queue_tired(lfcp_event_queue *queue, uint8_t place, unsigned server)
{
    queue->places[place].tired |= (uint8_t)bit(server);
}

/* The server lives: what was kept for it goes out again. */
void lfcp_queue_heard(lfcp_event_queue *queue, unsigned server)
{
    for (uint8_t place = 0; place < LFCP_CLIENT_EVENTS; place++) {
        queue->places[place].tired &= (uint8_t)~bit(server);
    }
}
