/* The configuration: its table, the flash, the form and the page. */
#include <stdlib.h>

#include "check.h"
#include "config.h"
#include "control_page.h"

#define KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static config of;

static bool set(const char *name, const char *value)
{
    const config_field *field = config_find(name);
    return field != NULL && config_set(&of, field, value);
}

static const config_field *post(const char *form)
{
    const size_t length = strlen(form);
    char *body = malloc(length + 1);
    memcpy(body, form, length + 1);
    const config_field *refused = config_from_form(&of, body, length);
    free(body);
    return refused;
}

static bool is(const char *name, const char *value)
{
    return strcmp(config_text_of(&of, config_find(name)), value) == 0;
}

static void good_values_are_taken_and_others_change_nothing(void)
{
    static const char *const values[][3] = {
        {"name", "cam1", "cam,1"},
        {"key", KEY, "AAAA"},
        {"server1", "A=192.0.2.1:8443", "192.0.2.1:8443"},
        {"network1", "Caf\xc3\xa9, upstairs", "tab\there"},
        {"network1_password", "12345678", "1234567"},
        {"password", "correct horse", "short"},
        {"telegram_token", "1234:Abc_d-e", "a/b"},
        {"telegram_chat", "-100123", "a b"},
        {"prusaconnect_token", "abcdefghij0123456789", "a\r\nHost: x"},
        {"prusaconnect_host", "connect.example", "connect.example:1"},
        {"picture_url", "http://192.0.2.1:8081/S3StoreImage", "ftp://x/"},
        {"heartbeat", "20", "4"},
        {"motion_blocks", "192", "193"},
        {"access_point", "1", "2"},
    };
    config_defaults(&of);
    for (size_t at = 0; at < sizeof values / sizeof values[0]; at++) {
        check_why = values[at][0];
        CHECK(set(values[at][0], values[at][1]));
        const config before = of;
        CHECK(!set(values[at][0], values[at][2]));
        CHECK(memcmp(&before, &of, sizeof of) == 0);
    }
}

static void a_text_may_be_as_long_as_its_field_and_no_longer(void)
{
    config_defaults(&of);
    for (size_t at = 0; at < config_field_count; at++) {
        const config_field *field = &config_fields[at];
        char value[512];
        memset(value, 'a', sizeof value);
        if (field->is_good != NULL || field->kind != CONFIG_TEXT) {
            continue;
        }
        check_why = field->name;
        value[field->size] = '\0';
        CHECK(!config_set(&of, field, value));
        value[field->size - 1] = '\0';
        CHECK(config_set(&of, field, value));
    }
}

static void fill(void)
{
    config_defaults(&of);
    for (size_t at = 0; at < config_field_count; at++) {
        const config_field *field = &config_fields[at];
        if (field->kind == CONFIG_NUMBER || field->kind == CONFIG_SWITCH) {
            const uint32_t greatest = field->greatest;
            memcpy((char *)&of + field->offset, &greatest, sizeof greatest);
        } else {
            memset((char *)&of + field->offset, '"', field->size - 1); /* the longest when it is escaped */
        }
    }
}

static void the_fullest_configuration_has_room(void)
{
    char lines[CONFIG_TEXT_SIZE];
    char page[CONTROL_PAGE_SIZE];
    char notice[128];
    memset(notice, '"', sizeof notice - 1);
    notice[sizeof notice - 1] = '\0';
    fill();
    CHECK(config_write(&of, lines, sizeof lines));
    CHECK(control_page_write(page, sizeof page, &of, notice, notice));
}

static void what_is_written_is_read_again(void)
{
    char lines[CONFIG_TEXT_SIZE];
    config_defaults(&of);
    CHECK(set("name", "cam1") && set("key", KEY) && set("server1", "A=h:1") && set("server2", "B=[::1]:2"));
    CHECK(set("network4", "a=b\\%41 \xc3\xa9") && set("network4_password", "p\"&=+ %00x") && set("sleep", "86400"));
    CHECK(config_write(&of, lines, sizeof lines));
    const config written = of;
    config_defaults(&of);
    CHECK(config_read(&of, lines) == 0 && memcmp(&of, &written, sizeof of) == 0);
}

static void what_another_version_wrote_is_skipped(void)
{
    char lines[] = "name=cam1\nnew_thing=1\nheartbeat=999999\nnonsense\nserver1=A%3Dh%3A1\nserver2=%zz\nlast=1";
    config_defaults(&of);
    CHECK(config_read(&of, lines) == 5);
    CHECK(is("name", "cam1") && is("server1", "A=h:1") && is("server2", "") && of.heartbeat == 20);
}

static void a_form_changes_all_or_nothing(void)
{
    config_defaults(&of);
    CHECK(post("name=cam1&server1=A%3Dh%3A8443&network1=at+home") == NULL);
    CHECK(is("name", "cam1") && is("server1", "A=h:8443") && is("network1", "at home"));
    CHECK(post("name=cam2&heartbeat=x") == config_find("heartbeat") && is("name", "cam1"));
    CHECK(post("name=cam2&unknown=1") == &config_fields[0] && is("name", "cam1"));
    CHECK(post("name=cam2&broken") == &config_fields[0] && post("name=%4") == &config_fields[0] && is("name", "cam1"));
    CHECK(post("name=a%00b") == &config_fields[0]);
    CHECK(post("") == NULL && post("name=cam3&") == NULL && is("name", "cam3"));
}

static void an_empty_secret_keeps_the_old_one_and_a_dash_takes_it_away(void)
{
    config_defaults(&of);
    CHECK(post("key=" KEY "&telegram_token=1%3AAB") == NULL && is("key", KEY));
    CHECK(post("key=&telegram_token=-") == NULL && is("key", KEY) && is("telegram_token", ""));
}

static void the_page_shows_no_secret(void)
{
    char page[CONTROL_PAGE_SIZE];
    config_defaults(&of);
    for (size_t at = 0; at < config_field_count; at++) {
        const config_field *field = &config_fields[at];
        if (field->kind == CONFIG_SECRET) {
            memcpy((char *)&of + field->offset, "HUSHHUSH", 9);
        }
    }
    CHECK(set("name", "cam1") && set("network1", "<script>"));
    CHECK(control_page_write(page, sizeof page, &of, "a < b", "fine"));
    CHECK(strstr(page, "HUSHHUSH") == NULL && strstr(page, "<script") == NULL && strstr(page, "a &lt; b") != NULL);
    CHECK(strstr(page, "value=\"cam1\"") != NULL);
}

static void what_keeps_it_from_working_is_said(void)
{
    config_defaults(&of);
    CHECK(strstr(config_problem(&of), "name") != NULL);
    CHECK(set("name", "cam1") && strstr(config_problem(&of), "server") != NULL);
    CHECK(set("server1", "A=h:1") && set("server2", "A=i:1") && strstr(config_problem(&of), "label") != NULL);
    CHECK(set("server2", "") && strstr(config_problem(&of), "network") != NULL);
    CHECK(set("network1", "home") && config_problem(&of) == NULL);
}

int main(void)
{
    RUN(good_values_are_taken_and_others_change_nothing);
    RUN(a_text_may_be_as_long_as_its_field_and_no_longer);
    RUN(the_fullest_configuration_has_room);
    RUN(what_is_written_is_read_again);
    RUN(what_another_version_wrote_is_skipped);
    RUN(a_form_changes_all_or_nothing);
    RUN(an_empty_secret_keeps_the_old_one_and_a_dash_takes_it_away);
    RUN(the_page_shows_no_secret);
    RUN(what_keeps_it_from_working_is_said);
    return checked();
}
