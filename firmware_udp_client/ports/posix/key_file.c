#include "key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfcp_signing.h"

#define LONGEST_LINE 64

static bool fail(const char *path, const char *problem)
{
    fprintf(stderr, "lfcp-device: --key-file %s: %s\n", path, problem);
    return false;
}

/* Byte by byte: what follows the line on stdin is for the console. */
static bool read_line(int file, char *line, size_t size, size_t *length)
{
    char byte;
    for (*length = 0; *length < size; (*length)++) {
        const ssize_t got = read(file, &byte, 1);
        if (got < 0 && errno == EINTR) {
            (*length)--;
            continue;
        }
        if (got < 0) {
            return false;
        }
        if (got == 0 || byte == '\n') {
            break;
        }
        line[*length] = byte;
    }
    return true;
}

static bool read_key(int file, const char *path, uint8_t key[LFCP_KEY])
{
    char line[LONGEST_LINE];
    size_t length = 0;
    const bool read = read_line(file, line, sizeof line, &length);
    if (read && length > 0 && line[length - 1] == '\r') {
        length--;
    }
    const lfcp_status status = read ? lfcp_key_from_text(line, length, key) : LFCP_INVALID;
    explicit_bzero(line, sizeof line);
    if (!read) {
        return fail(path, strerror(errno));
    }
    return status == LFCP_OK ? true : fail(path, "its first line is no key; a key has 43 letters, digits, - and _");
}

static const char *problem_of(int file)
{
    struct stat found;
    if (fstat(file, &found) != 0) {
        return strerror(errno);
    }
    if (!S_ISREG(found.st_mode)) {
        return "is no file";
    }
    return (found.st_mode & (S_IRWXG | S_IRWXO)) == 0 ? NULL : "others than its owner have rights to it: chmod 600 it";
}

bool key_file_read(const char *path, uint8_t key[LFCP_KEY])
{
    if (strcmp(path, "-") == 0) {
        return read_key(STDIN_FILENO, path, key);
    }
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return fail(path, strerror(errno));
    }
    const char *problem = problem_of(file);
    const bool read = problem == NULL ? read_key(file, path, key) : fail(path, problem);
    close(file);
    return read;
}
