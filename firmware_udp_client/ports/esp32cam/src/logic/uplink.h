/* Which of several Wi-Fi networks to use: tried in turn until one works, and left when it leads nowhere. */
#ifndef LOGIC_UPLINK_H
#define LOGIC_UPLINK_H

#include <stdbool.h>
#include <stdint.h>

#define UPLINK_TRY_MS 15000      /* for a network to let the camera in */
#define UPLINK_REST_MS 30000     /* after a round without success: scanning disturbs the access point's guests */
#define UPLINK_USELESS_MS 180000 /* connected, and no server answers: the next network may do better */

typedef enum uplink_state { UPLINK_NO_NETWORKS, UPLINK_TRYING, UPLINK_CONNECTED, UPLINK_RESTING } uplink_state;

typedef struct uplink {
    uplink_state state;
    unsigned networks;
    unsigned current;
    unsigned tried; /* in this round, with the one that is being tried */
    uint64_t since; /* of the state; of UPLINK_CONNECTED: since it was last useful */
} uplink;

typedef struct uplink_order {
    bool begin; /* connect to this network now, whatever was before */
    unsigned network;
} uplink_order;

/* The first call of uplink_step() begins with network 0. */
void uplink_start(uplink *of, unsigned networks);

/* Call it often. is_up: the network has let the camera in, with an address. is_useful: a server was heard, or the
 * internet answered, since the last call. */
uplink_order uplink_step(uplink *of, bool is_up, bool is_useful, uint64_t now);

#endif
