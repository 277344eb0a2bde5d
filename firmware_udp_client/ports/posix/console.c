#include "console.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char *const words[] = {
    [CONSOLE_MOTION] = "motion", [CONSOLE_LOG] = "log",       [CONSOLE_ERR] = "err",
    [CONSOLE_SLEEP] = "sleep",   [CONSOLE_STATUS] = "status", [CONSOLE_QUIT] = "quit",
};

void console_start(console *from)
{
    *from = (console){.open = true};
}

void console_read(console *from)
{
    if (from->length == sizeof from->line) {
        from->length = 0;
        from->skipping = true;
    }
    const ssize_t got = read(STDIN_FILENO, from->line + from->length, sizeof from->line - from->length);
    if (got > 0) {
        from->length += (size_t)got;
    } else if (got == 0 || errno != EINTR) {
        from->open = false;
    }
}

static console_order parse(char *line)
{
    char *text = line + strcspn(line, " ");
    if (*text != '\0') {
        *text++ = '\0';
    }
    for (size_t verb = 0; verb < sizeof words / sizeof words[0]; verb++) {
        if (strcmp(line, words[verb]) == 0) {
            return (console_order){(console_verb)verb, text};
        }
    }
    return (console_order){CONSOLE_UNKNOWN, line};
}

static void forget_taken(console *from)
{
    from->length -= from->taken;
    memmove(from->line, from->line + from->taken, from->length);
    from->taken = 0;
}

bool console_next(console *from, console_order *order)
{
    for (;;) {
        forget_taken(from);
        char *end = memchr(from->line, '\n', from->length);
        if (end == NULL) {
            return false;
        }
        from->taken = (size_t)(end - from->line) + 1;
        *end = '\0';
        const bool whole = !from->skipping;
        from->skipping = false;
        if (whole && from->line[0] != '\0') {
            *order = parse(from->line);
            return true;
        }
    }
}
