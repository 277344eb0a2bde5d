"""A bad line: frames go from one network interface to another, late, twice, in another order, or not at all.

Packet sockets (packet(7)) in a thread of the tests: sch_netem is not in every kernel.
"""

import heapq
import os
import random
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

ETH_P_ALL = 3
SO_RCVBUFFORCE = 33  # socket(7); Python has no name for it
FRAME = 65_536  # bytes
BUFFER = 16_000_000  # bytes that wait for the thread's turn: what it loses shall be what it was asked to lose
MAX_HELD = 20_000  # frames on the line; more are lost, as in any queue
LOOK_EVERY = 1.0  # s


@dataclass(frozen=True, slots=True)
class Line:
    """How bad it is. loss, duplicates: shares of the frames. delay: s of each, each way. jitter: s more at most, by
    chance for each frame, so that they overtake each other."""

    loss: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0
    duplicates: float = 0.0


@dataclass(frozen=True, slots=True)
class Passing:
    """An Ethernet frame on the line. towards: the end that it goes to, 0 or 1. late: s that it is held besides."""

    frame: bytes
    towards: int
    late: float = 0.0


class Relay:
    """ends: interfaces of the namespace in which it is made. line: may be changed while it runs, and so may man: who is
    in the middle of it sees each frame and says what goes on in its place, none, others, or several. passed, lost: so
    many frames."""

    def __init__(self, ends: tuple[str, str], line: Line, seed: int = 0) -> None:
        self.line = line
        self.man: Callable[[Passing], Iterable[Passing]] | None = None
        self.passed = self.lost = 0
        self._dice = random.Random(seed)
        self._ends = [_frames_of(end) for end in ends]
        self._held: list[tuple[float, int, Passing]] = []
        self._guard = threading.Lock()  # of what is held
        self._order = count()
        self._closing = False
        self._woken, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing = True
        os.write(self._wake, b"!")
        self._thread.join()
        os.close(self._wake)
        os.close(self._woken)
        for end in self._ends:
            end.close()

    def inject(self, passing: Passing) -> None:
        """From any thread. The line does it no harm."""
        self._hold(passing, passing.late)
        os.write(self._wake, b"!")

    def _run(self) -> None:
        while not self._closing:
            with self._guard:
                wait = self._held[0][0] - time.monotonic() if self._held else LOOK_EVERY
            waiting = [self._woken, *(end.fileno() for end in self._ends)]
            ready, _, _ = select.select(waiting, [], [], min(LOOK_EVERY, max(0.0, wait)))
            if self._woken in ready:
                os.read(self._woken, FRAME)
            for towards, end in enumerate(reversed(self._ends)):
                if end.fileno() in ready:
                    self._take(end, towards)
            self._pass_on()

    def _take(self, end: socket.socket, towards: int) -> None:
        frame, address = end.recvfrom(FRAME)
        if address[2] == socket.PACKET_OUTGOING:
            return
        seen = Passing(frame, towards)
        for passing in (seen,) if self.man is None else self.man(seen):
            self._travel(passing)

    def _travel(self, passing: Passing) -> None:
        copies = 1 + (self._dice.random() < self.line.duplicates)
        for _ in range(copies):
            if self._dice.random() < self.line.loss:
                self.lost += 1
                continue
            self._hold(passing, passing.late + self.line.delay + self.line.jitter * self._dice.random())

    def _hold(self, passing: Passing, seconds: float) -> None:
        with self._guard:
            if len(self._held) >= MAX_HELD:
                self.lost += 1
            else:
                heapq.heappush(self._held, (time.monotonic() + seconds, next(self._order), passing))

    def _pass_on(self) -> None:
        while (passing := self._due()) is not None:
            self._send(passing)

    def _due(self) -> Passing | None:
        with self._guard:
            if self._held and self._held[0][0] <= time.monotonic():
                return heapq.heappop(self._held)[2]
        return None

    def _send(self, passing: Passing) -> None:
        with suppress(OSError):  # nobody is plugged in there at the moment
            self._ends[passing.towards].send(passing.frame)
            self.passed += 1


def _frames_of(interface: str) -> socket.socket:
    frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    frames.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    frames.bind((interface, 0))
    return frames
