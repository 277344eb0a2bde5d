// The motion detector, on the camera's own pictures.
#pragma once

#include "plain_c.h"

namespace watch {

void begin(const config &settings);

// Call it often; it takes a picture now and then. True when something moves, at most once in 10 s.
bool moved(uint64_t now);

// After a pause: what is seen next is learnt anew.
void forget();

}  // namespace watch
