"""Hybrid logical clock: stamps that follow the wall clock but never go back, and order what two servers did.

Kulkarni et al., "Logical Physical Clocks" (2014). A stamp is one integer: milliseconds since 1970 shifted left by
COUNTER_BITS, plus a counter for stamps within one millisecond or while the wall clock is behind.
"""

from alarmd.core.instant import Instant
from alarmd.core.member_numbers import following

COUNTER_BITS = 16


class HybridClock:
    """member: as in member_numbers.py: stamps become identities, and two members may stamp in one millisecond."""

    __slots__ = ("_member", "last")

    def __init__(self, last: int = 0, member: int | None = None) -> None:
        self.last = last
        self._member = member

    def stamp(self, now: Instant) -> int:
        """A stamp greater than every one before, and not less than the wall clock."""
        self.last = following(self._member, max(self.last, ((now.wall // 1000) << COUNTER_BITS) - 1))
        return self.last

    def witness(self, stamp: int) -> None:
        """Stamps from now on are greater than this one of the peer's."""
        self.last = max(self.last, stamp)
