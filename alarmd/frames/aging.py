"""Whether the wall clock can be believed so far that pictures go by their age.

A clock that is a hundred days ahead makes everything look old, and what is deleted does not come back. So nothing goes
by age before the clock has run evenly for an hour: by then the network has set it right, if it was wrong. If it stays
wrong, the archive tells: its newest picture is older than any that is kept. That may be a long outage too, so it holds
for a day only, in which little goes at once.
"""

import structlog

from alarmd.core.instant import SECOND, Instant
from alarmd.frames.retention import ALL, DAY, NOTHING, Amount

TIDY_EVERY = 3600.0  # s between two searches for what is too old, and before the first
STEP = 60.0  # s by which the wall clock has to go astray to count as set: more than it is ever slewed in a day
DOUBT = DAY / SECOND  # s for which a clock is doubted that has run evenly since
SHARE = 10  # while it is doubted one part in so many goes at once

_log = structlog.get_logger(__name__)


class Aging:
    """keep: µs that a picture is kept."""

    def __init__(self, keep: int, now: Instant) -> None:
        self._keep = keep
        self._since = self._tidied = now
        self._gap = False

    def look(self, now: Instant, newest: int | None) -> bool:
        """Whether it is time to delete by age. newest: wall µs at which the newest picture was received. Call it often:
        what it sees before a picture comes under a wrong clock tells most."""
        ahead = now.wall - self._since.wall_at(now.mono)
        if abs(ahead) > STEP * SECOND:
            _log.warning("the clock was set: nothing is deleted for its age for an hour", seconds=ahead // SECOND)
            self._since = self._tidied = now
            self._gap = ahead > DAY
        self._gap = self._gap or self._is_old(now, newest)
        return now.mono - self._tidied.mono >= TIDY_EVERY

    def allowance(self, now: Instant, newest: int | None, held: Amount) -> Amount:
        """How much may go by age now."""
        if now.mono - self._since.mono >= DOUBT:
            return self._share(held) if self._is_old(now, newest) else ALL
        if self._is_old(now, newest):
            _log.error(
                "no picture is deleted for its age: the newest is older than keep_days, so the clock may be wrong; "
                "this ends with the next picture, or after a day"
            )
            return NOTHING
        return self._share(held) if self._gap else ALL

    def tidied(self, now: Instant) -> None:
        self._tidied = now

    def _is_old(self, now: Instant, newest: int | None) -> bool:
        return newest is not None and newest < now.wall - self._keep

    def _share(self, held: Amount) -> Amount:
        return Amount(-(-held.pictures // SHARE), 0)
