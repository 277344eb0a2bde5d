/* What every function of the library answers: whether it did what it was asked, and why not. */
#ifndef LFCP_STATUS_H
#define LFCP_STATUS_H

#include "lfcp_constants.h"

typedef enum lfcp_status {
    LFCP_OK = 0,
#define LFCP_STATUS_OF(name, code) LFCP_##name,
    LFCP_REASONS(LFCP_STATUS_OF) /* the reasons of docs/protocol.md, LFCP_TOO_LONG for example */
#undef LFCP_STATUS_OF
    LFCP_NO_SPACE,     /* the caller's buffer is too small */
    LFCP_NO_ROOM,      /* a bounded queue or table is full of what matters as much */
    LFCP_NOT_SIGNED,   /* a frame without the form of a signature */
    LFCP_REPLAYED,     /* a counter that was seen, or is too old */
    LFCP_NOT_FOR_ME,   /* another device's name, or a verb that only devices send */
    LFCP_CRYPTO_FAILED,  /* the crypto interface could not do its work */
    LFCP_STORAGE_FAILED, /* the storage callback could not do its work: no counter is used without it */
    LFCP_INVALID       /* an argument that the documentation excludes */
} lfcp_status;

/* The reason's code as in docs/protocol.md, or a word of the same kind; never NULL. */
const char *lfcp_status_text(lfcp_status status);

#endif
