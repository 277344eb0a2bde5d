/* A virtual camera: the JPEG files of a directory in turn, by name. */
#ifndef PICTURES_H
#define PICTURES_H

#include <limits.h>

typedef struct pictures {
    const char *directory; /* NULL: there is no camera */
    char last[NAME_MAX + 1];
    char path[PATH_MAX];
} pictures;

/* "Takes" the next one: NULL and its path in `path`, or what is wrong, fit for a frame. */
const char *pictures_take(pictures *from);

#endif
