/* Lets other parsers judge what the camera writes: `esp32cam_say WHAT` prints it, with a picture where one belongs.
 * `esp32cam_say take LENGTH` takes a form from stdin in such pieces, and prints what would be kept. For
 * tests/firmware/test_esp32_logic.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control_page.h"
#include "http_page.h"
#include "http_request.h"
#include "http_upload.h"
#include "multipart.h"

#define PICTURE_LENGTH 5000

static unsigned char picture[PICTURE_LENGTH];

static int say(bool fits, const char *head)
{
    fputs(head, stdout);
    return fits ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int say_telegram(void)
{
    char head[HTTP_UPLOAD_HEAD_SIZE], form[MULTIPART_FORM_SIZE];
    const multipart_field fields[] = {{"chat_id", "-100200300"}, {"caption", "cam1 something & \"more\""}};
    const bool fits = multipart_form(form, sizeof form, fields, 2, "photo") &&
                      http_telegram_head(head, sizeof head, "123456:AAbb-cc_dd",
                                         strlen(form) + sizeof picture + strlen(MULTIPART_TAIL));
    const int status = say(fits, head);
    fputs(form, stdout);
    fwrite(picture, 1, sizeof picture, stdout);
    fputs(MULTIPART_TAIL, stdout);
    return status;
}

static int say_prusaconnect(void)
{
    char head[HTTP_UPLOAD_HEAD_SIZE];
    const bool fits = http_prusaconnect_head(head, sizeof head, PRUSACONNECT_HOST, "abcdefghij0123456789",
                                             "0123456789012345678901234567890123456789", sizeof picture);
    const int status = say(fits, head);
    fwrite(picture, 1, sizeof picture, stdout);
    return status;
}

static int say_post(void)
{
    char head[HTTP_UPLOAD_HEAD_SIZE];
    url to;
    const bool fits = url_read("http://[2001:db8::1]:8081/S3StoreImage?x=1", &to) &&
                      http_picture_post_head(head, sizeof head, &to, sizeof picture);
    const int status = say(fits, head);
    fwrite(picture, 1, sizeof picture, stdout);
    return status;
}

static int say_page(void)
{
    static char page[CONTROL_PAGE_SIZE];
    char head[HTTP_PAGE_HEAD_SIZE];
    config of;
    config_defaults(&of);
    config_set(&of, config_find("name"), "cam1");
    config_set(&of, config_find("network1"), "<\"Fish & Chips\">");
    const bool fits = control_page_write(page, sizeof page, &of, "there is no server", "no network") &&
                      http_page_head(head, sizeof head, 200, "text/html; charset=utf-8", strlen(page));
    const int status = say(fits, head);
    fputs(page, stdout);
    return status;
}

static int say_refusal(void)
{
    char head[HTTP_PAGE_HEAD_SIZE];
    const bool fits = http_page_head(head, sizeof head, 401, "text/plain", strlen(http_status_text(401)));
    const int status = say(fits, head);
    fputs(http_status_text(401), stdout);
    return status;
}

static int say_stream(void)
{
    char part[MJPEG_PART_SIZE];
    const bool fits = mjpeg_part(part, sizeof part, sizeof picture);
    const int status = say(fits, MJPEG_HEAD);
    for (int frame = 0; frame < 2; frame++) {
        fputs(part, stdout);
        fwrite(picture, 1, sizeof picture, stdout);
    }
    fputs("\r\n--" MJPEG_BOUNDARY "--\r\n", stdout);
    return status;
}

static int take(size_t piece)
{
    static http_request request;
    static uint8_t bytes[HTTP_HEAD_SIZE];
    char lines[CONFIG_TEXT_SIZE] = "";
    config of;
    http_request_start(&request);
    config_defaults(&of);
    for (size_t got = piece; got > 0 && request.reading == HTTP_READING;) {
        got = fread(bytes, 1, piece < sizeof bytes ? piece : sizeof bytes, stdin);
        http_request_feed(&request, bytes, got);
    }
    const bool taken = request.reading == HTTP_READ && config_from_form(&of, request.body, request.body_length) == NULL;
    return say(taken && config_write(&of, lines, sizeof lines), lines);
}

int main(int count, char **arguments)
{
    const struct {
        const char *name;
        int (*say)(void);
    } sayings[] = {{"telegram", say_telegram}, {"prusaconnect", say_prusaconnect}, {"post", say_post},
                   {"page", say_page},         {"refusal", say_refusal},           {"stream", say_stream}};
    for (size_t at = 0; at < sizeof picture; at++) {
        picture[at] = (unsigned char)(at * 7); /* every byte, line ends and dashes too */
    }
    if (count == 3 && strcmp(arguments[1], "take") == 0) {
        return take(strtoul(arguments[2], NULL, 10));
    }
    for (size_t at = 0; at < sizeof sayings / sizeof sayings[0]; at++) {
        if (count == 2 && strcmp(arguments[1], sayings[at].name) == 0) {
            return sayings[at].say();
        }
    }
    return EXIT_FAILURE;
}
