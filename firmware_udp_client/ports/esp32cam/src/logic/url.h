/* Where pictures go: http://host[:port]/path or https://… */
#ifndef LOGIC_URL_H
#define LOGIC_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "host_port.h"

#define URL_PATH_SIZE 96

typedef struct url {
    bool tls;
    host_port at; /* the scheme's port where none was written */
    char path[URL_PATH_SIZE]; /* with its query; "/" at least */
} url;

/* False for another scheme, user:password@, a fragment, white space, or a part that is too long. */
bool url_read(const char *text, url *address);

#endif
