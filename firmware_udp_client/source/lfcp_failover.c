/* Failover alarm mode: no server answers and the internet is reachable, so the detector runs by itself and a motion is
 * told past the servers. */
#include "lfcp_client_internal.h"

static bool all_servers_silent(const lfcp_client *client)
{
    for (unsigned at = 0; at < client->config->servers; at++) {
        if (client->servers[at].misses < LFCP_FAILOVER_MISSES) {
            return false;
        }
    }
    return true;
}

void lfcp_failover_watch(lfcp_client *client)
{
    const lfcp_failover_config *failover = &client->config->failover;
    client->in_failover =
        failover->configured && all_servers_silent(client) && failover->internet_reachable(failover->context);
}

void lfcp_failover_heard(lfcp_client *client, unsigned server)
{
    client->servers[server].misses = 0;
    client->in_failover = false;
}

void lfcp_failover_tell(lfcp_client *client, const char *text)
{
    const lfcp_failover_config *failover = &client->config->failover;
    if (client->in_failover) {
        failover->tell_directly(failover->context, text);
    }
}
