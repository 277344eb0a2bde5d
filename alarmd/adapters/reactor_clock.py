"""The only clock of the server."""

import time

from alarmd.core.instant import Instant

# CLOCK_BOOTTIME counts through a suspend; without it (not Linux) a suspend looks like a pause.
_MONOTONIC = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> Instant:
    """One reading of both clocks."""
    return Instant(time.time_ns() // 1000, time.clock_gettime(_MONOTONIC))


stopwatch = time.perf_counter  # seconds, for measuring how long our own work takes; decides nothing
