"""The device of a drill: it has a key, beats at every server, sees one motion and waits until that is stored."""

import asyncio
import random
import secrets
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Self

from lfcp import Report, Verb, decode
from lfcp.client import ClientSession, HeartbeatAcknowledged, MessageAcknowledged, VolatileMemory

INTERVAL = 5.0  # s between heartbeats
LONGEST_NAP = 1.0  # s

Address = tuple[str, int]


class DrillCamera:
    """servers: host and port by label. Raises OSError where a socket cannot be opened."""

    def __init__(self, name: str, key: bytes, servers: Mapping[str, Address]) -> None:
        report = Report(boot_id=secrets.token_hex(8))
        self._session = ClientSession(
            name, tuple(servers), INTERVAL, random.random, report=report, key=key, memory=VolatileMemory()
        )
        self._servers = servers
        self._lines: dict[str, asyncio.DatagramTransport] = {}
        self._something_to_send = asyncio.Event()
        self.greeted = {label: asyncio.Event() for label in servers}  # a heartbeat was answered
        self.stored = {label: asyncio.Event() for label in servers}  # the motion is
        self.copies: dict[str, int] = {}  # that the server said it stored, the peer's included

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for label, address in self._servers.items():
            self._lines[label], _ = await loop.create_datagram_endpoint(
                partial(_Line, self, label), remote_addr=address
            )
        self._task = loop.create_task(self._speak())
        return self

    async def __aexit__(self, *_what: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        for line in self._lines.values():
            line.close()

    def motion(self, what: str) -> None:
        self._session.queue(Verb.MOAL, what, monotonic())
        self._something_to_send.set()

    def hear(self, label: str, data: bytes) -> None:
        for event in self._session.receive(label, data, monotonic()):
            if isinstance(event, HeartbeatAcknowledged):
                self.greeted[label].set()
            elif isinstance(event, MessageAcknowledged):
                self.copies[label] = int(decode(data).params[1])
                self.stored[label].set()
        self._something_to_send.set()

    async def _speak(self) -> None:
        while True:
            self._something_to_send.clear()
            for label, frame in self._session.poll(monotonic()):
                self._lines[label].sendto(frame)
            nap = min(max(self._session.next_wakeup() - monotonic(), 0.0), LONGEST_NAP)
            with suppress(TimeoutError):
                async with asyncio.timeout(nap):
                    await self._something_to_send.wait()


class _Line(asyncio.DatagramProtocol):
    def __init__(self, camera: DrillCamera, label: str) -> None:
        self._camera = camera
        self._label = label

    def datagram_received(self, data: bytes, _address: object) -> None:
        self._camera.hear(self._label, data)

    def error_received(self, _error: Exception) -> None:
        """Nobody is there, or not yet: the session sends again, and the drill has its patience."""
