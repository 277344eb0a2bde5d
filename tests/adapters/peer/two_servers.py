"""Two whole servers in one process: real sockets, real TLS, real databases; between them a line that can be cut."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.asyncioreactor import AsyncioSelectorReactor

from alarmd.adapters.peer.authority import Papers, issue
from alarmd.adapters.peer.certificates import Facts, Role, save_pair
from alarmd.adapters.reactor_clock import now
from alarmd.application import Application
from alarmd.config import Config
from alarmd.core.inputs import FrameReceived, Input
from alarmd.core.link_condition import Link
from alarmd.core.paths import Path as RulesPath
from alarmd.core.records import Event
from alarmd.core.requests import OperatorRequest
from alarmd.core.state import State
from alarmd.storage.interface import DeliveryFilter, EventFilter
from tests.serving import LIMIT, LOOPBACK
from tests.waiting import LOOK_EVERY, until

PAIR_KEY = bytes(range(32))


class Line:
    """A TCP relay on a port of its own. cut: whoever connects is dropped, and so is who is connected. frozen: nothing
    passes, and nobody is told."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.cut = self.frozen = False
        self.passed = 0  # bytes
        self._writers: set[asyncio.StreamWriter] = set()
        self._near: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._connected, LOOPBACK, 0)
        self.address: tuple[str, int] = self._server.sockets[0].getsockname()[:2]

    def break_far(self) -> None:
        """Whoever dialled sees it; the other one does not."""
        for writer in self._near:
            writer.transport.abort()

    def break_now(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def close(self) -> None:
        self._server.close()
        self.break_now()

    async def _connected(self, near_reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        if self.cut:
            near.transport.abort()
            return
        try:
            far_reader, far = await asyncio.open_connection(*self.target)
        except OSError:
            near.transport.abort()
            return
        self._writers |= {near, far}
        self._near.add(near)
        await asyncio.gather(self._pass(near_reader, far), self._pass(far_reader, near))
        self._writers -= {near, far}
        self._near.discard(near)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                await until(lambda: not self.frozen, "the line")
                self.passed += len(data)
                writer.write(data)
                await writer.drain()
        await until(lambda: not self.frozen, "the line")
        with contextlib.suppress(OSError):
            writer.close()


class Server:
    """One of the two; start() and stop() as often as a test likes."""

    def __init__(self, directory: Path, label: str, reactor: AsyncioSelectorReactor, **settings: Any) -> None:
        self.directory = directory
        self.label = label
        self._reactor = reactor
        self._settings = settings
        self._port = 0
        self.device: socket.socket | None = None

    async def start(self) -> None:
        any_port = {"port": 0}
        sections: dict[str, Any] = {
            "server": {"state_directory": str(self.directory), "label": self.label},
            "lfcp": {"addresses": [LOOPBACK], **any_port},
            "operator": any_port,
            "http": any_port,
            "ingest": {"addresses": [LOOPBACK], **any_port},
            "pair": {"addresses": [LOOPBACK], "port": self._port},
            **self._settings,
        }
        self.application = Application(Config(**sections), asyncio.get_running_loop(), self._reactor)
        if self.application.peer_addresses:
            self._port = self.application.peer_addresses[0][1]
        self._life = asyncio.create_task(self.application.run())
        await until(lambda: self.application.http_addresses or self._life.done(), "the start")

    async def stop(self) -> None:
        self.application.ask_to_stop()
        await self._life
        if self.device is not None:
            self.device.close()
            self.device = None

    @property
    def is_running(self) -> bool:
        return not self._life.done()

    @property
    def peer_address(self) -> tuple[str, int]:
        return LOOPBACK, self._port

    @property
    def state(self) -> State:
        return self.application._engine.state

    @property
    def link(self) -> Link:
        condition = self.application._peer.condition()
        assert condition is not None
        return condition.link

    async def frame(self, frame: str | bytes) -> bytes:
        """A device's datagram, and the answer."""
        loop = asyncio.get_running_loop()
        if self.device is None:
            self.device = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.device.setblocking(False)
            self.device.connect(self.application.lfcp_addresses[0])
        await loop.sock_sendall(self.device, frame.encode() if isinstance(frame, str) else frame)
        return await asyncio.wait_for(loop.sock_recv(self.device, 2000), LIMIT)

    async def request(self, request: OperatorRequest) -> None:
        await self.application._runner.submit_request(request)

    async def many(self, count: int, text: str) -> None:
        """Events of a device, as fast as they are stored."""
        path = RulesPath("udp", "192.0.2.77", 4077, 999)
        for number in range(count):
            self.submit(FrameReceived(f"cam{number % 50},LOG,{text} {number},0,0,0,0,0".encode(), path))
        await self.application._runner.commits.until_idle()

    def submit(self, happened: Input) -> None:
        self.application._runner.submit(happened, now())

    async def stored(self, kind: str | None = None) -> list[Event]:
        """The newest first, a thousand at most."""
        reader = self.application._storage.reader
        found = await asyncio.to_thread(reader.events, EventFilter(kind=kind, limit=1000))
        return [one.event for one in found]

    async def events(self, kind: str | None = None) -> list[str]:
        """Their texts."""
        return [event.text for event in await self.stored(kind)]

    async def has_event(self, text: str) -> None:
        """Waits for it."""
        async with asyncio.timeout(LIMIT):
            while text not in await self.events():
                await asyncio.sleep(LOOK_EVERY)

    async def deliveries(self) -> list[tuple[str, str]]:
        """Identity and state of every message."""
        reader = self.application._storage.reader
        states = ("pending", "delivered", "dead", "dropped")
        found = await asyncio.to_thread(reader.deliveries, DeliveryFilter(states=states, limit=1000))  # type: ignore[arg-type]
        return [(one.delivery.identity, str(one.state)) for one in found]

    def value(self, name: str, **labels: str) -> float:
        return self.application._registry.get_sample_value(name, labels) or 0.0


class Pair:
    """a listens, b dials over `line`."""

    def __init__(self, directory: Path, reactor: AsyncioSelectorReactor, **settings: Any) -> None:
        self.a = Server(directory / "a", "A", reactor, **settings)
        self.b = Server(directory / "b", "B", reactor, **settings)

    async def open(self) -> None:
        self.papers = papers = issue(("A", "B"))
        write_pair(self.a, papers[0])
        await self.a.start()
        self.line = Line(self.a.peer_address)
        await self.line.open()
        write_pair(self.b, papers[1], self.line.address)
        await self.b.start()

    async def met(self) -> None:
        await until(lambda: self.a.link is self.b.link is Link.MET, "the two to meet")

    async def close(self) -> None:
        await self.line.close()
        for server in (self.b, self.a):
            if server.is_running:
                await server.stop()


def write_pair(server: Server, papers: Papers, dial: tuple[str, int] | None = None, peer: str = "") -> None:
    server.directory.mkdir(exist_ok=True)
    peer = peer or {"A": "B", "B": "A"}[server.label]
    role = Role.LISTENS if dial is None else Role.DIALS
    save_pair(server.directory, Facts("ab" * 16, server.label, peer, role, dial), papers, PAIR_KEY)


@contextlib.asynccontextmanager
async def a_pair(directory: Path, reactor: AsyncioSelectorReactor, **settings: Any) -> AsyncIterator[Pair]:
    """Two servers, not necessarily met yet. settings: sections of the configuration, of both."""
    pair = Pair(directory, reactor, **settings)
    await pair.open()
    try:
        yield pair
    finally:
        await pair.close()


@pytest.fixture
async def pair(tmp_path: Path, reactor: AsyncioSelectorReactor) -> AsyncIterator[Pair]:
    """Two that have met."""
    async with a_pair(tmp_path, reactor) as both:
        await both.met()
        yield both
