"""What makes a server one of several on one PostgreSQL, built and connected."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import structlog

from alarmd.adapters.cluster.cluster_runner import ClusterRunner
from alarmd.adapters.cluster.membership import Membership
from alarmd.adapters.cluster.waiting_room import MAX_HELD
from alarmd.adapters.open_storage import OpenStorage
from alarmd.adapters.reactor_clock import now
from alarmd.adapters.tasks import cancel, supervised
from alarmd.adapters.turn_runner import TurnRunner
from alarmd.config import Config
from alarmd.core.state import State
from alarmd.metrics import Metrics
from alarmd.relays.emergency_outbox import EmergencyOutbox
from alarmd.storage.writer_thread import WriterThread

EVERYWHERE = ("deliveries", "losses", "certificate")  # work of each member; the rest is the judge's, see docs

Work = Mapping[str, Callable[[], Awaitable[None]]]
_log = structlog.get_logger(__name__)


class ClusterHouse:
    """Of a server that is alone it does nothing. expelled: the other members took this server for dead."""

    def __init__(self, config: Config, storage: OpenStorage, loop: asyncio.AbstractEventLoop) -> None:
        self.expelled = False
        self._config = config
        self._storage = storage
        self._loop = loop
        self._claims = WriterThread()
        self._membership: Membership | None = None
        self._judges_work: Work = {}
        self._judging: list[asyncio.Task[None]] = []

    def runner(self, **parts: Any) -> TurnRunner:
        """The turn runner that fits."""
        cluster = self._storage.cluster
        if cluster is None:
            return TurnRunner(store=self._storage.store, **parts)
        return ClusterRunner(cluster=cluster, claims=self._claims, **parts)

    def build(
        self,
        runner: TurnRunner,
        state: State,
        metrics: Metrics,
        emergency: EmergencyOutbox,
        ask_to_stop: Callable[[], None],
    ) -> None:
        cluster = self._storage.cluster
        if cluster is None or not isinstance(runner, ClusterRunner):
            return
        self._membership = Membership(
            self._config.database_url,
            cluster,
            self._claims,
            runner,
            state,
            loop=self._loop,
            now=now,
            judging=self._judge,
            wake=emergency.stored,
            expelled=partial(self._end, ask_to_stop),
        )
        metrics.queue("unclaimed", lambda: runner.waiting, MAX_HELD)

    def share(self, work: Work) -> Work:
        """Of what runs as long as the server does, that which every member does; the rest waits until it judges."""
        if self._membership is None:
            return work
        self._membership.start()
        self._judges_work = {name: one for name, one in work.items() if name not in EVERYWHERE}
        own = {"lease": self._membership.keep_lease, "lines": self._membership.look_around}
        return {**{name: one for name, one in work.items() if name in EVERYWHERE}, **own}

    async def stop(self) -> None:
        """After the last commit, and after what share() gave was cancelled."""
        await cancel(self._judging)
        if self._membership is not None:
            await self._membership.leave()
        self._claims.stop(0)

    def _judge(self, judges: bool) -> None:
        if judges:
            work = self._judges_work.items()
            self._judging = [self._loop.create_task(supervised(name, one), name=name) for name, one in work]
        else:
            for task in self._judging:
                task.cancel()
            self._judging = []

    def _end(self, ask_to_stop: Callable[[], None]) -> None:
        _log.error("the other servers took this one for dead: it ends, and may be started again")
        self.expelled = True
        ask_to_stop()
