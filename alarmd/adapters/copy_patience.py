"""The ACK of an alarm waits a moment for the peer's copy, and says how many copies there are.

What is sent over the same connection meanwhile waits behind it: a line that overtook the ACK would be taken for it.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from alarmd.core.effects import COPY_PATIENCE, CloseConnection, Performed, SendFrame
from alarmd.core.outflow import Outflow
from alarmd.core.paths import Path

MAX_WAITING = 10_000  # frames; beyond, they leave at once and say that there is one copy


class _Waiting(NamedTuple):
    position: int  # of the turn in the outflow
    deadline: float  # on the loop's clock
    effect: SendFrame | CloseConnection


class CopyPatience:
    """perform: carries an effect out. One that is given to send() is performed exactly once, now or later."""

    def __init__(self, loop: asyncio.AbstractEventLoop, outflow: Outflow, perform: Callable[[Performed], None]) -> None:
        self._loop = loop
        self._outflow = outflow
        self._perform = perform
        self._waiting: deque[_Waiting] = deque()  # positions and deadlines grow
        self._held: Counter[Path] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def holds(self, path: Path) -> bool:
        """Whether something waits to be sent there."""
        return path in self._held

    def send(self, effect: Performed, position: int) -> None:
        """position: that of its turn in the outflow."""
        if not (self._waiting or self._outflow.is_open):
            self._perform(effect)
        elif isinstance(effect, SendFrame | CloseConnection) and self._must_wait(effect, position):
            deadline = self._loop.time() + COPY_PATIENCE
            self._waiting.append(_Waiting(position, deadline, effect))
            self._held[effect.path] += 1
            self._set_timer()
        else:
            self._leave(effect, stored=self._is_stored(position))

    def peer_stored(self) -> None:
        """The outflow's stored_position moved on."""
        while self._waiting and self._is_stored(self._waiting[0].position):
            self._release(stored=True)
        self._set_timer()

    def give_up(self) -> None:
        """The peer is gone."""
        while self._waiting:
            self._release(stored=self._is_stored(self._waiting[0].position))
        self._set_timer()

    def _must_wait(self, effect: SendFrame | CloseConnection, position: int) -> bool:
        if effect.path.transport == "tcp" and self.holds(effect.path):
            return True
        asks = isinstance(effect, SendFrame) and effect.doubled is not None
        return asks and self._outflow.is_open and not self._is_stored(position) and len(self) < MAX_WAITING

    def _is_stored(self, position: int) -> bool:
        return self._outflow.is_open and self._outflow.stored_position >= position

    def _release(self, *, stored: bool) -> None:
        effect = self._waiting.popleft().effect
        self._held[effect.path] -= 1
        if not self._held[effect.path]:
            del self._held[effect.path]
        self._leave(effect, stored=stored)

    def _leave(self, effect: Performed, *, stored: bool) -> None:
        if stored and isinstance(effect, SendFrame) and effect.doubled is not None:
            effect = replace(effect, payload=effect.doubled)
        self._perform(effect)

    def _set_timer(self) -> None:
        """For the one that waits longest."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._waiting[0].deadline, self._expire) if self._waiting else None

    def _expire(self) -> None:
        now = self._loop.time()
        while self._waiting and self._waiting[0].deadline <= now:
            self._release(stored=False)
        self._set_timer()
