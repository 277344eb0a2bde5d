/* A virtual camera: the JPEG files of a directory in turn, by name, or one file again and again. */
#ifndef PICTURES_H
#define PICTURES_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pictures {
    const char *path_given; /* a file or a directory; NULL: there is no camera */
    char last[NAME_MAX + 1];
    char path[PATH_MAX];
} pictures;

/* "Takes" the next one: NULL and its path in `path`, or what is wrong, fit for a frame. */
const char *pictures_take(pictures *from);

/* The same, and its bytes, for the caller to free(). */
const char *pictures_read(pictures *from, uint8_t **bytes, size_t *length);

#endif
