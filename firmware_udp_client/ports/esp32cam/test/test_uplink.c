/* Several networks, tried in turn. */
#include "check.h"
#include "uplink.h"

static uplink net;
static uint64_t now;

/* The order after so many ms without a network. */
static uplink_order after(uint64_t ms)
{
    now += ms;
    return uplink_step(&net, false, false, now);
}

static void start(unsigned networks)
{
    now = 5;
    uplink_start(&net, networks);
}

static bool begins(uplink_order order, unsigned network)
{
    return order.begin && order.network == network;
}

static void without_networks_nothing_is_tried(void)
{
    start(0);
    CHECK(!after(0).begin && !after(UPLINK_TRY_MS).begin && !after(UPLINK_USELESS_MS).begin);
    CHECK(net.state == UPLINK_NO_NETWORKS);
}

static void the_networks_are_tried_in_turn_then_it_rests(void)
{
    start(3);
    CHECK(begins(after(0), 0));
    CHECK(!after(UPLINK_TRY_MS - 1).begin);
    CHECK(begins(after(1), 1));
    CHECK(begins(after(UPLINK_TRY_MS), 2));
    CHECK(!after(UPLINK_TRY_MS).begin && net.state == UPLINK_RESTING);
    CHECK(!after(UPLINK_REST_MS - 1).begin);
    CHECK(begins(after(1), 0));
}

static void a_network_that_lets_it_in_is_kept(void)
{
    start(2);
    after(0);
    now += 10;
    CHECK(!uplink_step(&net, true, false, now).begin && net.state == UPLINK_CONNECTED);
    for (unsigned step = 0; step < 1000; step++) {
        now += UPLINK_USELESS_MS - 1;
        CHECK(!uplink_step(&net, true, true, now).begin);
    }
}

static void a_lost_network_is_tried_first_again(void)
{
    start(2);
    after(0);
    uplink_step(&net, true, true, now);
    CHECK(begins(after(1), 0) && net.state == UPLINK_TRYING);
    CHECK(begins(after(UPLINK_TRY_MS), 1));
    CHECK(!after(UPLINK_TRY_MS).begin && net.state == UPLINK_RESTING);
}

static void a_network_that_leads_nowhere_is_left_for_the_next(void)
{
    start(2);
    after(0);
    uplink_step(&net, true, false, now);
    now += UPLINK_USELESS_MS;
    CHECK(begins(uplink_step(&net, true, false, now), 1));
}

static void with_one_network_a_useless_one_is_joined_anew(void)
{
    start(1);
    after(0);
    uplink_step(&net, true, false, now);
    now += UPLINK_USELESS_MS;
    CHECK(begins(uplink_step(&net, true, false, now), 0));
}

static void a_network_that_comes_while_it_rests_is_taken(void)
{
    start(1);
    after(0);
    after(UPLINK_TRY_MS);
    CHECK(net.state == UPLINK_RESTING);
    CHECK(!uplink_step(&net, true, false, now + 1).begin && net.state == UPLINK_CONNECTED);
}

int main(void)
{
    RUN(without_networks_nothing_is_tried);
    RUN(the_networks_are_tried_in_turn_then_it_rests);
    RUN(a_network_that_lets_it_in_is_kept);
    RUN(a_lost_network_is_tried_first_again);
    RUN(a_network_that_leads_nowhere_is_left_for_the_next);
    RUN(with_one_network_a_useless_one_is_joined_anew);
    RUN(a_network_that_comes_while_it_rests_is_taken);
    return checked();
}
