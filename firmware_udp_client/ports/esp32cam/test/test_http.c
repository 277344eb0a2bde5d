/* Requests that come in, and answers. What goes out is judged by Python's parsers: tests/firmware/test_esp32_logic.py. */
#include <stdlib.h>

#include "check.h"
#include "http_request.h"
#include "http_upload.h"
#include "multipart.h"

static http_request *request;

/* In pieces of so many bytes, each with its end where the sanitizer sees it. */
static http_reading feed(const char *bytes, size_t length, size_t piece)
{
    http_request_start(request);
    http_reading reading = HTTP_READING;
    for (size_t at = 0; at < length && reading == HTTP_READING; at += piece) {
        const size_t some = length - at < piece ? length - at : piece;
        uint8_t *copy = malloc(some);
        memcpy(copy, bytes + at, some);
        reading = http_request_feed(request, copy, some);
        free(copy);
    }
    return reading;
}

static http_reading give(const char *text)
{
    return feed(text, strlen(text), strlen(text) + 1);
}

static void a_request_is_read_in_pieces_of_any_size(void)
{
    static const char text[] = "POST /?a=b HTTP/1.1\r\nHost: 192.168.4.1\r\nORIGIN:http://192.168.4.1 \r\n"
                               "Content-Length: 7\r\nX-Other: \t\r\n\r\nname=ab and more";
    for (size_t piece = 1; piece <= sizeof text; piece++) {
        CHECK(feed(text, sizeof text - 1, piece) == HTTP_READ);
        CHECK(request->method == REQUEST_POST && strcmp(request->path, "/") == 0 && strcmp(request->query, "a=b") == 0);
        CHECK(strcmp(request->host, "192.168.4.1") == 0 && strcmp(request->origin, "http://192.168.4.1") == 0);
        CHECK(are_same(request->body, request->body_length, "name=ab", 7));
    }
}

static void a_request_without_a_body_ends_with_its_head(void)
{
    CHECK(give("GET /stream HTTP/1.0\r\n\r\n") == HTTP_READ && request->method == REQUEST_GET);
    CHECK(give("GET / HTTP/1.1\r\nHost: h\r\n") == HTTP_READING);
    CHECK(give("POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\na") == HTTP_READING);
}

static void what_leaves_a_doubt_is_refused(void)
{
    static const struct {
        const char *text;
        uint16_t status;
    } wrong[] = {
        {"GET\r\n\r\n", 400},
        {"GET /\r\n\r\n", 400},
        {"GET / HTTP/1.1 x\r\n\r\n", 400},
        {"GET http://h/ HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/2\r\n\r\n", 505},
        {"PUT / HTTP/1.1\r\n\r\n", 405},
        {"\r\n\r\n", 400},
        {"\r\nGET / HTTP/1.1\r\n\r\n", 400},
        {"\n", 400},
        {"GET / HTTP/1.1\n\n", 400},
        {"GET / HTTP/1.1\rX\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n: x\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400},
        {"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\na", 400},
        {"POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\na", 400},
        {"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nContent-Length: 4097\r\n\r\n", 413},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 501},
    };
    for (size_t at = 0; at < sizeof wrong / sizeof wrong[0]; at++) {
        check_why = wrong[at].text;
        CHECK(give(wrong[at].text) == HTTP_REFUSED && request->status == wrong[at].status);
    }
    CHECK(feed("GET /\0 HTTP/1.1\r\n\r\n", 20, 20) == HTTP_REFUSED && request->status == 400);
}

static void a_head_beyond_its_buffer_is_refused(void)
{
    char *text = malloc(2 * HTTP_HEAD_SIZE);
    memset(text, 'a', 2 * HTTP_HEAD_SIZE);
    memcpy(text, "GET /", 5);
    CHECK(feed(text, 2 * HTTP_HEAD_SIZE, 100) == HTTP_REFUSED && request->status == 414);
    memcpy(text, "GET / HTTP/1.1\r\nX: ", 19);
    CHECK(feed(text, 2 * HTTP_HEAD_SIZE, 100) == HTTP_REFUSED && request->status == 431);
    memcpy(text + HTTP_HEAD_SIZE - 4, "\r\n\r\n", 4);
    CHECK(feed(text, HTTP_HEAD_SIZE, 100) == HTTP_READ);
    free(text);
}

static void the_longest_body_fits(void)
{
    static const char head[] = "POST / HTTP/1.1\r\nContent-Length: 4096\r\n\r\n";
    char *text = malloc(sizeof head - 1 + HTTP_BODY_SIZE);
    memcpy(text, head, sizeof head - 1);
    memset(text + sizeof head - 1, 'b', HTTP_BODY_SIZE);
    CHECK(feed(text, sizeof head - 1 + HTTP_BODY_SIZE, 999) == HTTP_READ && request->body_length == HTTP_BODY_SIZE);
    free(text);
}

static void forms_of_other_sites_are_told_apart(void)
{
    CHECK(give("POST / HTTP/1.1\r\nHost: cam\r\nOrigin: http://cam\r\n\r\n") == HTTP_READ);
    CHECK(http_request_is_own_origin(request));
    CHECK(give("POST / HTTP/1.1\r\nHost: cam\r\n\r\n") == HTTP_READ && http_request_is_own_origin(request));
    CHECK(give("POST / HTTP/1.1\r\nHost: cam\r\nOrigin: http://evil\r\n\r\n") == HTTP_READ);
    CHECK(!http_request_is_own_origin(request));
    CHECK(give("POST / HTTP/1.1\r\nHost: cam\r\nOrigin: null\r\n\r\n") == HTTP_READ);
    CHECK(!http_request_is_own_origin(request));
    CHECK(give("POST / HTTP/1.1\r\nOrigin: http://\r\n\r\n") == HTTP_READ && http_request_is_own_origin(request));
}

static bool authorised(const char *header, const char *password)
{
    char text[256];
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\n%s\r\n\r\n", header);
    return give(text) == HTTP_READ && http_request_is_authorised(request, "admin", password);
}

static void only_the_password_opens(void)
{
    CHECK(authorised("Authorization: Basic YWRtaW46c2VjcmV0", "secret")); /* admin:secret */
    CHECK(!authorised("Authorization: Basic YWRtaW46c2VjcmV0", "secreT"));
    CHECK(!authorised("Authorization: Basic YWRtaW46c2VjcmV0YWRtaW46c2VjcmV0", "secret"));
    CHECK(!authorised("Authorization: Basic ", "secret") && !authorised("Authorization:", "secret"));
    CHECK(!authorised("Authorization: Bearer YWRtaW46c2VjcmV0", "secret") && !authorised("X: y", "secret"));
    CHECK(!authorised("Authorization: Basic YWRtaW46", "")); /* no password is no way in */
}

static int status_of(const char *bytes)
{
    http_answer answer = {.status = 0};
    for (size_t at = 0; at < strlen(bytes); at++) {
        http_answer_feed(&answer, (const uint8_t *)bytes + at, 1);
    }
    return answer.status;
}

static void the_status_of_an_answer_is_read_from_its_first_line(void)
{
    CHECK(status_of("HTTP/1.1 200 OK\r\nHTTP/1.1 500 x\r\n") == 200);
    CHECK(status_of("HTTP/1.0 204\r\n") == 204 && status_of("HTTP/1.1 404 \n") == 404);
    CHECK(status_of("HTTP/1.1 200 OK") == 0 && status_of("") == 0);
    CHECK(status_of("HTTP/1.1 200 a reason of more than sixty-four bytes that nobody needs at all\r\n") == 200);
    static const char *const wrong[] = {"\r\n",          "HTTP/2 200 OK\r\n",   "HTTP/1.2 200 OK\r\n", "HTTP/1.1 20 OK\r\n",
                                        "HTTP/1.1 2000\r\n", "HTTP/1.1 600 x\r\n", "SSH-2.0-x\r\n",       "HTTP/1.1\r\n"};
    for (size_t at = 0; at < sizeof wrong / sizeof wrong[0]; at++) {
        check_why = wrong[at];
        CHECK(status_of(wrong[at]) == -1);
    }
    const uint8_t nul[] = {'H', 0};
    http_answer answer = {.status = 0};
    http_answer_feed(&answer, nul, sizeof nul);
    CHECK(answer.status == -1);
}

static void a_value_cannot_end_its_part(void)
{
    char form[MULTIPART_FORM_SIZE];
    const multipart_field broken = {"caption", "a\r\n--x"}, copied = {"caption", MULTIPART_BOUNDARY};
    CHECK(!multipart_form(form, sizeof form, &broken, 1, "photo"));
    CHECK(!multipart_form(form, sizeof form, &copied, 1, "photo"));
    CHECK(!multipart_form(form, 40, NULL, 0, "photo"));
    CHECK(multipart_form(form, sizeof form, NULL, 0, "photo"));
}

static void the_longest_values_fit_into_a_head(void)
{
    char head[HTTP_UPLOAD_HEAD_SIZE], token[48], path[URL_PATH_SIZE];
    url to = {.tls = false};
    memset(token, 't', sizeof token - 1);
    token[sizeof token - 1] = '\0';
    memset(path, 'p', sizeof path - 1);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    memcpy(to.path, path, sizeof path);
    memset(to.at.host, 'h', sizeof to.at.host - 1);
    to.at.port = UINT16_MAX;
    CHECK(http_telegram_head(head, sizeof head, token, SIZE_MAX >> 1));
    CHECK(http_prusaconnect_head(head, sizeof head, to.at.host, token, path, SIZE_MAX >> 1));
    CHECK(http_picture_post_head(head, sizeof head, &to, SIZE_MAX >> 1));
    CHECK(!http_picture_post_head(head, 100, &to, 1));
}

int main(void)
{
    request = malloc(sizeof *request);
    RUN(a_request_is_read_in_pieces_of_any_size);
    RUN(a_request_without_a_body_ends_with_its_head);
    RUN(what_leaves_a_doubt_is_refused);
    RUN(a_head_beyond_its_buffer_is_refused);
    RUN(the_longest_body_fits);
    RUN(forms_of_other_sites_are_told_apart);
    RUN(only_the_password_opens);
    RUN(the_status_of_an_answer_is_read_from_its_first_line);
    RUN(a_value_cannot_end_its_part);
    RUN(the_longest_values_fit_into_a_head);
    free(request);
    return checked();
}
