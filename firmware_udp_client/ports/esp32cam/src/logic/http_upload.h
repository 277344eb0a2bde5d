/* The heads of the three uploads that a camera makes, and the answer to them. Each function writes into the caller's
 * buffer; HTTP_UPLOAD_HEAD_SIZE is always enough for values that the configuration accepts. */
#ifndef LOGIC_HTTP_UPLOAD_H
#define LOGIC_HTTP_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "url.h"

#define HTTP_UPLOAD_HEAD_SIZE 640
#define HTTP_ANSWER_LINE_SIZE 64

#define TELEGRAM_HOST "api.telegram.org"
#define PRUSACONNECT_HOST "connect.prusa3d.com"
#define HTTPS_PORT 443

/* PUT /c/snapshot of PrusaConnect's camera interface. The fingerprint has 16 to 64 characters and never changes: the
 * service binds it to the token with the first picture. */
bool http_prusaconnect_head(char *head, size_t size, const char *host, const char *token, const char *fingerprint,
                            size_t picture_length);

/* POST of a picture to the server of stop-motion films. */
bool http_picture_post_head(char *head, size_t size, const url *to, size_t picture_length);

/* sendPhoto of the Bot API is head, form, picture, tail; see multipart.h for form and tail. */
bool http_telegram_head(char *head, size_t size, const char *token, size_t body_length);

/* The status line of an answer, fed as it comes in. status: 0 until the line is complete; -1: that was no HTTP. */
typedef struct http_answer {
    int status;
    char line[HTTP_ANSWER_LINE_SIZE];
    size_t length;
} http_answer;

void http_answer_feed(http_answer *answer, const uint8_t *bytes, size_t length);

#endif
