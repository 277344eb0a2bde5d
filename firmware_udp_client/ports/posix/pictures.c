#include "pictures.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "lfcp_constants.h"

static int is_picture(const struct dirent *entry)
{
    const char *suffix = strrchr(entry->d_name, '.');
    return suffix != NULL && (strcasecmp(suffix, ".jpg") == 0 || strcasecmp(suffix, ".jpeg") == 0);
}

/* The first name behind the last one, or the very first. The directory may change between two pictures. */
static const char *next_of(struct dirent **names, int count, const char *last)
{
    for (int at = 0; at < count; at++) {
        if (strcmp(names[at]->d_name, last) > 0) {
            return names[at]->d_name;
        }
    }
    return count > 0 ? names[0]->d_name : NULL;
}

static int by_bytes(const struct dirent **one, const struct dirent **other)
{
    return strcmp((*one)->d_name, (*other)->d_name);
}

static bool is_jpeg(const char *path)
{
    static const unsigned char start[] = {0xff, 0xd8, 0xff};
    unsigned char bytes[sizeof start];
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return false;
    }
    const bool read = fread(bytes, 1, sizeof bytes, file) == sizeof bytes;
    fclose(file);
    return read && memcmp(bytes, start, sizeof start) == 0;
}

static const char *choose(pictures *from, const char *name)
{
    if (name == NULL) {
        return "the camera has no picture";
    }
    snprintf(from->last, sizeof from->last, "%s", name);
    const int length = snprintf(from->path, sizeof from->path, "%s/%s", from->path_given, name);
    if (length < 0 || (size_t)length >= sizeof from->path || !is_jpeg(from->path)) {
        return "the picture is no JPEG";
    }
    return NULL;
}

static const char *take_file(pictures *from)
{
    snprintf(from->path, sizeof from->path, "%s", from->path_given);
    return is_jpeg(from->path) ? NULL : "the picture is no JPEG";
}

static bool is_directory(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

const char *pictures_take(pictures *from)
{
    if (from->path_given == NULL) {
        return "no camera: it was started without --picture";
    }
    if (!is_directory(from->path_given)) {
        return take_file(from);
    }
    struct dirent **names = NULL;
    const int count = scandir(from->path_given, &names, is_picture, by_bytes);
    if (count < 0) {
        return "the pictures cannot be read";
    }
    const char *problem = choose(from, next_of(names, count, from->last));
    for (int at = 0; at < count; at++) {
        free(names[at]);
    }
    free(names);
    return problem;
}

static const char *read_file(FILE *file, uint8_t **bytes, size_t *length)
{
    struct stat found;
    if (fstat(fileno(file), &found) != 0 || found.st_size < 1 || found.st_size > LFCP_MAX_PICTURE) {
        return "the picture is too large";
    }
    *length = (size_t)found.st_size;
    *bytes = malloc(*length);
    if (*bytes == NULL || fread(*bytes, 1, *length, file) != *length) {
        free(*bytes);
        return "the picture cannot be read";
    }
    return NULL;
}

const char *pictures_read(pictures *from, uint8_t **bytes, size_t *length)
{
    const char *problem = pictures_take(from);
    FILE *file = problem == NULL ? fopen(from->path, "rbe") : NULL;
    if (file == NULL) {
        return problem == NULL ? "the picture cannot be read" : problem;
    }
    problem = read_file(file, bytes, length);
    fclose(file);
    return problem;
}
