#include "state_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASIDE_SUFFIX ".new"
#define NAME_SIZE (LFCP_SETTING_NAME + sizeof ASIDE_SUFFIX)

static bool fail(const char *path, const char *problem)
{
    fprintf(stderr, "lfcp-device: --state %s: %s\n", path, problem);
    return false;
}

static bool take_lock(state_directory *state, const char *path)
{
    state->lock = openat(state->directory, ".lock", O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (state->lock < 0) {
        return fail(path, strerror(errno));
    }
    if (flock(state->lock, LOCK_EX | LOCK_NB) != 0) {
        return fail(path, errno == EWOULDBLOCK ? "another device runs with it; each needs its own" : strerror(errno));
    }
    return true;
}

bool state_directory_open(state_directory *state, const char *path)
{
    *state = (state_directory){.directory = -1, .lock = -1};
    if (path == NULL) {
        return true;
    }
    if (mkdir(path, S_IRWXU) != 0 && errno != EEXIST) {
        return fail(path, strerror(errno));
    }
    state->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (state->directory < 0) {
        return fail(path, strerror(errno));
    }
    return take_lock(state, path);
}

void state_directory_close(state_directory *state)
{
    if (state->lock >= 0) {
        close(state->lock);
    }
    if (state->directory >= 0) {
        close(state->directory);
    }
    *state = (state_directory){.directory = -1, .lock = -1};
}

static bool read_all(int file, uint8_t *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        const ssize_t got = read(file, data + done, size - done);
        if (got <= 0 && !(got < 0 && errno == EINTR)) {
            return false;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return true;
}

static bool write_all(int file, const uint8_t *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        const ssize_t put = write(file, data + done, size - done);
        if (put < 0 && errno != EINTR) {
            return false;
        }
        done += put > 0 ? (size_t)put : 0;
    }
    return true;
}

static int read_record(void *context, const char *key, uint8_t *data, size_t size)
{
    const state_directory *state = context;
    if (state->directory < 0) {
        return 1;
    }
    const int file = openat(state->directory, key, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return errno == ENOENT ? 1 : -1;
    }
    struct stat found;
    int result = fstat(file, &found) == 0 ? 0 : -1;
    if (result == 0 && found.st_size != (off_t)size) {
        result = 1;
    }
    if (result == 0 && !read_all(file, data, size)) {
        result = -1;
    }
    close(file);
    return result;
}

/* The file is complete and on the disk before it has its name. */
static int write_record(void *context, const char *key, const uint8_t *data, size_t size)
{
    const state_directory *state = context;
    if (state->directory < 0) {
        return 0;
    }
    char aside[NAME_SIZE];
    if ((size_t)snprintf(aside, sizeof aside, "%s" ASIDE_SUFFIX, key) >= sizeof aside) {
        return -1;
    }
    const int file = openat(state->directory, aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file < 0) {
        return -1;
    }
    const bool written = write_all(file, data, size) && fsync(file) == 0;
    const bool closed = close(file) == 0;
    const bool named = written && closed && renameat(state->directory, aside, state->directory, key) == 0;
    return named && fsync(state->directory) == 0 ? 0 : -1;
}

lfcp_storage state_directory_storage(state_directory *state)
{
    return (lfcp_storage){.context = state, .read = read_record, .write = write_record};
}
