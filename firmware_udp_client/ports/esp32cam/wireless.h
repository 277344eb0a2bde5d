// The access point, and the networks that are tried in turn.
#pragma once

#include "plain_c.h"

namespace wireless {

// The radio, before anything needs chance: esp_random() is good only while it is on.
void power_up();

// After the configuration is known.
void begin(const config &settings);

// Call it often. useful: a server was heard, or the internet answered, since the last call. True when the device came
// into a network just now: sockets of the old one are of no use.
bool work(bool useful, uint64_t now);

bool connected();

}  // namespace wireless
