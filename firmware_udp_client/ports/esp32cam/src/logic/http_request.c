#include "http_request.h"

#include <string.h>
#include <strings.h>

#include "bounded_text.h"

#define CREDENTIALS_SIZE 96

static const char nothing[] = "";

void http_request_start(http_request *request)
{
    memset(request, 0, sizeof *request);
    request->path = request->query = request->host = request->origin = nothing;
    request->authorization = request->content_type = nothing;
}

static http_reading refuse(http_request *request, uint16_t status)
{
    request->status = status;
    return HTTP_REFUSED;
}

static request_method method_of(const char *word)
{
    if (strcmp(word, "GET") == 0) {
        return REQUEST_GET;
    }
    return strcmp(word, "POST") == 0 ? REQUEST_POST : REQUEST_OTHER;
}

/* Cuts the text at the first `mark`; what follows it, or NULL without one. */
static char *cut(char *text, char mark)
{
    char *found = strchr(text, mark);
    if (found == NULL) {
        return NULL;
    }
    *found = '\0';
    return found + 1;
}

static http_reading read_request_line(http_request *request, char *line)
{
    char *target = cut(line, ' ');
    char *version = target == NULL ? NULL : cut(target, ' ');
    if (version == NULL || target[0] != '/' || strchr(version, ' ') != NULL) {
        return refuse(request, 400);
    }
    if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0) {
        return refuse(request, 505);
    }
    request->method = method_of(line);
    if (request->method == REQUEST_OTHER) {
        return refuse(request, 405);
    }
    const char *query = cut(target, '?');
    request->path = target;
    request->query = query == NULL ? nothing : query;
    return HTTP_READING;
}

static http_reading read_length(http_request *request, const char *value, bool *seen)
{
    uint32_t length = 0;
    if (*seen || !text_to_number(value, strlen(value), 0, UINT32_MAX, &length)) {
        return refuse(request, 400); /* two lengths, or none that is a number: RFC 9112 section 6.3 */
    }
    *seen = true;
    request->content_length = length;
    return length > HTTP_BODY_SIZE ? refuse(request, 413) : HTTP_READING;
}

static char *trimmed(char *value)
{
    value += strspn(value, " \t");
    for (size_t length = strlen(value); length > 0 && strchr(" \t", value[length - 1]) != NULL; length--) {
        value[length - 1] = '\0';
    }
    return value;
}

static http_reading keep(http_request *request, const char **field, const char *value)
{
    if (*field != nothing) {
        return refuse(request, 400); /* which of the two would count? */
    }
    *field = value;
    return HTTP_READING;
}

static http_reading read_field(http_request *request, char *line, bool *length_seen)
{
    char *rest = cut(line, ':');
    if (rest == NULL || line[0] == '\0' || strpbrk(line, " \t") != NULL) {
        return refuse(request, 400); /* also a folded line: RFC 9112 section 5.2 */
    }
    const char *value = trimmed(rest);
    if (strcasecmp(line, "Content-Length") == 0) {
        return read_length(request, value, length_seen);
    }
    if (strcasecmp(line, "Transfer-Encoding") == 0) {
        return refuse(request, 501);
    }
    const struct {
        const char *name;
        const char **kept;
    } fields[] = {{"Host", &request->host},
                  {"Origin", &request->origin},
                  {"Authorization", &request->authorization},
                  {"Content-Type", &request->content_type}};
    for (size_t at = 0; at < sizeof fields / sizeof fields[0]; at++) {
        if (strcasecmp(line, fields[at].name) == 0) {
            return keep(request, fields[at].kept, value);
        }
    }
    return HTTP_READING;
}

/* The head is complete; its lines end with CR LF and none is empty. */
static http_reading read_head(http_request *request)
{
    char *line = request->head;
    bool length_seen = false;
    for (bool first = true; *line != '\0'; first = false) {
        char *next = strstr(line, "\r\n");
        *next = '\0';
        const http_reading reading =
            first ? read_request_line(request, line) : read_field(request, line, &length_seen);
        if (reading == HTTP_REFUSED) {
            return reading;
        }
        line = next + 2;
    }
    request->in_body = true;
    return request->content_length == 0 ? HTTP_READ : HTTP_READING;
}

static http_reading feed_head(http_request *request, char byte)
{
    const char before = request->head_length == 0 ? '\0' : request->head[request->head_length - 1];
    if (byte == '\0' || (byte == '\n') != (before == '\r')) {
        return refuse(request, 400); /* a CR or LF by itself: RFC 9112 section 2.2 */
    }
    if (request->head_length == HTTP_HEAD_SIZE) {
        return refuse(request, strchr(request->head, '\n') == NULL ? 414 : 431);
    }
    request->head[request->head_length++] = byte;
    const size_t length = request->head_length;
    if (length < 4 || memcmp(request->head + length - 4, "\r\n\r\n", 4) != 0) {
        return HTTP_READING;
    }
    request->head[length - 2] = '\0'; /* the empty line is not needed any more */
    return read_head(request);
}

static http_reading feed_body(http_request *request, char byte)
{
    request->body[request->body_length++] = byte;
    return request->body_length == request->content_length ? HTTP_READ : HTTP_READING;
}

http_reading http_request_feed(http_request *request, const uint8_t *bytes, size_t length)
{
    for (size_t at = 0; at < length && request->reading == HTTP_READING; at++) {
        const char byte = (char)bytes[at];
        request->reading = request->in_body ? feed_body(request, byte) : feed_head(request, byte);
    }
    return request->reading;
}

bool http_request_is_own_origin(const http_request *request)
{
    static const char scheme[] = "http://";
    if (request->origin[0] == '\0') {
        return true; /* no browser sends a form without it */
    }
    return strncmp(request->origin, scheme, sizeof scheme - 1) == 0 &&
           strcasecmp(request->origin + sizeof scheme - 1, request->host) == 0;
}

/* How long it takes depends on the lengths only. */
static bool is_same(const char *given, const char *wanted)
{
    const size_t given_length = strlen(given), wanted_length = strlen(wanted);
    unsigned difference = given_length != wanted_length;
    for (size_t at = 0; at < given_length && wanted_length > 0; at++) {
        difference |= (unsigned)(given[at] ^ wanted[at % wanted_length]);
    }
    return difference == 0;
}

bool http_request_is_authorised(const http_request *request, const char *user, const char *password)
{
    char plain[CREDENTIALS_SIZE], expected[CREDENTIALS_SIZE * 2];
    bounded_text credentials, header;
    text_start(&credentials, plain, sizeof plain);
    text_put(&credentials, user);
    text_put(&credentials, ":");
    text_put(&credentials, password);
    text_start(&header, expected, sizeof expected);
    text_put(&header, "Basic ");
    const bool fits = text_finish(&credentials);
    text_put_base64(&header, (const uint8_t *)plain, credentials.length);
    return fits && password[0] != '\0' && text_finish(&header) && is_same(request->authorization, expected);
}
