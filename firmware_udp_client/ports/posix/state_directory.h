/* Records that survive a restart and a power cut: one file each, written aside, synced, renamed, and the directory
 * synced. Only one process has the directory at a time: two devices with one counter are clones. */
#ifndef STATE_DIRECTORY_H
#define STATE_DIRECTORY_H

#include <stdbool.h>

#include "lfcp_client.h"

typedef struct state_directory {
    int directory; /* -1: nothing is kept */
    int lock;
} state_directory;

/* Makes the directory if it is not there. path NULL: nothing is kept. False after a message on stderr. */
bool state_directory_open(state_directory *state, const char *path);

void state_directory_close(state_directory *state);

/* For the client's records, and the program's own. */
lfcp_storage state_directory_storage(state_directory *state);

#endif
