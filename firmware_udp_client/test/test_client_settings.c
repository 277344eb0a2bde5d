/* What the client carries out by itself: the wanted state of detector and camera, and settings. */
#include <stdlib.h>

#include "check.h"
#include "client_world.h"

static world w;

static bool acknowledged(const char *result, const char *id)
{
    const sent_frame *sent = last(&w, 0);
    return sent->message.verb == LFCP_VERB_ACK && param_is(sent, 1, hex_of(w.down[sent->server])) &&
           param_is(sent, 2, result) && param_is(sent, 3, "0") && param_is(sent, 4, id);
}

static bool failed_with(const char *text, const char *id)
{
    return is(last(&w, 1), 0, LFCP_VERB_ERR) && param_is(last(&w, 1), 1, text) && param_is(last(&w, 1), 4, id) &&
           is(last(&w, 0), 1, LFCP_VERB_ERR);
}

static void the_wanted_state_is_followed_and_reported(void)
{
    world_meet(&w);
    CHECK(command(&w, 0, LFCP_VERB_ENAL, "7", "0", "A.1") == LFCP_OK && lfcp_client_detector_on(&w.client));
    CHECK(command(&w, 0, LFCP_VERB_SCAM, "7", "0", "A.2") == LFCP_OK && !lfcp_client_camera_on(&w.client));
    CHECK(w.done_count == 2 && w.done[1].verb == LFCP_VERB_SCAM);
    CHECK(poll_after(&w, 20000) == 3 && param_is(last(&w, 0), 4, "as.-.7"));
    CHECK(command(&w, 0, LFCP_VERB_DSAL, "9999999999", "0", "A.3") == LFCP_OK && !lfcp_client_detector_on(&w.client));
    CHECK(command(&w, 0, LFCP_VERB_WCAM, "9999999999", "0", "A.4") == LFCP_OK && lfcp_client_camera_on(&w.client));
    CHECK(poll_after(&w, 20000) == 3 && param_is(last(&w, 0), 4, "cs.-.9999999999"));
    CHECK(command(&w, 0, LFCP_VERB_SCAM, "0", "0", "A.5") == LFCP_OK && !lfcp_client_camera_on(&w.client));
}

static void nothing_to_say_is_a_dash(void)
{
    world_prepare(&w);
    w.config.camera_on = false;
    w.config.command_count = 0;
    CHECK(world_start(&w, 1) == LFCP_OK && poll_all(&w) == 2 && param_is(last(&w, 0), 4, "-.-.0"));
}

static void an_older_wish_is_acknowledged_and_not_obeyed(void)
{
    world_meet(&w);
    CHECK(command(&w, 0, LFCP_VERB_ENAL, "7", "0", "A.1") == LFCP_OK && poll_all(&w) == 1);
    CHECK(command(&w, 1, LFCP_VERB_DSAL, "6", "0", "B.1") == LFCP_OK && lfcp_client_detector_on(&w.client));
    CHECK(w.event.kind == LFCP_EVENT_COMMAND && w.done_count == 1);
    CHECK(poll_all(&w) == 1 && acknowledged("0", "B.1"));
}

static void a_wish_without_a_version_that_can_be_read_fails(void)
{
    const char *bad[] = {"x", "01", "-1", "/"};
    for (size_t at = 0; at < sizeof bad / sizeof *bad; at++) {
        world_meet(&w);
        check_why = bad[at];
        CHECK(command(&w, 0, LFCP_VERB_ENAL, bad[at], "0", "A.1") == LFCP_OK && !lfcp_client_detector_on(&w.client));
        CHECK(poll_all(&w) == 3 && failed_with("ENAL has a bad parameter", "A.1"));
    }
}

static void a_handler_of_the_clients_own_commands_may_be_left_out(void)
{
    static const lfcp_command_entry quiet[] = {{LFCP_VERB_ENAL, NULL, NULL}, {LFCP_VERB_CONF, NULL, NULL}};
    world_prepare(&w);
    w.config.commands = quiet;
    w.config.command_count = 2;
    CHECK(world_start(&w, 1) == LFCP_OK && poll_all(&w) == 2 && acknowledge_beats(&w) == LFCP_OK);
    CHECK(command(&w, 0, LFCP_VERB_ENAL, "1", "0", "A.1") == LFCP_OK && lfcp_client_detector_on(&w.client));
    CHECK(poll_all(&w) == 1 && acknowledged("0", "A.1"));
}

static void settings_are_kept_told_and_known_after_a_restart(void)
{
    int32_t value = 99;
    char digest[LFCP_DIGEST + 1];
    char state[64];
    bool given[LFCP_SETTING_COUNT] = {false};
    int32_t values[LFCP_SETTING_COUNT] = {0};
    world_meet(&w);
    CHECK(!lfcp_client_setting(&w.client, LFCP_SETTING_brightness, &value) && value == 99);
    CHECK(command(&w, 0, LFCP_VERB_CONF, "brightness", "-2", "A.1") == LFCP_OK && poll_all(&w) == 1);
    CHECK(command(&w, 0, LFCP_VERB_CONF, "interval", "86400", "A.2") == LFCP_OK && poll_all(&w) == 1);
    CHECK(acknowledged("0", "A.2") && w.done_count == 2 && strcmp(w.done[0].p1, "brightness") == 0);
    CHECK(lfcp_client_setting(&w.client, LFCP_SETTING_brightness, &value) && value == -2);
    given[LFCP_SETTING_brightness] = given[LFCP_SETTING_interval] = true;
    values[LFCP_SETTING_brightness] = -2;
    values[LFCP_SETTING_interval] = 86400;
    CHECK(lfcp_settings_digest(w.real_crypto, given, values, digest) == LFCP_OK);
    (void)snprintf(state, sizeof state, "cs.%s.0", digest);
    CHECK(poll_after(&w, 20000) == 2 && param_is(last(&w, 0), 4, state));
    CHECK(world_start(&w, 1) == LFCP_OK && poll_all(&w) == 2 && param_is(last(&w, 0), 4, state));
    CHECK(lfcp_client_setting(&w.client, LFCP_SETTING_interval, &value) && value == 86400);
    CHECK(!lfcp_client_setting(&w.client, LFCP_SETTING_flash, &value));
    CHECK(!lfcp_client_setting(&w.client, LFCP_SETTING_COUNT, &value));
}

static void the_same_setting_again_wears_no_memory(void)
{
    world_meet(&w);
    CHECK(command(&w, 0, LFCP_VERB_CONF, "flash", "1", "A.1") == LFCP_OK);
    size_t writes = w.writes;
    CHECK(command(&w, 0, LFCP_VERB_CONF, "flash", "1", "A.2") == LFCP_OK && w.writes == writes);
}

static void what_is_no_setting_fails(void)
{
    const char *const bad[][2] = {{"zoom", "1"},        {"flash", "2"},        {"flash", "-1"},
                                  {"flash", "01"},      {"flash", "x"},        {"quality", "3"},
                                  {"brightness", "-0"}, {"brightness", "-"},   {"brightness", "+1"},
                                  {"flas", "1"},        {"interval", "86401"}, {"interval", "12345678"}};
    for (size_t at = 0; at < sizeof bad / sizeof *bad; at++) {
        int32_t value;
        world_meet(&w);
        check_why = bad[at][1];
        CHECK(command(&w, 0, LFCP_VERB_CONF, bad[at][0], bad[at][1], "A.1") == LFCP_OK && w.done_count == 0);
        CHECK(poll_all(&w) == 3 && failed_with("CONF has a bad parameter", "A.1"));
        CHECK(!lfcp_client_setting(&w.client, LFCP_SETTING_flash, &value));
    }
}

static void a_setting_that_cannot_be_kept_fails(void)
{
    int32_t value;
    world_meet(&w);
    w.writes_fail = 1;
    CHECK(command(&w, 0, LFCP_VERB_CONF, "flash", "1", "A.1") == LFCP_OK);
    CHECK(poll_all(&w) == 3 && failed_with("CONF cannot be kept", "A.1"));
    CHECK(!lfcp_client_setting(&w.client, LFCP_SETTING_flash, &value));
}

static void a_kept_value_that_the_table_no_longer_allows_is_none(void)
{
    int32_t value;
    world_prepare(&w);
    w.records[w.record_count++] = (record){"flash", {0, 0, 0, 2}, 4};
    w.records[w.record_count++] = (record){"quality", {0, 0, 10}, 3};
    w.records[w.record_count++] = (record){"contrast", {255, 255, 255, 255}, 4};
    CHECK(world_start(&w, 1) == LFCP_OK);
    CHECK(!lfcp_client_setting(&w.client, LFCP_SETTING_flash, &value));
    CHECK(!lfcp_client_setting(&w.client, LFCP_SETTING_quality, &value));
    CHECK(lfcp_client_setting(&w.client, LFCP_SETTING_contrast, &value) && value == -1);
}

static void settings_have_names(void)
{
    CHECK(strcmp(lfcp_setting_name(LFCP_SETTING_framesize), "framesize") == 0);
    CHECK(lfcp_setting_name(LFCP_SETTING_COUNT) == NULL);
    for (unsigned at = 0; at < LFCP_SETTING_COUNT; at++) {
        CHECK(strcmp(lfcp_setting_name(at), "counter") != 0 && strcmp(lfcp_setting_name(at), "commands") != 0);
        CHECK(strlen(lfcp_setting_name(at)) <= LFCP_SETTING_NAME);
    }
}

static void a_digest_needs_crypto(void)
{
    world_meet(&w);
    CHECK(command(&w, 0, LFCP_VERB_CONF, "flash", "1", "A.1") == LFCP_OK && poll_all(&w) == 1);
    w.crypto_fails = 1;
    CHECK(poll_after(&w, 20000) == 0 && w.poll_status == LFCP_CRYPTO_FAILED);
    w.crypto_fails = 0;
    CHECK(poll_after(&w, 1000) == 2);
}

int main(void)
{
    RUN(the_wanted_state_is_followed_and_reported);
    RUN(nothing_to_say_is_a_dash);
    RUN(an_older_wish_is_acknowledged_and_not_obeyed);
    RUN(a_wish_without_a_version_that_can_be_read_fails);
    RUN(a_handler_of_the_clients_own_commands_may_be_left_out);
    RUN(settings_are_kept_told_and_known_after_a_restart);
    RUN(the_same_setting_again_wears_no_memory);
    RUN(what_is_no_setting_fails);
    RUN(a_setting_that_cannot_be_kept_fails);
    RUN(a_kept_value_that_the_table_no_longer_allows_is_none);
    RUN(settings_have_names);
    RUN(a_digest_needs_crypto);
    return checked();
}
