#include "http_page.h"

#include "bounded_text.h"

const char *http_status_text(uint16_t status)
{
    switch (status) {
    case 200:
        return "OK";
    case 303:
        return "See Other";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 431:
        return "Request Header Fields Too Large";
    case 501:
        return "Not Implemented";
    case 503:
        return "Service Unavailable";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Error";
    }
}

bool http_page_head(char *head, size_t size, uint16_t status, const char *content_type, size_t content_length)
{
    bounded_text out;
    text_start(&out, head, size);
    text_put(&out, "HTTP/1.1 ");
    text_put_number(&out, status);
    text_put(&out, " ");
    text_put(&out, http_status_text(status));
    text_put(&out, status == 303 ? "\r\nLocation: /" : "");
    text_put(&out, status == 401 ? "\r\nWWW-Authenticate: Basic realm=\"camera\"" : "");
    text_put(&out, status == 405 ? "\r\nAllow: GET, POST" : "");
    text_put(&out, "\r\nContent-Type: ");
    text_put(&out, content_type);
    text_put(&out, "\r\nContent-Length: ");
    text_put_number(&out, (int64_t)content_length);
    /* The page runs no script and is shown in no frame of another site. */
    text_put(&out, "\r\nContent-Security-Policy: default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; "
                   "frame-ancestors 'none'\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n");
    return text_finish(&out);
}

bool mjpeg_part(char *part, size_t size, size_t picture_length)
{
    bounded_text out;
    text_start(&out, part, size);
    text_put(&out, "\r\n--" MJPEG_BOUNDARY "\r\nContent-Type: image/jpeg\r\nContent-Length: ");
    text_put_number(&out, (int64_t)picture_length);
    text_put(&out, "\r\n\r\n");
    return text_finish(&out);
}
