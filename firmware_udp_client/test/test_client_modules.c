/* What a module may do in a client: say something in the report, and take frames that the client has no use for. */
#include "check.h"
#include "client_world.h"

typedef struct listener {
    lfcp_module module;
    lfcp_verb takes;
    unsigned shown; /* frames */
    lfcp_verb last;
    unsigned server;
} listener;

static bool hear(void *context, lfcp_client *client, unsigned server, const lfcp_message *message)
{
    listener *of = context;
    of->shown += lfcp_client_camera_on(client);
    of->last = message->verb;
    of->server = server;
    return message->verb == of->takes;
}

static world w;
static listener one, other;

static void begin(void)
{
    one = (listener){.module = {&other.module, &one, 'k', ".e115", hear}, .takes = LFCP_VERB_PROB};
    other = (listener){.module = {NULL, &other, 't', "", hear}, .takes = LFCP_VERB_PNCH};
    world_prepare(&w);
    w.config.modules = &one.module;
}

static void every_module_has_its_flag_and_one_has_the_end_of_the_report(void)
{
    begin();
    CHECK(world_start(&w, 0x9f3c) == LFCP_OK);
    CHECK(poll_all(&w) == 2);
    CHECK(param_is(last(&w, 0), 4, "cskt.-.0.e115"));
}

static void without_a_key_modules_say_and_hear_nothing(void)
{
    begin();
    w.config.key = NULL;
    CHECK(world_start(&w, 0x9f3c) == LFCP_OK);
    CHECK(poll_all(&w) == 2);
    CHECK(param_is(last(&w, 0), 4, "c.-.0"));
    CHECK(serve_text(&w, 0, "cam1,ACK,0,0,0,26,0,0") == LFCP_OK);
    CHECK(serve_text(&w, 0, "cam1,PROB,0,0,0,0,0,0") == LFCP_NOT_FOR_ME);
    CHECK(one.shown == 0 && other.shown == 0);
}

static void modules_are_shown_acks_and_what_the_client_has_no_use_for(void)
{
    begin();
    CHECK(world_start(&w, 0x9f3c) == LFCP_OK);
    CHECK(poll_all(&w) == 2);
    CHECK(serve(&w, 1, LFCP_VERB_PROB, "0", "0", "0", "0") == LFCP_REPLAYED); /* nothing proves it fresh */
    CHECK(one.shown == 0);
    CHECK(acknowledge_beats(&w) == LFCP_OK);
    CHECK(one.shown == 2 && other.shown == 2 && one.last == LFCP_VERB_ACK);
    CHECK(serve(&w, 1, LFCP_VERB_PROB, "0", "0", "0", "0") == LFCP_OK);
    CHECK(w.event.kind == LFCP_EVENT_NONE && w.event.verb == LFCP_VERB_PROB);
    CHECK(one.last == LFCP_VERB_PROB && one.server == 1);
    CHECK(serve(&w, 0, LFCP_VERB_PNCH, "1f", "0", "ended", "0") == LFCP_OK);
    CHECK(serve_again(&w, 0) == LFCP_REPLAYED);
    CHECK(serve(&w, 0, LFCP_VERB_KEEP, "25000", "0", "0", "0") == LFCP_NOT_FOR_ME);
    CHECK(command(&w, 0, LFCP_VERB_TLGS, "0", "0", "A.1") == LFCP_OK);
    CHECK(one.shown == 5 && other.shown == 5 && other.last == LFCP_VERB_KEEP);
}

static void what_a_module_takes_shows_that_the_server_lives(void)
{
    begin();
    w.config.failover.configured = w.reachable = true;
    CHECK(world_start(&w, 0x9f3c) == LFCP_OK);
    CHECK(poll_all(&w) == 2);
    CHECK(acknowledge_beats(&w) == LFCP_OK);
    while (!lfcp_client_in_failover(&w.client)) {
        (void)poll_after(&w, wakeup_in(&w));
    }
    CHECK(serve(&w, 1, LFCP_VERB_KEEP, "0", "0", "0", "0") == LFCP_NOT_FOR_ME);
    CHECK(lfcp_client_in_failover(&w.client));
    CHECK(serve(&w, 1, LFCP_VERB_PROB, "0", "0", "0", "0") == LFCP_OK);
    CHECK(!lfcp_client_in_failover(&w.client));
}

int main(void)
{
    RUN(every_module_has_its_flag_and_one_has_the_end_of_the_report);
    RUN(without_a_key_modules_say_and_hear_nothing);
    RUN(modules_are_shown_acks_and_what_the_client_has_no_use_for);
    RUN(what_a_module_takes_shows_that_the_server_lives);
    return checked();
}
