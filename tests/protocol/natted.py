"""A NAT with a mapping for each socket, and a server behind it that answers KEEP, under a virtual clock."""

import heapq
import random
from collections.abc import Callable, Sequence
from itertools import count

from lfcp.client.ladder import Ladder
from lfcp.constants import KEEP_STEPS, MAX_KEEPS

TRIP = 0.02  # s one way


class NattedLadder:
    """life: s that a mapping lives without a datagram. loss: the part of datagrams that get lost each way."""

    def __init__(
        self,
        life: float,
        loss: float = 0.0,
        seed: int = 0,
        steps: Sequence[float] = KEEP_STEPS,
        at_a_time: int = 14,
        room: int = MAX_KEEPS,
    ) -> None:
        self.ladder = Ladder(steps, at_a_time)
        self.now = 0.0
        self.sent = 0
        self.most_sockets = 0
        self.used: set[int] = set()
        self._life, self._loss, self._room = life, loss, room
        self._dice = random.Random(seed)
        self._alive_until: dict[int, float] = {}
        self._waiting = 0
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count(1)

    def climb(self) -> float:
        """The life that was found."""
        self.ladder.start(self.now)
        self._send()
        while not self.ladder.over:
            self._pass()
            self._send()
        return self.ladder.life

    def _send(self) -> None:
        for rung in self.ladder.poll(self.now):
            self.sent += 1
            self.used.add(rung.socket)
            counter = next(self._numbers)
            self.ladder.sent(rung, counter)
            self._alive_until[rung.socket] = self.now + self._life
            if self._arrives():
                self._serve(rung.socket, counter, rung.delay)
        self.most_sockets = max(self.most_sockets, len(self.ladder.sockets))

    def _serve(self, socket: int, counter: int, delay: float) -> None:
        refused = delay > 0 and self._waiting >= self._room
        self._waiting += delay > 0 and not refused
        self._later(0.0 if refused else delay + TRIP, lambda: self._answer(socket, counter, refused, delay > 0))

    def _answer(self, socket: int, counter: int, refused: bool, delayed: bool) -> None:
        self._waiting -= delayed and not refused
        if self._arrives() and self.now <= self._alive_until[socket]:
            self._alive_until[socket] = self.now + self._life
            self._later(TRIP, lambda: self.ladder.answered(counter, refused, self.now))

    def _later(self, seconds: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (self.now + seconds, next(self._numbers), what))

    def _pass(self) -> None:
        """Time until something happens."""
        due = self._agenda[0][0] if self._agenda else float("inf")
        wakeup = self.ladder.next_wakeup()
        self.now = max(self.now, min(due, wakeup))
        if due <= wakeup:
            heapq.heappop(self._agenda)[2]()

    def _arrives(self) -> bool:
        return self._dice.random() >= self._loss
