"""A house that listens for LFCP and takes pictures: real connections, rules, archive and database."""

import asyncio
from pathlib import Path as FilePath

from twisted.internet.asyncioreactor import AsyncioSelectorReactor

from alarmd.adapters.addresses import bind_all
from alarmd.adapters.lfcp_listeners import LfcpListeners
from alarmd.adapters.reactor_clock import now
from alarmd.adapters.tcp_connection import TcpLimits
from alarmd.adapters.uploads import LIMITS, UploadLimits
from alarmd.core.inputs import LiveEnded, LiveRequested
from alarmd.frames.archive import DirectoryArchive
from alarmd.frames.intake import Intake, Upload
from alarmd.frames.live import LiveHub
from lfcp.constants import LINE_BUFFER
from tests.adapters.real_house import RealHouse
from tests.waiting import until

TCP = TcpLimits(
    connections=1100, connections_per_address=1100, line_timeout=30.0, idle_timeout=30.0, buffer=LINE_BUFFER
)


class Site:
    """A house that listens. gate: pictures are stored while it is set."""

    def __init__(self, house: RealHouse, reactor: AsyncioSelectorReactor, directory: FilePath) -> None:
        self.house = house
        self.reactor = reactor
        self.archive = DirectoryArchive(directory / "archive", 0)
        self.intake = Intake(self.archive, house.runner.submit_request, now)
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: Exception | None = None
        self.taken: list[Upload] = []
        self.live = LiveHub(
            lambda device: house.submit(LiveRequested(device)), lambda device: house.submit(LiveEnded(device))
        )

    def listen(self, limits: TcpLimits = TCP, upload_limits: UploadLimits = LIMITS) -> "Site":
        bound = bind_all(["127.0.0.1"], 0, "the test")
        self.port = bound[0][1].getsockname()[1]
        self.lfcp = LfcpListeners(
            bound,
            limits,
            loop=asyncio.get_running_loop(),
            runner=self.house.runner,
            sockets=self.house.parts.sockets,
            flow_cache=self.house.parts.flow_cache,
            metrics=self.house.counted.metrics,
            now=now,
            take_in=self.take_in,
            live=self.live,
            upload_limits=upload_limits,
        )
        self.lfcp.start(self.reactor)
        return self

    async def take_in(self, upload: Upload) -> object:
        self.taken.append(upload)
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return await self.intake.take(upload)

    @property
    def stored(self) -> list[bytes]:
        keys = self.archive.keys()
        return [self.archive.read(key) for key in keys if "thumb" not in key]

    async def stop(self) -> None:
        self.lfcp.stop(self.reactor)
        self.lfcp.close()
        await until(lambda: not len(self.lfcp.connections))
        self.intake.close()
