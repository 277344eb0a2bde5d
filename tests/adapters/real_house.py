"""The real rules on a real SQLite file, run by the real turn runner; only the clock and the sockets are the test's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path as FilePath

from alarmd.adapters.open_storage import OpenStorage
from alarmd.adapters.reactor_clock import now
from alarmd.adapters.time_zones import time_zone
from alarmd.adapters.turn_runner import TurnRunner
from alarmd.core.engine import Engine
from alarmd.core.inputs import FrameReceived, Input, ServerStarted
from alarmd.core.outflow import Outflow
from alarmd.core.paths import Path
from alarmd.core.requests import DeviceAdopted, ZoneRequested
from alarmd.core.settings import Settings
from tests.adapters.parts import Counted, Outbox, Peer, Performing, sqlite_url
from tests.contracts.records import VAULT


class RealHouse:
    """peer: where the devices of `receive` are."""

    def __init__(self, directory: FilePath, settings: Settings | None = None) -> None:
        settings = settings or Settings()
        self.counted = Counted()
        self.parts = Performing()
        self.peer = Peer()
        self.path = Path("udp", "192.0.2.1", 4000, self.parts.sockets.add(self.peer))
        self.storage = OpenStorage(sqlite_url(directory), settings.label, VAULT)
        self.engine = Engine(settings, self.storage.snapshot, time_zone, now())
        self.runner = TurnRunner(
            loop=asyncio.get_running_loop(),
            engine=self.engine,
            writer=self.storage.writer,
            store=self.storage.store,
            performer=self.parts.performer,
            metrics=self.counted.metrics,
            now=now,
            outbox=Outbox(),
            committed=lambda: None,
            outflow=Outflow(lambda _durable: ()),
        )
        self.runner.submit(ServerStarted("test"), now())

    def submit(self, happened: Input) -> None:
        self.runner.submit(happened, now())

    def receive(self, frame: str) -> None:
        self.submit(FrameReceived(frame.encode(), self.path))

    async def adopt(self, *names: str, zone: str | None = None) -> None:
        if zone is not None:
            await self.runner.submit_request(ZoneRequested("op", zone, "home"))
        for name in names:
            await self.runner.submit_request(DeviceAdopted("op", name, zone))


@asynccontextmanager
async def real_house(directory: FilePath, settings: Settings | None = None) -> AsyncIterator[RealHouse]:
    house = RealHouse(directory, settings)
    try:
        yield house
    finally:
        house.runner.timer.stop()
        await house.runner.commits.until_idle()
        await house.storage.close()
