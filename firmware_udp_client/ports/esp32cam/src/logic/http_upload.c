#include "http_upload.h"

#include <string.h>

#include "bounded_text.h"
#include "multipart.h"

#define HTTP_PORT 80

static void put_host(bounded_text *out, const host_port *at, uint16_t usual_port)
{
    const bool in_brackets = strchr(at->host, ':') != NULL;
    text_put(out, in_brackets ? "[" : "");
    text_put(out, at->host);
    text_put(out, in_brackets ? "]" : "");
    if (at->port != usual_port) {
        text_put(out, ":");
        text_put_number(out, at->port);
    }
}

static void put_line(bounded_text *out, const char *name, const char *value)
{
    text_put(out, name);
    text_put(out, ": ");
    text_put(out, value);
    text_put(out, "\r\n");
}

/* Every upload closes its connection: the answer's end needs no further rule then. */
static bool end_head(bounded_text *out, size_t content_length)
{
    text_put(out, "Content-Length: ");
    text_put_number(out, (int64_t)content_length);
    text_put(out, "\r\nConnection: close\r\n\r\n");
    return text_finish(out);
}

bool http_prusaconnect_head(char *head, size_t size, const char *host, const char *token, const char *fingerprint,
                            size_t picture_length)
{
    bounded_text out;
    text_start(&out, head, size);
    text_put(&out, "PUT /c/snapshot HTTP/1.1\r\n");
    put_line(&out, "Host", host);
    put_line(&out, "Token", token);
    put_line(&out, "Fingerprint", fingerprint);
    put_line(&out, "Content-Type", "image/jpg"); /* so its description names it, not image/jpeg */
    return end_head(&out, picture_length);
}

bool http_picture_post_head(char *head, size_t size, const url *to, size_t picture_length)
{
    bounded_text out;
    text_start(&out, head, size);
    text_put(&out, "POST ");
    text_put(&out, to->path);
    text_put(&out, " HTTP/1.1\r\nHost: ");
    put_host(&out, &to->at, to->tls ? HTTPS_PORT : HTTP_PORT);
    text_put(&out, "\r\nContent-Type: image/jpeg\r\n");
    return end_head(&out, picture_length);
}

bool http_telegram_head(char *head, size_t size, const char *token, size_t body_length)
{
    bounded_text out;
    text_start(&out, head, size);
    text_put(&out, "POST /bot");
    text_put(&out, token);
    text_put(&out, "/sendPhoto HTTP/1.1\r\n");
    put_line(&out, "Host", TELEGRAM_HOST);
    put_line(&out, "Content-Type", "multipart/form-data; boundary=" MULTIPART_BOUNDARY);
    return end_head(&out, body_length);
}

static const char *version_end(const char *line)
{
    static const char name[] = "HTTP/1.";
    const bool known = strncmp(line, name, sizeof name - 1) == 0 && (line[7] == '0' || line[7] == '1');
    return known && line[8] == ' ' ? line + 9 : NULL;
}

static int status_of(const char *line)
{
    const char *digits = version_end(line);
    uint32_t status = 0;
    const bool whole = digits != NULL && strlen(digits) >= 3 && (digits[3] == ' ' || digits[3] == '\0');
    return whole && text_to_number(digits, 3, 100, 599, &status) ? (int)status : -1;
}

void http_answer_feed(http_answer *answer, const uint8_t *bytes, size_t length)
{
    for (size_t at = 0; at < length && answer->status == 0; at++) {
        if (bytes[at] == '\n') {
            const bool after_cr = answer->length > 0 && answer->line[answer->length - 1] == '\r';
            answer->line[answer->length - (after_cr ? 1 : 0)] = '\0';
            answer->status = status_of(answer->line);
        } else if (bytes[at] == '\0') {
            answer->status = -1;
        } else if (answer->length < sizeof answer->line - 1) {
            answer->line[answer->length++] = (char)bytes[at]; /* a reason phrase may be long; it is not needed */
        }
    }
}
