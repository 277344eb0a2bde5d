#include "lfcp_status.h"

static const char *const texts[] = {
    "ok",
#define TEXT_OF(name, code) code,
    LFCP_REASONS(TEXT_OF)
#undef TEXT_OF
    "no_space",
    "no_room",
    "not_signed",
    "replayed",
    "not_for_me",
    "crypto_failed",
    "storage_failed",
    "invalid",
};

/* Fails to compile when a status has no text. */
typedef char every_status_has_a_text[sizeof texts / sizeof *texts == (unsigned)LFCP_INVALID + 1 ? 1 : -1];

const char *lfcp_status_text(lfcp_status status)
{
    return (unsigned)status <= (unsigned)LFCP_INVALID ? texts[status] : "unknown";
}
