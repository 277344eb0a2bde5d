"""Time as the rules see it: one reading of both clocks, taken by an adapter, handed in as an argument."""

from typing import NamedTuple

SECOND = 1_000_000


class Instant(NamedTuple):
    """One moment on both clocks.

    wall: microseconds since 1970-01-01 UTC; what people and databases see; may be set back or forth.
    mono: seconds on a clock that never goes back and counts through a suspend (CLOCK_BOOTTIME on Linux);
    what every deadline runs on; means nothing after a restart.
    """

    wall: int
    mono: float

    def wall_at(self, mono: float) -> int:
        """The wall time, µs, that a moment on the monotonic clock has or will have."""
        return self.wall + round((mono - self.mono) * SECOND)

    def mono_at(self, wall: int) -> float:
        """The monotonic time, s, of a wall time in µs; how a persisted deadline comes back to life."""
        return self.mono + (wall - self.wall) / SECOND
