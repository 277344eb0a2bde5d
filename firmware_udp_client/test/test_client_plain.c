/* LFCP/1, without a key: ACKs that name nothing, and commands without ids. */
#include <stdlib.h>

#include "check.h"
#include "client_world.h"

static world w;

#define ACK "cam1,ACK,0,0,0,0,0,0"
#define ACK_26 "cam1,ACK,0,0,0,26,0,0"

static bool last_is(const char *frame)
{
    const sent_frame *sent = last(&w, 0);
    return are_same(sent->frame, sent->length, frame, strlen(frame));
}

static void one_server(void)
{
    world_prepare(&w);
    w.config.key = NULL;
    w.config.crypto = NULL;
    w.config.servers = 1;
    CHECK(world_start(&w, 0x9f3c) == LFCP_OK);
    CHECK(poll_all(&w) == 1);
}

static void heartbeats_report_or_are_plain(void)
{
    one_server();
    CHECK(last_is("cam1,HEARTBEAT,2,20,9f3c.0,c.-.0,0,0"));
    CHECK(w.writes == 0); /* no counters */
    w.config.plain_heartbeats = true;
    CHECK(poll_after(&w, 20000) == 1 && last_is("cam1,HEARTBEAT,0,0,0,0,0,0"));
}

static void an_unanswered_heartbeat_waits_for_the_next(void)
{
    one_server();
    CHECK(wakeup_in(&w) == 20000);
    CHECK(serve_text(&w, 0, ACK_26) == LFCP_OK && w.event.kind == LFCP_EVENT_HEARTBEAT_ANSWERED);
    CHECK(w.event.number == 26 && wakeup_in(&w) == 20000);
    CHECK(serve_text(&w, 0, "cam1,ACK,0,0,0,5,0,0") == LFCP_OK && wakeup_in(&w) == 5000);
}

static void what_is_not_for_this_device_or_is_signed_is_ignored(void)
{
    one_server();
    CHECK(serve_text(&w, 0, "cam2,ACK,0,0,0,26,0,0") == LFCP_NOT_FOR_ME);
    CHECK(serve_text(&w, 0, "cam1,HEARTBEAT,0,0,0,0,0,0") == LFCP_NOT_FOR_ME);
    CHECK(serve_text(&w, 0, "cam1,SYNC,1,9f3c,0,0,0,0") == LFCP_NOT_FOR_ME);
    CHECK(serve_text(&w, 0, "cam1,ACK,1,0,0,26,1,AAAAAAAAAAAAAAAA") == LFCP_NOT_FOR_ME);
    CHECK(serve_text(&w, 0, "cam1,ACK,0,0,0,26,0") == LFCP_MISSING_FIELDS);
}

static void a_message_is_acknowledged_by_an_ack_without_an_interval(void)
{
    one_server();
    CHECK(serve_text(&w, 0, ACK_26) == LFCP_OK);
    CHECK(lfcp_client_queue(&w.client, LFCP_VERB_MOAL, "gate", w.now) == LFCP_OK);
    CHECK(poll_all(&w) == 1 && last_is("cam1,MOAL,gate,0,0,0,0,0"));
    CHECK(serve_text(&w, 0, ACK_26) == LFCP_OK && w.event.kind == LFCP_EVENT_HEARTBEAT_ANSWERED);
    CHECK(serve_text(&w, 0, ACK) == LFCP_OK && w.event.kind == LFCP_EVENT_MESSAGE_STORED && w.event.number == 1);
    CHECK(serve_text(&w, 0, ACK) == LFCP_OK && w.event.kind == LFCP_EVENT_NONE);
}

static void in_doubt_an_ack_is_the_heartbeats(void)
{
    one_server();
    CHECK(lfcp_client_queue(&w.client, LFCP_VERB_LOG, "hello", w.now) == LFCP_OK && poll_all(&w) == 1);
    CHECK(serve_text(&w, 0, ACK) == LFCP_OK && w.event.kind == LFCP_EVENT_HEARTBEAT_ANSWERED && w.event.number == 0);
    CHECK(serve_text(&w, 0, ACK) == LFCP_OK && w.event.kind == LFCP_EVENT_MESSAGE_STORED);
    one_server();
    CHECK(lfcp_client_queue(&w.client, LFCP_VERB_LOG, "hello", w.now) == LFCP_OK);
    CHECK(poll_after(&w, 2001) == 1); /* too late for the heartbeat */
    CHECK(serve_text(&w, 0, ACK) == LFCP_OK && w.event.kind == LFCP_EVENT_MESSAGE_STORED);
    one_server();
    w.now += 5000;
    CHECK(serve_text(&w, 0, ACK) == LFCP_OK &&
          w.event.kind == LFCP_EVENT_HEARTBEAT_ANSWERED); /* nothing else it could be */
}

static void after_a_repetition_the_next_message_waits_for_late_acks(void)
{
    one_server();
    CHECK(serve_text(&w, 0, ACK_26) == LFCP_OK);
    CHECK(lfcp_client_queue(&w.client, LFCP_VERB_LOG, "first", w.now) == LFCP_OK);
    CHECK(lfcp_client_queue(&w.client, LFCP_VERB_LOG, "second", w.now) == LFCP_OK);
    CHECK(poll_all(&w) == 1 && poll_after(&w, 1800) == 1);
    CHECK(serve_text(&w, 0, ACK) == LFCP_OK && poll_all(&w) == 0);
    CHECK(serve_text(&w, 0, ACK) == LFCP_OK && w.event.kind == LFCP_EVENT_NONE);
    CHECK(poll_after(&w, 1999) == 0 && poll_after(&w, 1) == 1 && last_is("cam1,LOG,second,0,0,0,0,0"));
    CHECK(lfcp_client_queue(&w.client, LFCP_VERB_LOG, "third", w.now) == LFCP_OK);
    CHECK(serve_text(&w, 0, ACK) == LFCP_OK && poll_all(&w) == 1); /* sent once: no pause */
}

static void an_alarm_overtakes_after_the_pause(void)
{
    one_server();
    CHECK(serve_text(&w, 0, ACK_26) == LFCP_OK);
    CHECK(lfcp_client_queue(&w.client, LFCP_VERB_LOG, "hello", w.now) == LFCP_OK && poll_all(&w) == 1);
    CHECK(poll_after(&w, 1800) == 1);
    CHECK(lfcp_client_queue(&w.client, LFCP_VERB_MOAL, "gate", w.now) == LFCP_OK);
    CHECK(poll_after(&w, 1999) == 0 && poll_after(&w, 1) == 1 && last_is("cam1,MOAL,gate,0,0,0,0,0"));
    one_server();
    CHECK(serve_text(&w, 0, ACK_26) == LFCP_OK);
    CHECK(lfcp_client_queue(&w.client, LFCP_VERB_LOG, "hello", w.now) == LFCP_OK && poll_all(&w) == 1);
    CHECK(lfcp_client_queue(&w.client, LFCP_VERB_MOAL, "gate", w.now) == LFCP_OK);
    CHECK(poll_after(&w, 1799) == 0 && poll_after(&w, 1) == 1 && last_is("cam1,MOAL,gate,0,0,0,0,0"));
}

static void what_gave_way_in_flight_leaves_a_pause(void)
{
    one_server();
    CHECK(serve_text(&w, 0, ACK_26) == LFCP_OK);
    for (unsigned at = 0; at < LFCP_CLIENT_EVENTS; at++) {
        CHECK(lfcp_client_queue(&w.client, LFCP_VERB_LOG, "x", w.now) == LFCP_OK);
    }
    CHECK(poll_all(&w) == 1);
    CHECK(lfcp_client_queue(&w.client, LFCP_VERB_MOAL, "gate", w.now) == LFCP_OK);
    CHECK(poll_all(&w) == 0 && serve_text(&w, 0, ACK) == LFCP_OK && w.event.kind == LFCP_EVENT_NONE);
    CHECK(poll_after(&w, 1999) == 0 && poll_after(&w, 1) == 1 && last_is("cam1,MOAL,gate,0,0,0,0,0"));
}

static void a_command_is_acknowledged_without_an_id(void)
{
    one_server();
    CHECK(serve_text(&w, 0, "cam1,TLGC,token,chat,0,0,0,0") == LFCP_OK && w.event.kind == LFCP_EVENT_COMMAND);
    CHECK(w.done_count == 1 && strcmp(w.done[0].p1, "token") == 0 && strcmp(w.done[0].p2, "chat") == 0);
    CHECK(poll_all(&w) == 1 && last_is(ACK));
    w.leave_running = true;
    CHECK(serve_text(&w, 0, "cam1,TLGS,0,0,0,0,0,0") == LFCP_OK && w.done_count == 2);
    CHECK(serve_text(&w, 0, "cam1,TLGS,0,0,0,0,0,0") == LFCP_OK && w.done_count == 2 && poll_all(&w) == 0);
    CHECK(lfcp_client_command_failed(&w.client, "no camera", w.now) == LFCP_OK);
    CHECK(poll_all(&w) == 2 && last_is("cam1,ERR,no camera,0,0,0,0,0"));
}

static void a_restart_is_acknowledged_first_here_too(void)
{
    one_server();
    CHECK(serve_text(&w, 0, "cam1,RST,0,0,0,0,0,0") == LFCP_OK && w.done_count == 0);
    CHECK(poll_all(&w) == 1 && last_is(ACK) && w.done_count == 1 && w.writes == 0);
}

static void detector_and_camera_follow_without_versions(void)
{
    one_server();
    CHECK(serve_text(&w, 0, "cam1,ENAL,7,0,0,0,0,0") == LFCP_OK && lfcp_client_detector_on(&w.client));
    CHECK(serve_text(&w, 0, "cam1,SCAM,x,0,0,0,0,0") == LFCP_OK && !lfcp_client_camera_on(&w.client));
    CHECK(poll_after(&w, 20000) == 2 && last_is("cam1,HEARTBEAT,2,20,9f3c.0,a.-.0,0,0"));
}

static void what_is_not_supported_fails(void)
{
    world_prepare(&w);
    w.config.key = NULL;
    w.config.servers = 1;
    w.config.command_count = 0;
    CHECK(world_start(&w, 1) == LFCP_OK && poll_all(&w) == 1);
    CHECK(serve_text(&w, 0, "cam1,DSLP,0,0,0,0,0,0") == LFCP_OK && w.event.kind == LFCP_EVENT_COMMAND_REFUSED);
    CHECK(poll_all(&w) == 2 && last_is("cam1,ERR,DSLP is not supported,0,0,0,0,0"));
}

static void a_sleep_is_declared_as_well_as_can_be(void)
{
    one_server();
    CHECK(serve_text(&w, 0, ACK_26) == LFCP_OK);
    CHECK(lfcp_client_sleep(&w.client, 1800, w.now) == LFCP_OK);
    CHECK(poll_all(&w) == 1 && last_is("cam1,SLEP,1800,0,0,0,0,0"));
    CHECK(serve_text(&w, 0, ACK) == LFCP_OK);
    while (!lfcp_client_may_sleep(&w.client)) {
        CHECK(poll_after(&w, 1000) <= 1 && w.sent_count < 12);
    }
}

static void failover_needs_no_key(void)
{
    world_prepare(&w);
    w.config.key = NULL;
    w.config.servers = 1;
    w.config.failover.configured = true;
    w.reachable = true;
    CHECK(world_start(&w, 1) == LFCP_OK);
    for (unsigned beats = 0; beats < 4; beats++) {
        CHECK(poll_after(&w, beats == 0 ? 0 : 20000) == 1);
    }
    CHECK(lfcp_client_in_failover(&w.client));
    CHECK(serve_text(&w, 0, ACK) == LFCP_OK && !lfcp_client_in_failover(&w.client));
}

int main(void)
{
    RUN(heartbeats_report_or_are_plain);
    RUN(an_unanswered_heartbeat_waits_for_the_next);
    RUN(what_is_not_for_this_device_or_is_signed_is_ignored);
    RUN(a_message_is_acknowledged_by_an_ack_without_an_interval);
    RUN(in_doubt_an_ack_is_the_heartbeats);
    RUN(after_a_repetition_the_next_message_waits_for_late_acks);
    RUN(an_alarm_overtakes_after_the_pause);
    RUN(what_gave_way_in_flight_leaves_a_pause);
    RUN(a_command_is_acknowledged_without_an_id);
    RUN(a_restart_is_acknowledged_first_here_too);
    RUN(detector_and_camera_follow_without_versions);
    RUN(what_is_not_supported_fails);
    RUN(a_sleep_is_declared_as_well_as_can_be);
    RUN(failover_needs_no_key);
    return checked();
}
