"""When one server hears that the device lives: heartbeats, their repetition, and SLEP in their place."""

import math
import re
from collections.abc import Callable

from lfcp.constants import HEARTBEAT_AGAIN_MS, HEARTBEAT_AGAINS
from lfcp.messages import UNUSED

AGAIN_FIRST = HEARTBEAT_AGAIN_MS / 1000  # s; each further wait is twice the one before
SPREAD = 0.1  # heartbeats come up to this part of the interval early, so that a fleet does not beat in step
_SECONDS = re.compile(r"[1-9][0-9]{0,5}")


class Beats:
    """Times are monotonic seconds. interval: the device's own, s. agains: how often an unanswered heartbeat is
    repeated. jitter: from 0 to 1.

    A series is a heartbeat with its repetitions; a regular heartbeat and one that was asked for begin a new one."""

    __slots__ = (
        "_again_at",
        "_agains",
        "_jitter",
        "_own_interval",
        "_regular_at",
        "_repeats",
        "_requested",
        "interval",
        "last",
        "missed",
        "series",
        "sleep",
        "unanswered",
    )

    def __init__(self, interval: float, agains: int, jitter: Callable[[], float]) -> None:
        self._own_interval = interval
        self._agains = agains
        self._jitter = jitter
        self._regular_at = -math.inf
        self._again_at = math.inf
        self._repeats = 0
        self._requested = 0  # series since the last regular heartbeat
        self.interval = interval  # s; as the server allows
        self.last = -math.inf  # the last regular heartbeat
        self.missed = 0  # regular heartbeats in a row that were not answered before the next one
        self.series = 0
        self.sleep: int | None = None  # s; declared
        self.unanswered = False  # this series is

    def poll(self, now: float) -> bool:
        """Whether to beat now."""
        if now < self.next_wakeup():
            return False
        if now >= self._regular_at:
            self._begin_regular(now)
        elif self._again_at == -math.inf:
            self._begin_requested()
        else:
            self._repeats += 1
        self.unanswered = True
        agains = self._agains if self.sleep is None else HEARTBEAT_AGAINS
        self._again_at = now + AGAIN_FIRST * math.pow(2, self._repeats) if self._repeats < agains else math.inf
        return True

    def next_wakeup(self) -> float:
        """When poll() has something to do. math.inf: a sleep was declared, and acknowledged or told often enough."""
        return min(self._regular_at, self._again_at)

    def heard(self) -> None:
        """The server lives, whatever it said."""
        self.missed = 0

    def answered(self, series: int) -> None:
        """A late answer to an earlier series is none to this one: of a heartbeat none to the SLEP after it."""
        if series == self.series:
            self.unanswered = False
            self._again_at = math.inf

    def asked(self, series: int) -> None:
        """The server wants another one. Not for ever in a row: no server shall drive a device."""
        if series == self.series and self._requested < HEARTBEAT_AGAINS:
            self.at_once()

    def at_once(self) -> None:
        self._again_at = -math.inf

    def allow(self, interval: int) -> None:
        """The server wants to hear from the device at least this often, s."""
        self.interval = min(self._own_interval, interval)
        if self.sleep is None:
            self._regular_at = min(self._regular_at, self.last + self.interval)

    def declare_sleep(self, seconds: int) -> None:
        """SLEP takes the heartbeats' place until wake()."""
        self._begin_anew(seconds)

    def wake(self) -> None:
        self._begin_anew(None)

    def _begin_anew(self, sleep: int | None) -> None:
        self.sleep = sleep
        self.unanswered = False
        self._regular_at = -math.inf

    def _begin_regular(self, now: float) -> None:
        if self.unanswered:
            self.missed += 1
        self.last = now
        wait = self.interval * (1 - SPREAD * self._jitter())
        self._regular_at = now + wait if self.sleep is None else math.inf
        self._repeats = self._requested = 0
        self.series += 1

    def _begin_requested(self) -> None:
        self._repeats = 0
        self._requested += 1
        self.series += 1


def allowed_interval(field: str) -> int | None:
    """p4 of a heartbeat's ACK, s."""
    return int(field) if field != UNUSED and _SECONDS.fullmatch(field) else None
