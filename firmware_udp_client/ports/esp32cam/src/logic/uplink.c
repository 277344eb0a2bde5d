#include "uplink.h"

typedef enum uplink_event { EVENT_UP, EVENT_DOWN, EVENT_TOO_LONG, EVENT_COUNT } uplink_event;

typedef enum uplink_action {
    STAY,
    ARRIVE,    /* a round of tries is over, with success */
    TRY_SAME,  /* it may have been a short break */
    TRY_NEXT,  /* or rest, once every network was tried */
    TRY_ROUND, /* a new round, with the next one */
} uplink_action;

/* EVENT_DOWN is the ordinary state of a network that is being tried. */
static const uplink_action actions[][EVENT_COUNT] = {
    [UPLINK_NO_NETWORKS] = {[EVENT_UP] = STAY, [EVENT_DOWN] = STAY, [EVENT_TOO_LONG] = STAY},
    [UPLINK_TRYING] = {[EVENT_UP] = ARRIVE, [EVENT_DOWN] = STAY, [EVENT_TOO_LONG] = TRY_NEXT},
    [UPLINK_CONNECTED] = {[EVENT_UP] = STAY, [EVENT_DOWN] = TRY_SAME, [EVENT_TOO_LONG] = TRY_ROUND},
    [UPLINK_RESTING] = {[EVENT_UP] = ARRIVE, [EVENT_DOWN] = STAY, [EVENT_TOO_LONG] = TRY_ROUND},
};

void uplink_start(uplink *of, unsigned networks)
{
    *of = (uplink){
        .state = networks == 0 ? UPLINK_NO_NETWORKS : UPLINK_RESTING,
        .networks = networks,
        .current = networks == 0 ? 0 : networks - 1,
    };
}

static uint64_t limit_of(const uplink *of)
{
    switch (of->state) {
    case UPLINK_TRYING:
        return UPLINK_TRY_MS;
    case UPLINK_CONNECTED:
        return UPLINK_USELESS_MS;
    default:
        return of->since == 0 ? 0 : UPLINK_REST_MS; /* nothing to rest from at the start */
    }
}

static uplink_event event_of(const uplink *of, bool is_up, uint64_t now)
{
    const bool matters = of->state != UPLINK_CONNECTED || is_up;
    if (is_up && of->state != UPLINK_CONNECTED) {
        return EVENT_UP;
    }
    if (matters && now - of->since >= limit_of(of)) {
        return EVENT_TOO_LONG;
    }
    return is_up ? EVENT_UP : EVENT_DOWN;
}

static uplink_order enter(uplink *of, uplink_state state, bool begin, uint64_t now)
{
    of->state = state;
    of->since = now;
    return (uplink_order){begin, of->current};
}

static uplink_order try_next(uplink *of, uint64_t now)
{
    if (of->tried >= of->networks) {
        return enter(of, UPLINK_RESTING, false, now);
    }
    of->current = (of->current + 1) % of->networks;
    of->tried++;
    return enter(of, UPLINK_TRYING, true, now);
}

uplink_order uplink_step(uplink *of, bool is_up, bool is_useful, uint64_t now)
{
    if (of->state == UPLINK_CONNECTED && is_useful) {
        of->since = now;
    }
    switch (actions[of->state][event_of(of, is_up, now)]) {
    case ARRIVE:
        return enter(of, UPLINK_CONNECTED, false, now);
    case TRY_SAME:
        of->tried = 1;
        return enter(of, UPLINK_TRYING, true, now);
    case TRY_NEXT:
        return try_next(of, now);
    case TRY_ROUND:
        of->tried = 0;
        return try_next(of, now);
    default:
        return (uplink_order){false, of->current};
    }
}
