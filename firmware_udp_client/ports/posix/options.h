/* The command line of lfcp-device. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "host_port.h"
#include "lfcp_client.h"
#include "lfcp_ladder.h"

#define OPTIONS_ALLOWED_UDP 8

typedef struct options {
    const char *name;
    const char *key_file;
    lfcp_server_address servers[LFCP_CLIENT_SERVERS];
    unsigned server_count;
    uint32_t interval_s; /* 0: learned */
    lfcp_ladder_steps ladder; /* count 0: the usual ones */
    uint32_t sleep_s;
    const char *state;
    const char *picture;
    uint32_t live_rate; /* pictures a second at most */
    const char *on_picture;
    host_port failover; /* port 0: no failover alarm mode */
    uint16_t allowed_udp[OPTIONS_ALLOWED_UDP]; /* ports of this machine that sessions may be for */
    unsigned allowed_count;
    bool no_connect;
    bool tcp;
    bool plain_heartbeats;
    bool help;
} options;

/* False after a message on stderr that names the option and the way out. */
bool options_read(options *out, int count, char **arguments);

/* What --help prints. */
void options_help(void);

#endif
