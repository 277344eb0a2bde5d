// What lies in flash: the configuration, the client's records, and what makes this camera this one.
#pragma once

#include <functional>

#include "plain_c.h"

namespace storage {

// Once, before anything else. False if the flash does not work.
bool begin();

// A copy. A camera that was never set up gets a name of its chip and a password of chance.
config load();

// Changes the configuration in flash, one change at a time. False if `change` says so, or it could not be kept.
bool change(const std::function<bool(config &)> &change);

// For the client: keys have at most 15 characters here, and so have all of its records.
lfcp_storage records();

// 40 characters that never change: PrusaConnect binds them to the token.
const char *fingerprint();

}  // namespace storage
