/* What the camera answers as a server: heads of pages, pictures and the MJPEG stream. */
#ifndef LOGIC_HTTP_PAGE_H
#define LOGIC_HTTP_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_PAGE_HEAD_SIZE 384
#define MJPEG_PART_SIZE 96
#define MJPEG_BOUNDARY "lfcp-frame"
/* Between two parts. The first part has it too: RFC 2046 section 5.1.1 allows an empty preamble. */
#define MJPEG_HEAD                                                                                                  \
    "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=" MJPEG_BOUNDARY                          \
    "\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"

/* A status that http_request.h gives, or 200, 303, 401, 403, 404, 503. 303 leads to "/"; 401 asks for a password. */
bool http_page_head(char *head, size_t size, uint16_t status, const char *content_type, size_t content_length);

/* The words of a status, "Bad Request" for 400. */
const char *http_status_text(uint16_t status);

/* The head of one picture of the stream. */
bool mjpeg_part(char *part, size_t size, size_t picture_length);

#endif
