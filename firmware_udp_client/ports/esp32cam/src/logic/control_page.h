/* The control page: one HTML form made of the configuration's table, without scripts and without any secret in it. */
#ifndef LOGIC_CONTROL_PAGE_H
#define LOGIC_CONTROL_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

#define CONTROL_PAGE_SIZE 12288

/* notice: a line on top, "" for none; state: what the camera does now. CONTROL_PAGE_SIZE is always enough. */
bool control_page_write(char *page, size_t size, const config *of, const char *notice, const char *state);

#endif
