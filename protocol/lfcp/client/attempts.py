"""The attempts to find a direct path: the first, from the LFCP socket, and the second, from a new one with openers.
The third is birthday.py. See docs/protocol.md, "Attempts"."""

import math
from collections.abc import Iterable
from enum import Enum, auto

from lfcp.candidates import Address, Candidate, Kind, Mapping, allowed, own_candidates, predicted
from lfcp.client.hello import Hello, Turn
from lfcp.client.probing import PUNCHING, Pair
from lfcp.client.punching_steps import LFCP_SOCKET
from lfcp.client.side import Side
from lfcp.constants import MAX_CANDIDATES, OPENER_MS

OPENER_LEAD = OPENER_MS / 1000
OPENER_TTL = 3
OPENERS = 3
OPENER_PAUSE = 0.05  # s
SETUP = 5.0  # s; what has not begun by then is given up
ASK_AGAIN = 0.5  # s
ASKS = 4


class Attempt:
    """turn: which one. candidates: what HELLO names; None: it is not sent yet. ends: when nothing more is sent."""

    def __init__(self, side: Side, turn: Turn, ends: float) -> None:
        self.turn = turn
        self.ends = ends
        self.candidates: tuple[Candidate, ...] | None = None
        self._side = side

    def heard(self, hello: Hello, now: float) -> None:
        """The other side's HELLO of this attempt; maybe again."""

    def answered(self) -> None:
        """The other side has one's own HELLO."""

    def opened(self, socket: int, now: float) -> None: ...

    def server_saw(self, socket: int, address: Address, now: float) -> None: ...

    def poll(self, now: float) -> None: ...

    def next_wakeup(self) -> float:
        return math.inf

    def _named(self, *parts: Iterable[Candidate]) -> tuple[Candidate, ...]:
        """What comes first matters more. One place is left for the address of PNCH."""
        return tuple(candidate for part in parts for candidate in part)[: MAX_CANDIDATES - 1]

    def _predicted(self, last: Address | None) -> Iterable[Candidate]:
        own = self._side.own
        return predicted(last, own.direction) if last is not None and own.mapping is Mapping.SEQUENTIAL else ()


class FirstAttempt(Attempt):
    def __init__(self, side: Side, turn: Turn, now: float, delay: float = 0.0) -> None:
        self._begins = now + delay
        super().__init__(side, turn, self._begins + PUNCHING)
        self.candidates = self._named(self._predicted(side.own.seen), own_candidates(side.own.addresses))
        if side.public is not None:
            side.prober.try_candidate(Pair(LFCP_SOCKET, side.public), Kind.PUBLIC, self._begins)

    def heard(self, hello: Hello, now: float) -> None:
        for candidate in to_try(hello, self._side.public):
            pair = Pair(LFCP_SOCKET, candidate.address)
            self._side.prober.try_candidate(pair, candidate.kind, max(now, self._begins))


class _Stage(Enum):
    """Of a second attempt, in this order."""

    OPENING = auto()  # the socket
    ASKING = auto()  # where the server sees it
    NAMED = auto()  # in HELLO; the other side's is waited for
    LEADING = auto()  # openers leave
    PROBING = auto()


class SecondAttempt(Attempt):
    def __init__(self, side: Side, turn: Turn, now: float) -> None:
        super().__init__(side, turn, now + SETUP)
        self._stage = _Stage.OPENING
        self._next = math.inf
        self._left = ASKS
        self._led_at = math.inf
        self._answered = False
        self._theirs: list[Candidate] = []
        (self._socket,) = side.sockets.open(1)

    def heard(self, hello: Hello, now: float) -> None:
        if not self._theirs:
            self._theirs = to_try(hello, self._side.public)
            self._lead(now)

    def answered(self) -> None:
        self._answered = True

    def opened(self, socket: int, now: float) -> None:
        if socket == self._socket and self._stage is _Stage.OPENING:
            self._enter(_Stage.ASKING, now)

    def server_saw(self, socket: int, address: Address, now: float) -> None:
        if socket == self._socket and self._stage is _Stage.ASKING:
            public = Candidate(Kind.PUBLIC, address)
            self.candidates = self._named(
                (public,), self._predicted(address), own_candidates(self._side.sockets.local(socket))
            )
            self._enter(_Stage.NAMED, math.inf)
            self._lead(now)

    def poll(self, now: float) -> None:
        if self._stage is _Stage.LEADING and self._answered and now >= self._led_at + OPENER_LEAD:
            self._probe(now)
        if now < self._next:
            return
        self._left -= 1
        if self._stage is _Stage.ASKING:
            self._next = now + ASK_AGAIN if self._left else math.inf
            self._side.sockets.ask(self._socket)
        else:
            self._next = now + OPENER_PAUSE if self._left else math.inf
            self._open(now)

    def next_wakeup(self) -> float:
        leads = self._stage is _Stage.LEADING and self._answered
        return min(self._next, self._led_at + OPENER_LEAD) if leads else self._next

    def _enter(self, stage: _Stage, at: float) -> None:
        self._stage = stage
        self._next = at

    def _lead(self, now: float) -> None:
        if self._stage is _Stage.NAMED and self._theirs:
            self._left = OPENERS
            self._led_at = now
            self._enter(_Stage.LEADING, now)

    def _open(self, now: float) -> None:
        for candidate in self._theirs:
            self._side.prober.probe(Pair(self._socket, candidate.address), now, OPENER_TTL)

    def _probe(self, now: float) -> None:
        self._enter(_Stage.PROBING, math.inf)
        self.ends = now + PUNCHING
        for candidate in self._theirs:
            self._side.prober.try_candidate(Pair(self._socket, candidate.address), candidate.kind, now)


def to_try(hello: Hello, public: Address | None) -> list[Candidate]:
    """Those that are allowed, the public ones first: a NAT that counts ports up gives these what was predicted."""
    tried = [candidate for candidate in hello.candidates if allowed(candidate, public)]
    return sorted(tried, key=lambda candidate: candidate.kind not in (Kind.PUBLIC, Kind.PREDICTED))
