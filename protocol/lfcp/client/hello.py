"""HELLO, with which each side of a rendezvous names where it may be reached, and how it is made to arrive."""

import math
import re
from typing import NamedTuple

from lfcp.candidates import Candidate, Mapping, read_candidate
from lfcp.constants import MAX_CANDIDATES

FIRST_WAIT = 0.2  # s; each is twice the one before
LONGEST_WAIT = 5.0
IDLE_WAIT = 60.0  # once it was answered; then again, and after FIRST_IDLE_WAIT, twice that …, until that one is
FIRST_IDLE_WAIT = 1.0
MAX_ROUND = 9999
MANY_SOCKETS = "b"
FEW_SOCKETS = "-"
REMEMBERED = 8  # copies whose answer still counts
_HELLO = re.compile(rf"([1-9][0-9]{{0,3}}) ([123]) ([uesh]) ([-b])((?: [^ ]+){{0,{MAX_CANDIDATES}}})")


class Turn(NamedTuple):
    """Which attempt; a later one is greater."""

    round: int  # from 1
    attempt: int  # 1, 2, 3


class Hello(NamedTuple):
    turn: Turn
    mapping: Mapping
    many_sockets: bool
    candidates: tuple[Candidate, ...]  # at most MAX_CANDIDATES, in the sender's order

    def __bytes__(self) -> bytes:
        sockets = MANY_SOCKETS if self.many_sockets else FEW_SOCKETS
        words = (*map(str, self.turn), self.mapping, sockets, *map(str, self.candidates))
        return " ".join(words).encode("ascii")


def read_hello(body: bytes) -> Hello | None:
    """None: one that deviates anywhere is no HELLO."""
    found = _HELLO.fullmatch(body.decode("latin-1"))
    if found is None:
        return None
    number, attempt, mapping, sockets, named = found.groups()
    candidates = [read_candidate(text) for text in named.split(" ")[1:]]
    known = tuple(candidate for candidate in candidates if candidate is not None)
    if len(known) < len(candidates):
        return None
    return Hello(Turn(int(number), int(attempt)), Mapping(mapping), sockets == MANY_SOCKETS, known)


class Delivery:
    """When one's own HELLO is sent, and whether the other side has it."""

    def __init__(self) -> None:
        self.answered = False  # of the HELLO that is said now
        self.round_trip: float | None = None  # s, through the relay; the newest
        self._text = b""
        self._next = math.inf
        self._wait = FIRST_WAIT
        self._copies: dict[int, float] = {}  # counter → when it was sent

    @property
    def text(self) -> bytes:
        return self._text

    def say(self, hello: Hello, now: float) -> None:
        """In place of the one before."""
        self._text = bytes(hello)
        self._copies.clear()
        self._next = now
        self._wait = FIRST_WAIT
        self.answered = False

    def due(self, now: float) -> bool:
        return self._next <= now

    def sent(self, counter: int, now: float) -> None:
        self._copies[counter] = now
        if len(self._copies) > REMEMBERED:
            del self._copies[next(iter(self._copies))]
        self._next = now + self._wait
        self._wait = min(2 * self._wait, LONGEST_WAIT)

    def heard_answer(self, counter: int, now: float) -> bool:
        """Whether it answers a copy of the HELLO that is said now."""
        sent_at = self._copies.pop(counter, None)
        if sent_at is None:
            return False
        self.round_trip = now - sent_at
        self.answered = True
        self._next = sent_at + IDLE_WAIT
        self._wait = FIRST_IDLE_WAIT
        return True

    def next_wakeup(self) -> float:
        return self._next
