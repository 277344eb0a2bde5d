#include "lfcp_signing.h"

#if LFCP_WINDOW != 64
#error "the window is the bits of a uint64_t"
#endif

void lfcp_window_open(lfcp_window *window, uint64_t highest)
{
    window->highest = highest;
    window->seen = UINT64_MAX;
}

lfcp_status lfcp_window_accept(lfcp_window *window, uint64_t counter)
{
    if (counter > window->highest) {
        uint64_t ahead = counter - window->highest;
        window->seen = (ahead < LFCP_WINDOW ? window->seen << ahead : 0) | 1;
        window->highest = counter;
        return LFCP_OK;
    }
    uint64_t behind = window->highest - counter;
    if (behind >= LFCP_WINDOW || (window->seen >> behind & 1) != 0) {
        return LFCP_REPLAYED;
    }
    window->seen |= UINT64_C(1) << behind;
    return LFCP_OK;
}
