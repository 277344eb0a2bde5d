"""Devices that talk to both servers of a pair, each by lfcp's own session: heartbeats, and alarms that are sent again
until both servers have them."""

import random
import select
import socket
import threading
import time
from collections.abc import Mapping
from typing import NamedTuple

from lfcp import Verb
from lfcp.client import ClientSession, MessageAcknowledged
from tests.netlab.namespaces import Namespace

INTERVAL = 5.0  # s between heartbeats
LONGEST_LOOK = 0.02  # s
TEXT = "gate"


class Acknowledged(NamedTuple):
    """at: monotonic s. server: the label of who has stored it."""

    at: float
    server: str


class Fleet(threading.Thread):
    """servers: host and port of each, by label. alarms: by device, when it raised its one alarm (monotonic s);
    acknowledged: by device, by whom and when, in order."""

    def __init__(self, house: Namespace, servers: Mapping[str, tuple[str, int]]) -> None:
        super().__init__(daemon=True, name="fleet")
        self.alarms: dict[str, float] = {}
        self.acknowledged: dict[str, list[Acknowledged]] = {}
        self._servers = servers
        self._labels = {address: label for label, address in servers.items()}
        self._sessions: dict[str, ClientSession] = {}
        self._dice = random.Random(0)
        self._pause: float | None = None
        self._next = 0.0
        self._stopping = False
        with house.entered():
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._lock = threading.Lock()

    def stream(self, rate: float) -> None:
        """From now on so many devices a second appear and raise an alarm each; 0: no more."""
        self._next = time.monotonic()
        self._pause = 1 / rate if rate else None

    def motion(self, device: str) -> None:
        with self._lock:
            session = self._sessions.get(device) or self._appear(device)
            self.alarms[device] = time.monotonic()
            assert session.queue(Verb.MOAL, TEXT, time.monotonic())

    def appear(self, *devices: str) -> None:
        """They send heartbeats."""
        with self._lock:
            for device in devices:
                self._appear(device)

    def run(self) -> None:
        while not self._stopping:
            if self._pause is not None and time.monotonic() >= self._next:
                self._next += self._pause
                self.motion(f"d{len(self.alarms):04}")
            with self._lock:
                self._send_what_is_due()
            if select.select([self._socket], [], [], LONGEST_LOOK)[0]:
                self._hear()

    def close(self) -> None:
        self._stopping = True
        self.join()
        self._socket.close()

    def _appear(self, device: str) -> ClientSession:
        session = ClientSession(device, tuple(self._servers), INTERVAL, self._dice.random)
        self._sessions[device] = session
        return session

    def _send_what_is_due(self) -> None:
        now = time.monotonic()
        for session in self._sessions.values():
            if session.next_wakeup() <= now:
                for label, frame in session.poll(now):
                    self._socket.sendto(frame, self._servers[label])

    def _hear(self) -> None:
        data, address = self._socket.recvfrom(2000)
        label, device = self._labels[address], data.partition(b",")[0].decode()
        now = time.monotonic()
        with self._lock:
            for event in self._sessions[device].receive(label, data, now):
                if isinstance(event, MessageAcknowledged):
                    self.acknowledged.setdefault(device, []).append(Acknowledged(now, label))
