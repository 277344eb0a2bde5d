/* A device's key as a file of one line. */
#ifndef KEY_FILE_H
#define KEY_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "lfcp_constants.h"

/* path: "-" reads the first line of stdin, and nothing beyond it. False after a message on stderr, which never shows
 * what is in the file. */
bool key_file_read(const char *path, uint8_t key[LFCP_KEY]);

#endif
