/* Reads one HTTP/1.x request, byte by byte as it comes in, into a buffer of fixed size: what a browser sends to the
 * control page, and nothing more of RFC 9112. A request that leaves a doubt about its length is refused, not guessed. */
#ifndef LOGIC_HTTP_REQUEST_H
#define LOGIC_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_SIZE 2048 /* request line and header; a browser sends some 600 bytes */
#define HTTP_BODY_SIZE 4096 /* the control page's form, every field full */

typedef enum request_method { REQUEST_GET, REQUEST_POST, REQUEST_OTHER } request_method;

typedef enum http_reading {
    HTTP_READING, /* more is needed */
    HTTP_READ,
    HTTP_REFUSED, /* answer with the status, then close */
} http_reading;

typedef struct http_request {
    request_method method;
    const char *path;          /* without the query; NUL-terminated, as are the others; not unescaped */
    const char *query;         /* "" where there is none */
    const char *host;          /* "" where there is none */
    const char *origin;        /* "" where there is none */
    const char *authorization; /* "" where there is none */
    const char *content_type;  /* "" where there is none */
    size_t content_length;
    char body[HTTP_BODY_SIZE + 1];
    size_t body_length;
    uint16_t status; /* why it was refused: 400, 405, 413, 414, 431, 501 or 505 */

    char head[HTTP_HEAD_SIZE + 1];
    size_t head_length;
    http_reading reading;
    bool in_body;
} http_request;

void http_request_start(http_request *request);

/* Takes as many of the bytes as belong to the request. Call it until it says something else than HTTP_READING. */
http_reading http_request_feed(http_request *request, const uint8_t *bytes, size_t length);

/* Whether the browser was sent here by a page of this very device: an Origin that is not its Host is another site's
 * (RFC 6454), and a form of another site must not configure a camera. */
bool http_request_is_own_origin(const http_request *request);

/* HTTP Basic (RFC 7617) with this user and password, compared in a time that does not depend on them. */
bool http_request_is_authorised(const http_request *request, const char *user, const char *password);

#endif
