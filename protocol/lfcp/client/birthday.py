"""The third attempt, by permission only. Nobody knows the port that a hard NAT gives, but of 256 that it has given, one
in 250 ports by chance is one (the birthday problem). See docs/protocol.md, "Attempts"."""

import math
from abc import ABC, abstractmethod
from collections import deque

from lfcp.candidates import MAX_PORT, Address
from lfcp.client.attempts import OPENER_LEAD, OPENER_TTL, SETUP, Attempt
from lfcp.client.hello import Hello, Turn
from lfcp.client.probing import Pair
from lfcp.client.punching_steps import LFCP_SOCKET
from lfcp.client.side import HARD, Side
from lfcp.constants import BIRTHDAY_MS

BIRTHDAY = BIRTHDAY_MS / 1000
BIRTHDAY_SOCKETS = 256
SOWING_PAUSE = 0.005  # s
SPRAYING_PAUSE = 0.01
MAX_SPRAYED = 1500
LEAST_PORT = 1024


class _Birthday(Attempt, ABC):
    def __init__(self, side: Side, turn: Turn, now: float, public: Address, pause: float) -> None:
        super().__init__(side, turn, now + SETUP)
        self.candidates = ()
        self._public = public
        self._pause = pause
        self._next = math.inf
        self._paced = -math.inf  # nothing before this
        self._theirs: Hello | None = None

    def heard(self, hello: Hello, now: float) -> None:
        if self._theirs is None:
            self._theirs = hello
            self.ends = now + OPENER_LEAD + BIRTHDAY

    def next_wakeup(self) -> float:
        return self._next

    def poll(self, now: float) -> None:
        if now >= self._next:
            self._paced = max(self._next + self._pause, now)
            self._next = self._paced if self._left() else math.inf
            self._send(now)

    @abstractmethod
    def _left(self) -> bool:
        """Whether anything is left behind the one that is sent now."""

    @abstractmethod
    def _send(self, now: float) -> None:
        """The next one."""


class Sower(_Birthday):
    """The hard side: an opener from each of many sockets, so that its NAT gives as many ports."""

    def __init__(self, side: Side, turn: Turn, now: float, public: Address) -> None:
        super().__init__(side, turn, now, public, SOWING_PAUSE)
        self._asked = frozenset(side.sockets.open(BIRTHDAY_SOCKETS))
        self._opened: deque[int] = deque(maxlen=BIRTHDAY_SOCKETS)

    def opened(self, socket: int, now: float) -> None:
        if socket in self._asked:
            self._opened.append(socket)
            self._next = min(self._next, max(now, self._paced))

    def _left(self) -> bool:
        return len(self._opened) > 1

    def _send(self, now: float) -> None:
        self._side.prober.probe(Pair(self._opened.popleft(), self._public), now, OPENER_TTL)


class Sprayer(_Birthday):
    """The other side: probes to ports by chance."""

    def __init__(self, side: Side, turn: Turn, now: float, public: Address) -> None:
        super().__init__(side, turn, now, public, SPRAYING_PAUSE)
        self._sprayed = 0

    def heard(self, hello: Hello, now: float) -> None:
        if self._theirs is None:
            self._next = now + OPENER_LEAD
        super().heard(hello, now)

    def _left(self) -> bool:
        return self._sprayed < MAX_SPRAYED - 1

    def _send(self, now: float) -> None:
        self._sprayed += 1
        port = LEAST_PORT + int(self._side.random() * (MAX_PORT + 1 - LEAST_PORT))
        self._side.prober.probe(Pair(LFCP_SOCKET, self._public._replace(port=port)), now)


def birthday(side: Side, turn: Turn, now: float) -> Attempt:
    """Only where side.attempts() has it."""
    assert side.public is not None
    own = Sower if side.own.mapping in HARD else Sprayer
    return own(side, turn, now, side.public)
