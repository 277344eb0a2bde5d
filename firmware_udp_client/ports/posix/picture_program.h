/* --on-picture: one run of the owner's program at a time, with a limit on its time. */
#ifndef PICTURE_PROGRAM_H
#define PICTURE_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lfcp_client.h"

#define PICTURE_PROGRAM_LIMIT_MS 60000

/* What TLGC and PRCC gave. Kept as records of the state directory. */
typedef struct picture_secrets {
    char telegram_token[48];
    char telegram_chat[34];
    char prusaconnect_token[48];
} picture_secrets;

typedef struct picture_program {
    const char *path; /* NULL: none */
    const char *device;
    pid_t child; /* 0: none runs */
    uint64_t deadline;
    bool killed;
} picture_program;

/* NULL, or why it does not run, fit for a frame. reason: "command", "motion" or "interval". */
const char *picture_program_start(picture_program *program, const picture_secrets *secrets, const char *picture,
                                  const char *reason, const char *text, uint64_t now);

/* Whether it has ended; *problem: NULL, or how it failed, fit for a frame. Kills it at its limit. */
bool picture_program_ended(picture_program *program, uint64_t now, const char **problem);

/* The end of the device is its end too. */
void picture_program_stop(picture_program *program);

#endif
