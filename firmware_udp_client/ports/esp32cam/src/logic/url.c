#include "url.h"

#include <string.h>

#include "bounded_text.h"

#define HTTP_PORT 80
#define HTTPS_PORT 443

static const char *after_scheme(const char *text, bool *tls)
{
    static const char plain[] = "http://", secure[] = "https://";
    *tls = strncmp(text, secure, sizeof secure - 1) == 0;
    if (*tls) {
        return text + sizeof secure - 1;
    }
    return strncmp(text, plain, sizeof plain - 1) == 0 ? text + sizeof plain - 1 : NULL;
}

static bool read_path(const char *text, url *address)
{
    for (const char *each = text; *each != '\0'; each++) {
        if (*each <= ' ' || *each >= 0x7f || *each == '#') { /* a char over 0x7f is negative, or over 0x7f */
            return false;
        }
    }
    const char *path = *text == '\0' ? "/" : text;
    return text_copy(address->path, sizeof address->path, path, strlen(path));
}

bool url_read(const char *text, url *address)
{
    const char *host = after_scheme(text, &address->tls);
    if (host == NULL) {
        return false;
    }
    const size_t host_length = strcspn(host, "/");
    if (!host_port_read(host, host_length, &address->at) || !read_path(host + host_length, address)) {
        return false;
    }
    if (address->at.port == 0) {
        address->at.port = address->tls ? HTTPS_PORT : HTTP_PORT;
    }
    return true;
}
