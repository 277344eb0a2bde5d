/* Signals as something that poll() can wait for. */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <stdbool.h>

/* SIGTERM and SIGINT ask for the end, SIGCHLD wakes up, SIGPIPE is ignored. False with errno. */
bool signals_open(void);

int signals_descriptor(void);

/* After poll() said that it can be read. */
void signals_drain(void);

bool signals_asked_for_the_end(void);

#endif
