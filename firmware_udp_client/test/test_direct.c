/* Commands through a session: carried out by the same table as the servers', one at a time, and told nobody else. */
#include "check.h"
#include "client_world.h"
#include "lfcp_direct.h"

static world w;
static char problem[LFCP_SEND_MAX_FIELD + 1];

static lfcp_direct_result ask(const char *frame)
{
    memset(problem, 0, sizeof problem);
    return lfcp_direct_receive(&w.client, 0, (const uint8_t *)frame, strlen(frame), w.now, problem);
}

static bool answers(const char *text, const char *frame)
{
    uint8_t written[LFCP_SEND_MAX_FRAME] = {0};
    size_t length = 0;
    CHECK(lfcp_direct_answer(&w.client, text, written, sizeof written, &length) == LFCP_OK);
    return are_same(written, length, frame, strlen(frame));
}

static void what_is_no_frame_for_this_device_is_not_answered(void)
{
    static const char *const frames[] = {"", "cam1", "cam2,TLGS", "cam1,NONE", "cam1,MOAL,gate", "cam1,ACK",
                                         "cam1,TLGS,0,0,0,0,0,0,0", "cam1,,TLGS",
                                         "cam1,HEARTBEAT,0,0,0,0,1a,AAAAAAAAAAAAAAAA"};
    char longest[LFCP_MAX_FRAME + 2];
    world_meet(&w);
    for (size_t at = 0; at < sizeof frames / sizeof *frames; at++) {
        check_why = frames[at];
        CHECK(ask(frames[at]) == LFCP_DIRECT_NOTHING);
    }
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    CHECK(ask(longest) == LFCP_DIRECT_NOTHING);
    memcpy(longest, "cam1,TLGS,", 10);
    CHECK(ask(longest) == LFCP_DIRECT_NOTHING);
    CHECK(w.done_count == 0);
}

static void a_heartbeat_is_answered_and_changes_nothing(void)
{
    world_meet(&w);
    CHECK(ask("cam1,HEARTBEAT,0,0,0,0,0,0") == LFCP_DIRECT_DONE);
    CHECK(ask("cam1,HEARTBEAT\r\n") == LFCP_DIRECT_DONE);
    CHECK(poll_all(&w) == 0);
    CHECK(answers(NULL, "cam1,ACK,0,0,0,0,0,0"));
    CHECK(answers("no, it did not", "cam1,ERR,no; it did not,0,0,0,0,0"));
}

static void a_handler_is_called_and_no_server_is_told(void)
{
    world_meet(&w);
    CHECK(ask("cam1,TLGS") == LFCP_DIRECT_BEGUN);
    CHECK(w.done_count == 1 && w.done[0].verb == LFCP_VERB_TLGS && w.done[0].server == 0);
    w.fail_with = "no camera";
    CHECK(ask("cam1,TLGC,123:token,-1001") == LFCP_DIRECT_BEGUN); /* the tunnel is sealed: its parameters need not be */
    CHECK(strcmp(w.done[1].p1, "123:token") == 0 && strcmp(w.done[1].p2, "-1001") == 0);
    CHECK(!lfcp_direct_runs(&w.client) && poll_all(&w) == 0);
}

static void one_command_runs_at_a_time(void)
{
    world_meet(&w);
    w.leave_running = true;
    CHECK(ask("cam1,TLGS") == LFCP_DIRECT_BEGUN && lfcp_direct_runs(&w.client));
    CHECK(ask("cam1,DSAL") == LFCP_DIRECT_FAILED);
    CHECK(strcmp(problem, "DSAL must wait: another command runs") == 0);
    CHECK(command(&w, 1, LFCP_VERB_TLGS, "0", "0", "B.1") == LFCP_OK);
    CHECK(w.event.kind == LFCP_EVENT_COMMAND_REPEATED && poll_all(&w) == 0);
    CHECK(lfcp_client_command_done(&w.client) == LFCP_OK && !lfcp_direct_runs(&w.client));
    CHECK(command(&w, 1, LFCP_VERB_TLGS, "0", "0", "B.1") == LFCP_OK);
    CHECK(w.event.kind == LFCP_EVENT_COMMAND && !lfcp_direct_runs(&w.client));
    CHECK(ask("cam1,TLGS") == LFCP_DIRECT_FAILED);
}

static void the_client_carries_out_what_is_its_own(void)
{
    int32_t value = 0;
    world_meet(&w);
    CHECK(!lfcp_client_detector_on(&w.client) && ask("cam1,ENAL") == LFCP_DIRECT_DONE);
    CHECK(lfcp_client_detector_on(&w.client));
    CHECK(ask("cam1,CONF,interval,60") == LFCP_DIRECT_DONE);
    CHECK(lfcp_client_setting(&w.client, LFCP_SETTING_interval, &value) && value == 60);
    CHECK(ask("cam1,CONF,zoom,60") == LFCP_DIRECT_FAILED);
    CHECK(strcmp(problem, "CONF has a bad parameter") == 0);
    CHECK(!lfcp_direct_runs(&w.client) && poll_all(&w) == 0);
}

static void what_the_device_does_not_know_fails(void)
{
    world_meet(&w);
    CHECK(ask("cam1,LIVE,60") == LFCP_DIRECT_FAILED && strcmp(problem, "LIVE is not supported") == 0);
}

static void a_restart_waits_for_its_answer(void)
{
    world_meet(&w);
    CHECK(ask("cam1,RST") == LFCP_DIRECT_DONE && w.done_count == 0);
    CHECK(ask("cam1,TLGS") == LFCP_DIRECT_FAILED);
    CHECK(poll_all(&w) == 0);
    CHECK(w.done_count == 1 && w.done[0].verb == LFCP_VERB_RST);
}

int main(void)
{
    RUN(what_is_no_frame_for_this_device_is_not_answered);
    RUN(a_heartbeat_is_answered_and_changes_nothing);
    RUN(a_handler_is_called_and_no_server_is_told);
    RUN(one_command_runs_at_a_time);
    RUN(the_client_carries_out_what_is_its_own);
    RUN(what_the_device_does_not_know_fails);
    RUN(a_restart_waits_for_its_answer);
    return checked();
}
