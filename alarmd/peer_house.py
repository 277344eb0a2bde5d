"""The link to the other server of a pair, built and connected; a server that is alone has none, and needs none."""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.ssl import CertificateOptions

from alarmd.adapters.addresses import bind_streams
from alarmd.adapters.open_storage import OpenStorage
from alarmd.adapters.peer.claimed import Claimed
from alarmd.adapters.peer.connecting import Dialling, Listening
from alarmd.adapters.peer.meeting import House
from alarmd.adapters.peer.papers import context_of
from alarmd.adapters.peer.progress import Progress
from alarmd.adapters.peer.station import Station
from alarmd.adapters.peer.wire import Wire
from alarmd.adapters.tasks import cancel, supervised
from alarmd.adapters.turn_runner import TurnRunner
from alarmd.config import Config
from alarmd.core.effects import TellPeer
from alarmd.core.link_condition import LinkCondition
from alarmd.core.outflow import MAX_LIVE, Outflow
from alarmd.core.state import State
from alarmd.metrics import Metrics
from alarmd.metrics.pairs import readings
from alarmd.storage.vault import Vault


class PeerHouse:
    """__init__ binds, before the database is touched; connect() makes the rest. Both raise StartError."""

    def __init__(self, config: Config, undo: ExitStack) -> None:
        self._files = config.pair_files()
        self._patience = config.pair.voice_delay  # an alarm may wait so long for one server, whichever
        self._station: Station | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._sockets: Sequence[socket.socket] = ()
        self._context: CertificateOptions | None = None
        if self._files is not None:
            self._context = context_of(self._files)
            if self._files.dial is None:
                self._sockets = bind_streams(config.pair.addresses, config.pair.port, "pair.port or pair.addresses")
        for sock in self._sockets:
            undo.callback(sock.close)

    def connect(
        self,
        loop: asyncio.AbstractEventLoop,
        reactor: AsyncioSelectorReactor,
        runner: TurnRunner,
        outflow: Outflow,
        state: State,
        storage: OpenStorage,
        metrics: Metrics,
        lfcp_port: int,
    ) -> None:
        """Nothing leaves before start()."""
        files, context = self._files, self._context
        if files is None or context is None:
            return
        progress = Progress(metrics)
        self._house = House(
            peer=files.peer_label,
            lfcp_port=lfcp_port,
            loop=loop,
            runner=runner,
            outflow=outflow,
            state=state,
            reader=storage.reader,
            wire=Wire(Vault(files.pair_key)),
            progress=progress,
            claimed=Claimed(state.settings.label, state.clock.last),  # nothing was stamped yet
            thread=ThreadPoolExecutor(1, thread_name_prefix="peer"),
        )
        self._station = Station(self._house)
        self._listening = Listening(self._sockets, self._station, context, reactor)
        self._dialling = Dialling(files.dial, self._station, context, reactor, loop) if files.dial else None
        metrics.queue("peer", lambda: len(outflow), MAX_LIVE)
        for definition, read in readings(self._station, lambda: progress.lag).items():
            metrics.gauge_function(definition.name, definition.help, {}, read)

    @property
    def addresses(self) -> list[tuple[str, int]]:
        return [] if self._station is None else self._listening.addresses

    def condition(self) -> LinkCondition | None:
        return None if self._station is None else self._station.condition()

    def tell(self, told: TellPeer) -> None:
        if self._station is not None:
            self._station.tell(told)

    def committed(self) -> None:
        if self._station is not None:
            self._station.committed()

    def start(self) -> None:
        if self._station is None:
            return
        self._listening.start()
        if self._dialling is not None:
            self._tasks.append(self._house.loop.create_task(supervised("peer", self._dialling.run)))

    async def catch_up(self, or_else: asyncio.Event) -> None:
        """After start(): until it is known what the peer heard and told meanwhile, or the wait is over. What devices
        say again is no news then, and nobody is told twice; it waits in the sockets."""
        if self._station is None:
            return
        events = (self._station.has_caught_up, or_else)
        waiting = [self._house.loop.create_task(event.wait()) for event in events]
        await asyncio.wait(waiting, timeout=self._patience, return_when=asyncio.FIRST_COMPLETED)
        await cancel(waiting)

    async def stop(self) -> None:
        """After the last commit, while the database can still be read."""
        if self._station is not None:
            self._listening.stop()
            await self._station.stop()
            await cancel(self._tasks)
