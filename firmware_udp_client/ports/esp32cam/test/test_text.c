/* Bounded text, and addresses as people write them. */
#include <stdlib.h>

#include "bounded_text.h"
#include "check.h"
#include "host_port.h"
#include "url.h"

static void text_that_fits_is_whole(void)
{
    char buffer[6];
    bounded_text out;
    text_start(&out, buffer, sizeof buffer);
    text_put(&out, "abc");
    text_put_number(&out, -7);
    CHECK(text_finish(&out) && strcmp(buffer, "abc-7") == 0);
}

static void text_that_does_not_fit_is_none(void)
{
    char *buffer = malloc(5); /* the sanitizer looks at its end */
    bounded_text out;
    text_start(&out, buffer, 5);
    text_put(&out, "abcd");
    text_put(&out, "e");
    text_put(&out, "");
    CHECK(!text_finish(&out) && strcmp(buffer, "") == 0);
    CHECK(!text_copy(buffer, 5, "abcde", 5) && text_copy(buffer, 5, "abcd", 4) && strcmp(buffer, "abcd") == 0);
    free(buffer);
}

static void every_number_is_written(void)
{
    char buffer[32];
    bounded_text out;
    text_start(&out, buffer, sizeof buffer);
    text_put_number(&out, INT64_MIN);
    text_put_number(&out, 0);
    CHECK(text_finish(&out) && strcmp(buffer, "-92233720368547758080") == 0);
}

static void numbers_are_read_strictly(void)
{
    static const char *const wrong[] = {"", "01", "+1", "-1", " 1", "1 ", "1_0", "0x1", "4294967296", "99999999999"};
    uint32_t number = 0;
    for (size_t at = 0; at < sizeof wrong / sizeof wrong[0]; at++) {
        check_why = wrong[at];
        CHECK(!text_to_number(wrong[at], strlen(wrong[at]), 0, UINT32_MAX, &number));
    }
    CHECK(text_to_number("4294967295", 10, 0, UINT32_MAX, &number) && number == UINT32_MAX);
    CHECK(text_to_number("0", 1, 0, 1, &number) && number == 0);
    CHECK(!text_to_number("2", 1, 0, 1, &number) && !text_to_number("2", 1, 3, 4, &number));
}

static void html_cannot_be_broken_out_of(void)
{
    char buffer[64];
    bounded_text out;
    text_start(&out, buffer, sizeof buffer);
    text_put_html(&out, "<a href='x'>\"&");
    CHECK(text_finish(&out) && strcmp(buffer, "&lt;a href=&#39;x&#39;&gt;&quot;&amp;") == 0);
}

static void every_byte_survives_percent_escapes(void)
{
    char all[256], escaped[800];
    for (int byte = 1; byte < 256; byte++) {
        all[byte - 1] = (char)byte;
    }
    all[255] = '\0';
    bounded_text out;
    text_start(&out, escaped, sizeof escaped);
    text_put_percent(&out, all);
    CHECK(text_finish(&out));
    size_t length = strlen(escaped);
    CHECK(strchr(escaped, '\n') == NULL && text_unescape(escaped, &length, false));
    CHECK(are_same(escaped, length, all, 255));
}

static void broken_escapes_are_refused(void)
{
    static const char *const wrong[] = {"%", "%4", "%4g", "%g4", "%00", "a%"};
    for (size_t at = 0; at < sizeof wrong / sizeof wrong[0]; at++) {
        char copy[8];
        size_t length = strlen(wrong[at]);
        memcpy(copy, wrong[at], length);
        check_why = wrong[at];
        CHECK(!text_unescape(copy, &length, true));
    }
    char plus[] = "a+b%2B%2b";
    size_t length = sizeof plus - 1;
    CHECK(text_unescape(plus, &length, true) && are_same(plus, length, "a b++", 5));
}

static void base64_is_that_of_rfc_4648(void)
{
    static const char *const vectors[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
    for (size_t at = 0; at < sizeof vectors / sizeof vectors[0]; at++) {
        char buffer[16];
        bounded_text out;
        text_start(&out, buffer, sizeof buffer);
        text_put_base64(&out, (const uint8_t *)vectors[at][0], strlen(vectors[at][0]));
        check_why = vectors[at][0];
        CHECK(text_finish(&out) && strcmp(buffer, vectors[at][1]) == 0);
    }
}

static bool reads(const char *written, host_port *address)
{
    return host_port_read(written, strlen(written), address);
}

static void hosts_are_names_and_addresses_of_both_families(void)
{
    host_port at;
    CHECK(reads("alarm.example:8443", &at) && strcmp(at.host, "alarm.example") == 0 && at.port == 8443);
    CHECK(reads("192.0.2.1", &at) && strcmp(at.host, "192.0.2.1") == 0 && at.port == 0);
    CHECK(reads("[2001:db8::1]:8443", &at) && strcmp(at.host, "2001:db8::1") == 0 && at.port == 8443);
    CHECK(reads("[fe80::1%eth0]", &at) && strcmp(at.host, "fe80::1%eth0") == 0 && at.port == 0);
    CHECK(reads("h:65535", &at) && at.port == 65535);
}

static void what_is_no_address_is_refused(void)
{
    static const char *const wrong[] = {"", ":1", "h:", "h:0", "h:65536", "h:01", "2001:db8::1:80", "[]", "[::1", "[::1]x",
                                        "h h", "h/x", "user@h", "h:1:2",
                                        "a23456789012345678901234567890123456789012345678901234567890abcd"};
    host_port at;
    for (size_t each = 0; each < sizeof wrong / sizeof wrong[0]; each++) {
        check_why = wrong[each];
        CHECK(!reads(wrong[each], &at));
    }
}

static void a_server_has_a_label_and_a_port(void)
{
    lfcp_server_address server;
    CHECK(lfcp_server_address_read("B=h:1", &server) == NULL && server.label == 'B' && server.at.port == 1);
    static const char *const wrong[] = {"", "h:1", "b=h:1", "AB=h:1", "=h:1", "A=", "A=h", "A=:1", "A h:1"};
    for (size_t at = 0; at < sizeof wrong / sizeof wrong[0]; at++) {
        check_why = wrong[at];
        CHECK(lfcp_server_address_read(wrong[at], &server) != NULL);
    }
}

static void urls_are_plain_or_tls(void)
{
    url to;
    CHECK(url_read("http://h", &to) && !to.tls && to.at.port == 80 && strcmp(to.path, "/") == 0);
    CHECK(url_read("https://h:8444/a/b?c=d", &to) && to.tls && to.at.port == 8444 && strcmp(to.path, "/a/b?c=d") == 0);
    CHECK(url_read("http://[::1]/S3StoreImage", &to) && strcmp(to.at.host, "::1") == 0);
    static const char *const wrong[] = {"", "h", "ftp://h/", "HTTP://h/", "http://", "http:///x", "http://h/a b",
                                        "http://h/\r\nHost: x", "http://h/#x", "http://u:p@h/", "http://h/\xc3\xa4"};
    for (size_t at = 0; at < sizeof wrong / sizeof wrong[0]; at++) {
        check_why = wrong[at];
        CHECK(!url_read(wrong[at], &to));
    }
}

int main(void)
{
    RUN(text_that_fits_is_whole);
    RUN(text_that_does_not_fit_is_none);
    RUN(every_number_is_written);
    RUN(numbers_are_read_strictly);
    RUN(html_cannot_be_broken_out_of);
    RUN(every_byte_survives_percent_escapes);
    RUN(broken_escapes_are_refused);
    RUN(base64_is_that_of_rfc_4648);
    RUN(hosts_are_names_and_addresses_of_both_families);
    RUN(what_is_no_address_is_refused);
    RUN(a_server_has_a_label_and_a_port);
    RUN(urls_are_plain_or_tls);
    return checked();
}
