"""Members of a cluster in one process: real rules, real stores on a real PostgreSQL, a loop for all of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from alarmd.adapters.cluster.cluster_runner import ClusterRunner
from alarmd.adapters.cluster.membership import Membership
from alarmd.adapters.reactor_clock import now
from alarmd.adapters.tasks import cancel
from alarmd.core.engine import Engine
from alarmd.core.inputs import FrameReceived, ServerStarted
from alarmd.core.outflow import Outflow
from alarmd.core.paths import Path
from alarmd.core.settings import Settings
from alarmd.storage.opening import open_member
from alarmd.storage.writer_thread import WriterThread
from tests.adapters.parts import Counted, Outbox, Peer, Performing
from tests.contracts.records import VAULT

PATIENCE = 30.0  # s


class Member:
    """peer: whoever sends it datagrams, and what was sent back."""

    def __init__(self, url: str, settings: dict[str, Any]) -> None:
        self.url = url
        self.counted = Counted()
        self.store = open_member(url, "A", VAULT, "test")
        self.writer, self.claims = WriterThread(), WriterThread()
        self.outbox = Outbox()
        self.parts = Performing()
        self.peer = Peer()
        self.path = Path("udp", "192.0.2.1", 4000, self.parts.sockets.add(self.peer))
        rules = Settings(member=self.store.joined.slot, **settings)
        self.engine = Engine(rules, self.store.load(), ZoneInfo, now())
        self.state = self.engine.state
        loop = asyncio.get_running_loop()
        self.runner = ClusterRunner(
            cluster=self.store,
            claims=self.claims,
            loop=loop,
            engine=self.engine,
            writer=self.writer,
            performer=self.parts.performer,
            metrics=self.counted.metrics,
            now=now,
            outbox=self.outbox,
            committed=lambda: None,
            outflow=Outflow(lambda _durable: ()),
        )
        self.judging: list[bool] = []
        self.expelled = False
        self.membership = Membership(
            url,
            self.store,
            self.claims,
            self.runner,
            self.state,
            loop=loop,
            now=now,
            judging=self.judging.append,
            wake=self.outbox.stored,
            expelled=self._end,
        )
        self.tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self.runner.submit(ServerStarted("test"), now())
        self.membership.start()
        for work in (self.membership.keep_lease, self.membership.look_around):
            self.tasks.append(asyncio.get_running_loop().create_task(work()))

    async def stop(self) -> None:
        self.runner.timer.stop()
        await cancel(self.tasks)
        await self.membership.leave()
        for thread in (self.writer, self.claims):
            assert await asyncio.to_thread(thread.stop, PATIENCE)
        self.store.close()

    def send(self, *frames: str) -> None:
        self.runner.submit_batch([FrameReceived(text.encode(), self.path) for text in frames], now())

    def has(self, name: str) -> bool:
        return name in self.state.sessions

    def _end(self) -> None:
        self.expelled = True


Join = Callable[..., Awaitable[Member]]


@pytest.fixture
async def join(postgresql_url: str) -> AsyncIterator[Join]:
    """settings: of the rules."""
    async with AsyncExitStack() as stack:

        async def one_more(**settings: Any) -> Member:
            member = Member(postgresql_url, settings)
            stack.push_async_callback(member.stop)
            member.start()
            return member

        yield one_more


@pytest.fixture
def sql(postgresql_url: str) -> Any:
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        yield lambda query: connection.execute(query).fetchall()
