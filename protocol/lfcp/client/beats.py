"""When one server hears that the device lives: heartbeats, their repetition, and SLEP in their place."""

import math
import re
from collections.abc import Callable

from lfcp.constants import HEARTBEAT_AGAIN_MS, Verb
from lfcp.messages import UNUSED

AGAIN_FIRST = HEARTBEAT_AGAIN_MS / 1000  # s; each further wait is twice the one before
SPREAD = 0.1  # heartbeats come up to this part of the interval early, so that a fleet does not beat in step
_SECONDS = re.compile(r"[1-9][0-9]{0,5}")


class Beats:
    """Times are monotonic seconds. interval: the device's own, s. agains: how often an unanswered beat is repeated.
    jitter: from 0 to 1."""

    __slots__ = (
        "_again_at",
        "_agains",
        "_allowed",
        "_asked",
        "_jitter",
        "_own_interval",
        "_regular_at",
        "_repeats",
        "_wanted",
        "deaf",
        "heard_here",
        "interval",
        "last",
        "missed",
        "proven",
        "sleep",
        "unanswered",
    )

    def __init__(self, interval: float, agains: int, jitter: Callable[[], float]) -> None:
        self._own_interval = interval
        self._allowed = math.inf
        self._agains = agains
        self._jitter = jitter
        self._regular_at = -math.inf
        self._again_at = math.inf
        self._repeats = 0
        self._wanted = False  # one more, at once
        self._asked = False  # since the last regular heartbeat the server had its wish for one more
        self.interval = interval  # s; as the server allows
        self.last = -math.inf  # the last regular heartbeat
        self.missed = 0  # regular heartbeats in a row that were not answered before the next one
        self.sleep: int | None = None  # s; declared
        self.unanswered = False
        self.proven = False  # the server took the last heartbeat for a proof of life at this address
        self.heard_here = False  # on the socket that is in use
        self.deaf = False  # a regular heartbeat and all its repetitions on this socket were not answered

    @property
    def verb(self) -> Verb:
        return Verb.HEARTBEAT if self.sleep is None else Verb.SLEP

    def poll(self, now: float) -> bool:
        """Whether to beat now."""
        if now < self.next_wakeup():
            return False
        if now >= self._regular_at:
            self._begin(now)
        else:
            self._repeats = 0 if self._wanted else self._repeats + 1
        self._wanted = False
        left = self._repeats < self._agains
        self._again_at = now + AGAIN_FIRST * math.pow(2, self._repeats) if left else math.inf
        self.unanswered = True
        return True

    def next_wakeup(self) -> float:
        """When poll() has something to do. math.inf: a sleep was declared, and acknowledged or told often enough."""
        return -math.inf if self._wanted else min(self._regular_at, self._again_at)

    def heard(self) -> None:
        """The server lives, whatever it said."""
        self.missed = 0
        self.heard_here, self.deaf = True, False

    def rebound(self, now: float) -> None:
        """Another socket, or another network: one more, unless one leaves now. The servers may wish for one more again:
        without it they have no proof of where the device is now until the next regular one."""
        self.heard_here = self.deaf = self.proven = self._asked = False
        if self.sleep is None and self.last < now:
            self.at_once()

    def answered(self, beat: Verb, proven: bool) -> None:
        """A late answer to a heartbeat is none to the SLEP that followed it."""
        self.proven = proven
        if beat is self.verb:
            self.unanswered = False
            self._again_at = math.inf

    def allow(self, interval: int) -> None:
        """The server wants to hear from the device at least this often, s."""
        self._allowed = interval
        self._set_interval()

    def learn(self, interval: float) -> None:
        """What the device's own interval is from now on, s."""
        self._own_interval = interval
        self._set_interval()

    def asked(self, beat: Verb) -> None:
        """The server wants another one at once. One wish a regular heartbeat, so that no server drives a device."""
        if beat is self.verb and not self._asked:
            self._asked = self._wanted = True

    def at_once(self) -> None:
        """One more, repeated as often as a regular one."""
        self._wanted = True

    def prove(self) -> None:
        """The server does not know any more that the device lives at this address."""
        self.proven = False
        self.at_once()

    def declare_sleep(self, seconds: int) -> None:
        """SLEP takes the heartbeats' place until wake()."""
        self.sleep = seconds
        self._regular_at = math.inf
        self._asked = self.unanswered = False
        self.at_once()

    def wake(self) -> None:
        self.sleep = None
        self.unanswered = False
        self._regular_at = -math.inf

    def _set_interval(self) -> None:
        self.interval = min(self._own_interval, self._allowed)
        if self.sleep is None:
            self._regular_at = min(self._regular_at, self.last + self.interval)

    def _begin(self, now: float) -> None:
        if self.unanswered:
            self.missed += 1
            self.deaf = True
        self.last = now
        self._regular_at = now + self.interval * (1 - SPREAD * self._jitter())
        self._repeats = 0
        self._asked = False


def allowed_interval(field: str) -> int | None:
    """p4 of a heartbeat's ACK, s."""
    return int(field) if field != UNUSED and _SECONDS.fullmatch(field) else None
