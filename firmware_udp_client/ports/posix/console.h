/* Orders on stdin, a line each. */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum console_verb {
    CONSOLE_MOTION,
    CONSOLE_LOG,
    CONSOLE_ERR,
    CONSOLE_SLEEP,
    CONSOLE_STATUS,
    CONSOLE_QUIT,
    CONSOLE_UNKNOWN
} console_verb;

typedef struct console_order {
    console_verb verb;
    const char *text; /* what follows the verb; good until the next call */
} console_order;

typedef struct console {
    bool open;
    char line[256];
    size_t length;
    size_t taken;   /* of the line that was handed out */
    bool skipping;  /* a line that was too long */
} console;

void console_start(console *from);

/* After poll() said that stdin can be read. */
void console_read(console *from);

/* The next complete line. False: none. */
bool console_next(console *from, console_order *order);

#endif
