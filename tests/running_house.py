"""A small server for tests of what talks to one: the real rules, a real SQLite file, the real API on real sockets.

It runs in a thread of its own, so that a test may be an ordinary blocking client. Turns are committed one by one; the
turn runner that production uses has tests of its own.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

import httpx
from prometheus_client import CollectorRegistry, Gauge

from alarmd.adapters.reactor_clock import now
from alarmd.adapters.server_key import server_key
from alarmd.core.effects import DURABLE, Answer, Effect, FetchPicture, Refuse, SendFrame
from alarmd.core.engine import Engine
from alarmd.core.inputs import FrameReceived, Input, LiveEnded, LiveRequested, Report, ServerStarted, TimerFired
from alarmd.core.link_condition import LinkCondition
from alarmd.core.paths import Path as PeerPath
from alarmd.core.records import Picture, Record, Trigger
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.requests import OperatorRequest
from alarmd.core.settings import Settings
from alarmd.frames.archive import DirectoryArchive
from alarmd.frames.intake import Intake, Upload
from alarmd.frames.live import LiveHub
from alarmd.frames.puller import Puller
from alarmd.storage.interface import Reader, StorageUnavailableError
from alarmd.storage.opening import open_reader, open_store
from alarmd.storage.vault import Vault
from alarmd.web.dependencies import Condition, Dependencies
from alarmd.web.operator_api import OperatorApi
from tests.frames.pictures import jpeg

PATIENCE = 30.0  # s that anything here may take on a busy machine
LISTENING = 2  # the number of the UDP socket; frame() has another one, whose answers nobody else hears
T = TypeVar("T")


class RunningHouse:
    """Use `running_house`. condition: what /healthz hears of the turn runner; tests set it."""

    def __init__(self, directory: Path, settings: Settings, udp_port: int) -> None:
        self.directory = directory
        self.control_socket = directory / "control.sock"
        self.url = f"sqlite:///{directory / 'alarmd.sqlite'}"
        self.condition = Condition(storage_failing=False, waiting=0, waiting_limit=100)
        self.database_away = False  # tests set it: readers fail
        self.hears: Callable[[bytes], bool] = lambda _datagram: True  # tests set it: what of UDP does not get lost
        self.link: LinkCondition | None = None  # tests set it: how that to a peer fares
        self.tcp_port = 0
        self.udp_port = udp_port
        self._settings = settings
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="house")

    def __enter__(self) -> "RunningHouse":
        self._thread.start()
        self.run(self._start())
        return self

    def __exit__(self, *_what: object) -> None:
        self.run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Something on the house's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def frame(self, text: str, host: str = "192.0.2.1", port: int = 4000) -> list[bytes]:
        """A device's datagram; what it is answered."""

        async def receive() -> list[bytes]:
            return self._receive(text.encode(), PeerPath("udp", host, port, 1))

        return self.run(receive())

    def picture(self, device: str, data: bytes | None = None, **how: Any) -> Picture:
        """One that came. how: as in an Upload."""
        upload = Upload(device, jpeg(64, 48) if data is None else data, **{"trigger": Trigger.DEVICE, **how})
        picture = self.run(self.intake.take(upload))
        assert picture is not None, "it is one that was sent before"
        return picture

    def tick(self) -> None:
        async def fire() -> None:
            self._turn(TimerFired(self.engine.next_deadline()))

        self.run(fire())

    @contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """On control.sock."""
        transport = httpx.HTTPTransport(uds=str(self.control_socket))
        with httpx.Client(transport=transport, base_url="http://alarmd/api/v1", timeout=PATIENCE) as client:
            yield client

    @contextmanager
    def tcp_client(self) -> Iterator[httpx.Client]:
        url = f"http://127.0.0.1:{self.tcp_port}/api/v1"
        with httpx.Client(base_url=url, timeout=PATIENCE) as client:
            yield client

    async def _start(self) -> None:
        self.store = open_store(self.url, self._settings.label, Vault(server_key(self.directory)))
        started = now()
        self.engine = Engine(self._settings, self.store.load(), ZoneInfo, started)
        self._turn(ServerStarted("test"))
        registry = CollectorRegistry()
        Gauge("house_devices", "Devices.", registry=registry).set_function(lambda: len(self.engine.state.sessions))
        self.live = LiveHub(
            lambda device: self._tell(LiveRequested(device)), lambda device: self._tell(LiveEnded(device))
        )
        self.archive = DirectoryArchive(self.directory / "archive", 0)
        self.intake = Intake(self.archive, self._submit, now)
        self.puller = Puller(self.intake.take, self._tell)
        self.house = Dependencies(
            submit=self._submit,
            reader=cast(Reader, _AtTimesAway(self, open_reader(self.url))),
            state=self.engine.state,
            now=now,
            registry=registry,
            condition=lambda: self.condition,
            started=started,
            live=self.live,
            archive=self.archive,
            link=lambda: self.link,
        )
        self.api = OperatorApi(self.house)
        await self.api.start_control(self.control_socket)
        await self.api.start_tcp("127.0.0.1", 0, ("alarm.example",))
        self.tcp_port = self.api.addresses[0][1]
        self._udp, _ = await self._loop.create_datagram_endpoint(
            lambda: _Datagrams(self._hear), local_addr=("127.0.0.1", self.udp_port)
        )
        self.udp_port = self._udp.get_extra_info("sockname")[1]

    async def _stop(self) -> None:
        self._udp.close()
        await self.puller.stop()
        await self.api.stop()
        self.intake.close()
        self.house.reader.close()
        self.store.close()

    def _hear(self, datagram: bytes, source: tuple[str, int]) -> None:
        if self.hears(datagram):
            self._receive(datagram, PeerPath("udp", *source, LISTENING))

    def _receive(self, payload: bytes, path: PeerPath) -> list[bytes]:
        effects = self._turn(FrameReceived(payload, path))
        return [effect.payload for effect in effects if isinstance(effect, SendFrame)]

    async def _submit(self, request: OperatorRequest | Report) -> tuple[Record, ...]:
        for effect in self._turn(request):
            if isinstance(effect, Refuse):
                raise RequestRefusedError(effect.reason, effect.field, effect.message)
            if isinstance(effect, Answer):
                return effect.records
        raise AssertionError("neither answered nor refused")

    def _tell(self, happened: Input) -> None:
        self._turn(happened)

    def _turn(self, happened: Input) -> Sequence[Effect]:
        if self.condition.storage_failing:
            raise StorageUnavailableError("the disk is full")
        effects = self.engine.handle(happened, now())
        durable = [effect for effect in effects if isinstance(effect, DURABLE)]
        assert self.store.commit([durable]) == []
        for effect in effects:
            if isinstance(effect, FetchPicture):
                self.puller.fetch(effect)
            elif isinstance(effect, SendFrame) and effect.path.socket == LISTENING:
                self._udp.sendto(effect.payload, (effect.path.host, effect.path.port))
        if durable and hasattr(self, "api"):
            self.api.stored()
        return effects


class _AtTimesAway:
    """A reader whose database can be taken away, as a PostgreSQL server that restarts takes itself."""

    def __init__(self, house: RunningHouse, reader: Reader) -> None:
        self._house, self._reader = house, reader

    def __getattr__(self, name: str) -> Any:
        if self._house.database_away and name != "close":
            raise StorageUnavailableError("the database is away")
        return getattr(self._reader, name)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, hear: Callable[[bytes, tuple[str, int]], None]) -> None:
        self._hear = hear

    def datagram_received(self, data: bytes, address: Any) -> None:
        self._hear(data, address)


@contextmanager
def running_house(directory: Path, settings: Settings | None = None, udp_port: int = 0) -> Iterator[RunningHouse]:
    """The directory becomes the state directory. The house is there until the block ends."""
    with RunningHouse(directory, settings or Settings(), udp_port) as house:
        yield house
