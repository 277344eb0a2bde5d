"""PROBE and its ANSWER: which ways to the other side are tried, and which are good. See docs/protocol.md, "Attempts".

A pair is a socket of one's own and an address of the other side. What goes to an address that never answers is
bounded: to a candidate a PROBE for each of OFFSETS in an attempt; to any address an ANSWER and a PROBE for each valid
datagram from there, 74 bytes for 33.
"""

import math
from itertools import accumulate, chain, repeat, takewhile
from typing import NamedTuple

from lfcp.candidates import Address, Kind
from lfcp.client.punching_steps import Send, Step
from lfcp.constants import MAX_CANDIDATES, PUNCH_MS
from lfcp.tunnel import Kind as Datagram
from lfcp.tunnel import Outbound

PUNCHING = PUNCH_MS / 1000
MAX_SOURCES = 16  # pairs that nobody named, in one attempt
MAX_OUTSTANDING = 512  # probes whose answer still counts: those of 256 sockets among them
ANSWER_LATEST = 5.0  # s
ANSWER_BODY = 8
_PAUSES = chain(repeat(0.05, 5), repeat(0.1, 5), repeat(0.2))
OFFSETS = tuple(takewhile(lambda offset: offset < PUNCHING, accumulate(_PAUSES, initial=0.0)))


class Pair(NamedTuple):
    socket: int
    address: Address


class Answered(NamedTuple):
    """What was asked, and how long the answer took, s."""

    asked: Datagram
    round_trip: float


class Outstanding:
    """Probes without their answer."""

    def __init__(self) -> None:
        self._sent: dict[int, tuple[Pair, Datagram, float]] = {}

    def sent(self, counter: int, pair: Pair, asked: Datagram, now: float) -> None:
        self._sent[counter] = pair, asked, now
        if len(self._sent) > MAX_OUTSTANDING:
            del self._sent[next(iter(self._sent))]

    def answer(self, counter: int, pair: Pair, now: float) -> Answered | None:
        """None: to nothing that was sent there."""
        asked_of, asked, at = self._sent.get(counter, (None, Datagram.PROBE, -math.inf))
        if asked_of != pair or now - at > ANSWER_LATEST:
            return None
        del self._sent[counter]
        return Answered(asked, now - at)


class Check:
    """What is known of one pair."""

    __slots__ = ("began", "good", "kind", "named", "round_trip", "sent")

    def __init__(self, kind: Kind, began: float, *, named: bool) -> None:
        self.kind = kind
        self.named = named  # by the other side, or by the server
        self.began = began  # of its probes; math.inf: it gets none by the clock
        self.sent = 0
        self.good = False
        self.round_trip = math.inf

    def due(self) -> float:
        """When its next probe is sent."""
        return math.inf if self.good or self.sent == len(OFFSETS) else self.began + OFFSETS[self.sent]


class Prober:
    """outbound: seals what one says. public_host: the IP address of the other side's NAT, if it may be tried."""

    def __init__(self, outbound: Outbound, public_host: str | None, steps: list[Step]) -> None:
        self.checks: dict[Pair, Check] = {}
        self._outbound = outbound
        self._outstanding = Outstanding()
        self._public_host = public_host
        self._steps = steps

    def try_candidate(self, pair: Pair, kind: Kind, at: float) -> None:
        """at: when its probes begin."""
        check = self.checks.get(pair)
        if check is None or not check.named:
            if sum(known.named for known in self.checks.values()) >= MAX_CANDIDATES:
                return
            if check is None:
                self.checks[pair] = Check(kind, at, named=True)
                return
            check.named = True
            check.began = min(check.began, at)
        check.kind = min(check.kind, kind, key=lambda each: each.rank)

    def rest(self) -> None:
        """What was not probed by now, since a path was in use, is not caught up with."""
        for check in self.checks.values():
            check.sent = len(OFFSETS)

    def probe(self, pair: Pair, now: float, ttl: int | None = None) -> None:
        self.ask(Datagram.PROBE, pair, now, ttl)

    def ask(self, asked: Datagram, pair: Pair, now: float, ttl: int | None = None) -> None:
        datagram = self._outbound.seal(asked)
        self._outstanding.sent(self._outbound.counter, pair, asked, now)
        self._steps.append(Send(*pair, datagram, ttl))

    def answer(self, pair: Pair, counter: int) -> None:
        body = counter.to_bytes(ANSWER_BODY, "big")
        self._steps.append(Send(*pair, self._outbound.seal(Datagram.ANSWER, body)))

    def heard_probe(self, pair: Pair, counter: int, now: float) -> None:
        self.answer(pair, counter)
        self.try_source(pair, now)

    def try_source(self, pair: Pair, now: float) -> None:
        """A valid datagram came from there: one PROBE, as long as it is not known to be good."""
        check = self._meet(pair, now)
        if check is not None and not check.good:
            self.probe(pair, now)

    def expects(self, pair: Pair) -> bool:
        """Whether it is a candidate, or another port of the other side's NAT."""
        check = self.checks.get(pair)
        return pair.address.host == self._public_host or (check is not None and check.named)

    def answers(self, pair: Pair, body: bytes, now: float) -> Answered | None:
        """What an ANSWER is to; None: to nothing. Changes nothing else."""
        if len(body) != ANSWER_BODY:
            return None
        return self._outstanding.answer(int.from_bytes(body, "big"), pair, now)

    def heard_answer(self, pair: Pair, round_trip: float, now: float) -> None:
        """The pair is good, if there is room to remember it."""
        check = self._meet(pair, now)
        if check is not None:
            check.good = True
            check.round_trip = round_trip

    def poll(self, now: float, better_than: Kind | None) -> None:
        """better_than: the kind of the path in use; what is not better is not probed any more."""
        for pair, check in self.checks.items():
            if check.due() <= now and _worth(check, better_than):
                check.sent += 1
                self.probe(pair, now)

    def next_wakeup(self, better_than: Kind | None) -> float:
        due = [check.due() for check in self.checks.values() if _worth(check, better_than)]
        return min(due, default=math.inf)

    def best(self) -> Pair | None:
        """Of the good ones; of two that are equal the one that answered faster."""
        good = [(check.kind.rank, check.round_trip, pair) for pair, check in self.checks.items() if check.good]
        return min(good)[2] if good else None

    def drop(self, pair: Pair) -> None:
        """It answered once, and does not any more."""
        self.checks.pop(pair, None)

    def _meet(self, pair: Pair, now: float) -> Check | None:
        """What is known of it; an address that nobody named is remembered while there is room."""
        check = self.checks.get(pair)
        if check is None and sum(not known.named for known in self.checks.values()) < MAX_SOURCES:
            began = now if pair.address.host == self._public_host else math.inf
            check = self.checks[pair] = Check(Kind.PREDICTED, began, named=False)
        return check


def _worth(check: Check, better_than: Kind | None) -> bool:
    return better_than is None or check.kind.rank < better_than.rank
