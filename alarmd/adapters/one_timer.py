"""The one timer. Whatever the rules have to look at next, there is one moment at which it is due.

A timer that comes late means that the server itself was held up (SIGSTOP, a suspend, a busy machine). What arrived
meanwhile lies in the sockets, so they are read before anything is judged, or a device would be called lost whose
heartbeat is there.
"""

import asyncio
from collections.abc import Callable

from alarmd.core.instant import Instant

LATE = 0.25  # s after which the sockets are read first
MAX_SLEEP = 1.0  # s; the loop's clock stands still in a suspend and ours does not, so look at ours now and then
MIN_SLEEP = 0.001  # s; whatever is asked, the sockets get their turn


class OneTimer:
    """fire(due): judge what is due. drains: read the sockets until nothing waits."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        now: Callable[[], Instant],
        fire: Callable[[float], None],
    ) -> None:
        self._loop = loop
        self._now = now
        self._fire = fire
        self._due: float | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._judging = False
        self.drains: list[Callable[[], None]] = []

    def arm(self, due: float | None, mono: float) -> None:
        """Fire at `due`, monotonic seconds; None: never. mono: the time now. Replaces what was armed before."""
        if due == self._due or self._judging:
            return
        self._due = due
        self._sleep(mono)

    def stop(self) -> None:
        self._judging = True  # nothing arms it again
        if self._handle is not None:
            self._handle.cancel()

    def _sleep(self, mono: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._due is not None:
            delay = min(max(self._due - mono, MIN_SLEEP), MAX_SLEEP)
            self._handle = self._loop.call_later(delay, self._wake)

    def _wake(self) -> None:
        self._handle = None
        mono = self._now().mono
        assert self._due is not None
        if mono < self._due:
            self._sleep(mono)
            return
        due, self._due = self._due, None
        if mono - due <= LATE:
            self._fire(due)
            return
        self._judging = True  # the due time that counts is this one, whatever the drained frames lead to
        for drain in self.drains:
            drain()
        # A timer that is due at once runs after one more look at the descriptors: TCP has been read by then.
        self._handle = self._loop.call_later(0, self._judge, due)

    def _judge(self, due: float) -> None:
        self._handle = None
        self._judging = False
        self._fire(due)
