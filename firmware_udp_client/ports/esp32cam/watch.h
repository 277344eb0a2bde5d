// The motion detector, on the camera's own pictures.
#pragma once

#include "camera.h"
#include "plain_c.h"

namespace watch {

void begin(const config &settings);

// Call it often; it takes a picture now and then. True when something moves, at most once in 10 s: the picture shows it.
bool moved(uint64_t now, Picture *seen);

// After a pause: what is seen next is learnt anew.
void forget();

}  // namespace watch
