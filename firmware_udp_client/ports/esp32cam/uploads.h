// Pictures on their way, in a task of their own: a TLS handshake takes seconds, and heartbeats do not wait.
#pragma once

#include "plain_c.h"

namespace uploads {

enum class Kind : uint8_t {
    command,    // TLGS: to Telegram
    motion,     // failover alarm mode: to Telegram, with the text
    automatic,  // to PrusaConnect and by POST, as far as they are set; the loop lets the servers have it
    snap,       // SNAP: only taken, since the flash takes its time; the loop uploads it
    probe,      // no picture: is the internet there?
};

struct Job {
    Kind kind;
    uint32_t flash_ms;
    char text[LFCP_SEND_MAX_FIELD + 1];
};

struct Outcome {
    Kind kind;
    bool succeeded;
    char problem[LFCP_SEND_MAX_FIELD + 1];  // fit for a frame
    uint8_t *bytes;                         // of a picture for the servers, null: none; whoever gets it frees it
    size_t length;
};

// Once. False if there is no memory.
bool begin();

// False: too much is on its way already.
bool start(const Job &job);

// The next that ended. False: none.
bool ended(Outcome *outcome);

// Whether a picture is on its way.
bool busy();

}  // namespace uploads
