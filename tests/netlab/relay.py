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


class Relay:
    """ends: interfaces of the namespace in which it is made. line: may be changed while it runs. passed, lost: so many
    frames."""

    def __init__(self, ends: tuple[str, str], line: Line, seed: int = 0) -> None:
        self.line = line
        self.passed = self.lost = 0
        self._dice = random.Random(seed)
        self._ends = [_frames_of(end) for end in ends]
        self._other = dict(zip(self._ends, reversed(self._ends), strict=True))
        self._held: list[tuple[float, int, socket.socket, bytes]] = []
        self._order = count()
        self._stopped, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        os.close(self._stop)
        self._thread.join()
        os.close(self._stopped)
        for end in self._ends:
            end.close()

    def _run(self) -> None:
        while True:
            wait = min(LOOK_EVERY, self._held[0][0] - time.monotonic()) if self._held else LOOK_EVERY
            waiting = [self._stopped, *(end.fileno() for end in self._ends)]
            ready, _, _ = select.select(waiting, [], [], max(0.0, wait))
            if self._stopped in ready:
                return
            for end in self._ends:
                if end.fileno() in ready:
                    self._take(end)
            self._pass_on()

    def _take(self, end: socket.socket) -> None:
        frame, address = end.recvfrom(FRAME)
        if address[2] == socket.PACKET_OUTGOING:
            return
        copies = 1 + (self._dice.random() < self.line.duplicates)
        for _ in range(copies):
            if self._dice.random() < self.line.loss or len(self._held) >= MAX_HELD:
                self.lost += 1
                continue
            due = time.monotonic() + self.line.delay + self.line.jitter * self._dice.random()
            heapq.heappush(self._held, (due, next(self._order), self._other[end], frame))

    def _pass_on(self) -> None:
        while self._held and self._held[0][0] <= time.monotonic():
            _, _, end, frame = heapq.heappop(self._held)
            end.send(frame)
            self.passed += 1


def _frames_of(interface: str) -> socket.socket:
    frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    frames.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    frames.bind((interface, 0))
    return frames
