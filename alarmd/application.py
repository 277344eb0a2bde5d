"""The composition root: builds every part, hands each what it needs, starts and stops them. Decides nothing."""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import structlog
from prometheus_client import CollectorRegistry
from twisted.internet.asyncioreactor import AsyncioSelectorReactor

from alarmd import __version__
from alarmd.adapters.addresses import bind_all, close_pair
from alarmd.adapters.effect_performer import EffectPerformer
from alarmd.adapters.exit_codes import UNAVAILABLE, StartError
from alarmd.adapters.flow_cache import FlowCache
from alarmd.adapters.housekeeping import count_losses, purge_history
from alarmd.adapters.lfcp_listeners import LfcpListeners
from alarmd.adapters.log_sampling import RejectedFrames
from alarmd.adapters.open_storage import OpenStorage
from alarmd.adapters.operator_answers import OperatorAnswers
from alarmd.adapters.operator_port import OperatorPort
from alarmd.adapters.reactor_clock import now
from alarmd.adapters.server_key import server_key
from alarmd.adapters.service_notify import READY, STOPPING, ServiceNotify
from alarmd.adapters.sockets import Sockets
from alarmd.adapters.state_directory import prepare_state_directory
from alarmd.adapters.tasks import cancel, supervised
from alarmd.adapters.tcp_connection import TcpLimits
from alarmd.adapters.time_zones import time_zone
from alarmd.adapters.turn_runner import HIGH_WATER
from alarmd.adapters.uploads import MAX_BYTES as MAX_UPLOAD_BYTES
from alarmd.announcement import DEVICES, HTTP, OPERATORS, PEER, UPLOADS, say_what_is_served
from alarmd.cluster_house import ClusterHouse
from alarmd.config import Config
from alarmd.core.engine import Engine
from alarmd.core.inputs import ServerStarted, ServerStopping
from alarmd.core.outflow import Outflow
from alarmd.core.state import MAX_ENDED
from alarmd.core.told import told_of
from alarmd.metrics import Metrics
from alarmd.outbox_house import OutboxHouse
from alarmd.peer_house import PeerHouse
from alarmd.picture_house import PictureHouse
from alarmd.relays.emergency_outbox import LIMIT as EMERGENCY_LIMIT
from alarmd.relays.emergency_outbox import EmergencyOutbox
from alarmd.storage.interface import EventFilter, StoredEvent
from alarmd.storage.vault import Vault
from alarmd.storage.writer_thread import MAX_WAITING
from alarmd.watch_house import WatchHouse
from alarmd.web.dependencies import Condition, Dependencies
from alarmd.web.listening import ListenError
from alarmd.web.operator_api import OperatorApi
from lfcp.constants import LINE_BUFFER

GC_THRESHOLD = (50_000, 20, 50)  # what waits for a commit is alive; to look at it every 700 objects cost a fifth
DRAIN_PATIENCE = 8.0  # s for what waits to be stored at a stop; all patiences together are less than TimeoutStopSec
DELIVERY_PATIENCE = 2.0  # s for messages that are on their way

_log = structlog.get_logger(__name__)


class Application:
    """One server. __init__ makes everything and raises StartError; what it made is let go if it fails."""

    def __init__(self, config: Config, loop: asyncio.AbstractEventLoop, reactor: AsyncioSelectorReactor) -> None:
        self._config = config
        self._loop = loop
        self._reactor = reactor
        self._notify = ServiceNotify()
        self._asked_to_stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._registry = CollectorRegistry()
        self._metrics = Metrics(self._registry)
        with ExitStack() as undo:
            self._bind(undo)
            vault = Vault(server_key(config.state_directory))
            self._rules = config.rules()
            cluster, ended = config.cluster.members, MAX_ENDED if config.pair_files() else 0
            self._storage = OpenStorage(config.database_url, config.server.label, vault, ended, cluster=cluster)
            undo.callback(self._storage.close_now)
            self._cluster = ClusterHouse(config, self._storage, loop)
            self._build_rules()
            self._pictures = PictureHouse(config, self._storage, self._runner, self._engine.state, self._metrics, undo)
            self._build_web(undo)
            self._build_listeners()
            self._build_outbox()
            around = self._outflow, self._engine.state, self._storage, self._metrics, self.lfcp_addresses[0][1]
            self._peer.connect(loop, reactor, self._runner, *around)
            undo.pop_all()

    @property
    def lfcp_addresses(self) -> list[tuple[str, int]]:
        return self._lfcp.addresses

    @property
    def operator_addresses(self) -> list[tuple[str, int]]:
        return self._operator.addresses

    @property
    def http_addresses(self) -> list[tuple[str, int]]:
        return self._api.addresses

    @property
    def upload_addresses(self) -> list[tuple[str, int]]:
        return self._pictures.upload_addresses

    @property
    def peer_addresses(self) -> list[tuple[str, int]]:
        return self._peer.addresses

    def ask_to_stop(self) -> None:
        self._asked_to_stop.set()

    async def run(self) -> None:
        """Start, serve until asked to stop, stop."""
        for wanted in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(wanted, self.ask_to_stop)
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        await self._asked_to_stop.wait()
        await self.stop()
        if self._cluster.expelled:
            raise StartError(UNAVAILABLE, "the other servers on this database took this one for dead; start it again")

    async def start(self) -> None:
        """Raises StartError; call stop() all the same."""
        self._runner.submit(ServerStarted(__version__), now())
        gc.freeze()  # what was loaded stays: a full collection would look at all of it, again and again
        gc.set_threshold(*GC_THRESHOLD)
        gc.enable()
        self._peer.start()
        await self._start_api()
        await self._peer.catch_up(self._asked_to_stop)
        self._lfcp.start(self._reactor)
        self._operator.start(self._reactor)
        self._pictures.start_uploads()
        store, call, days = self._storage.store, self._storage.call, self._config.storage.retention_days
        work: dict[str, Callable[[], Awaitable[None]]] = {
            **self._outbox.work(),
            "purge": partial(purge_history, store, call, now, days),
            "losses": partial(count_losses, self._lfcp.datagrams, self._metrics),
            **self._pictures.work(),
            **self._watch.work(self.lfcp_addresses[0]),
        }
        for name, one in self._cluster.share(work).items():
            self._tasks.append(self._loop.create_task(supervised(name, one), name=name))
        self._say_what_is_served()
        self._notify.start_watchdog()
        self._notify.tell(READY)

    async def _start_api(self) -> None:
        http = self._config.http
        try:
            await self._api.start_control(self._config.control_socket)
            await self._api.start_tcp(http.address, http.port, http.hosts)
        except ListenError as error:
            raise StartError(UNAVAILABLE, f"{error}; see http.port and server.state_directory") from error

    async def stop(self) -> None:
        """In the order in which nothing is lost: no new input, store what waits, answer, close."""
        _log.info("stopping")
        self._notify.tell(STOPPING)
        self._lfcp.stop(self._reactor)
        self._operator.stop(self._reactor)
        await self._pictures.stop_uploads()
        self._runner.timer.stop()
        self._runner.submit(ServerStopping(), now())
        await self._store_what_waits()
        await self._api.stop()
        await self._pictures.stop_fetching()
        await cancel(self._tasks)
        await self._outbox.stop(DELIVERY_PATIENCE)
        await self._peer.stop()  # what was told until now is settled there, or it would be told twice
        self._operator.close()
        self._lfcp.close()
        self._pictures.close()
        await self._cluster.stop()
        await self._storage.close()
        self._notify.stop_watchdog()
        _log.info("stopped")

    async def _store_what_waits(self) -> None:
        commits = self._runner.commits
        commits.retry_now()
        try:
            await asyncio.wait_for(commits.until_idle(), DRAIN_PATIENCE)
        except TimeoutError:
            _log.error("what waited for the database is lost; it was never acknowledged", turns=len(commits))

    def _bind(self, undo: ExitStack) -> None:
        """Before the database is touched: a second server by mistake ends here."""
        config = self._config
        prepare_state_directory(config.state_directory)
        self._lfcp_sockets = bind_all(config.lfcp.addresses, config.lfcp.port, "lfcp.port or lfcp.addresses")
        self._operator_sockets = bind_all([config.operator.address], config.operator.port, "operator.port")
        self._peer = PeerHouse(config, undo)
        for pair in (*self._lfcp_sockets, *self._operator_sockets):
            undo.callback(close_pair, pair)

    def _build_rules(self) -> None:
        storage = self._storage
        self._started = now()
        rules = replace(self._rules, member=storage.member)
        self._engine = Engine(rules, storage.snapshot, time_zone, self._started)
        self._outflow = Outflow(partial(told_of, self._engine.state))
        self._sockets = Sockets()
        self._flow_cache = FlowCache(self._config.devices.limit)
        self._emergency = EmergencyOutbox()
        rejected = RejectedFrames(lambda: now().mono)
        self._runner = self._cluster.runner(
            loop=self._loop,
            engine=self._engine,
            writer=storage.writer,
            performer=EffectPerformer(
                self._sockets,
                self._flow_cache,
                rejected,
                fetch=lambda wanted: self._pictures.fetch(wanted),
                tell_peer=self._peer.tell,
            ),
            metrics=self._metrics,
            now=now,
            outbox=self._emergency,
            committed=self._committed,
            outflow=self._outflow,
        )
        self._cluster.build(self._runner, self._engine.state, self._metrics, self._emergency, self.ask_to_stop)
        metrics = self._metrics
        metrics.loaded(storage.snapshot)
        metrics.follow(self._engine.state, now)
        metrics.follow_outbox(storage.reader.outbox, now)
        metrics.queue("commits", lambda: self._runner.commits.effects, HIGH_WATER)
        metrics.queue("emergency_outbox", lambda: len(self._emergency), EMERGENCY_LIMIT)
        metrics.queue("storage_calls", lambda: storage.writer.waiting, MAX_WAITING)
        metrics.queue("cached_heartbeats", lambda: len(self._flow_cache), self._config.devices.limit)
        del storage.snapshot

    def _build_listeners(self) -> None:
        lfcp = self._config.lfcp
        limits = TcpLimits(
            lfcp.connections, lfcp.connections_per_address, lfcp.line_timeout, lfcp.idle_timeout, LINE_BUFFER
        )
        self._lfcp = LfcpListeners(
            self._lfcp_sockets,
            limits,
            loop=self._loop,
            runner=self._runner,
            sockets=self._sockets,
            flow_cache=self._flow_cache,
            metrics=self._metrics,
            now=now,
            take_in=self._pictures.intake.take,
            live=self._pictures.live,
        )
        self._metrics.queue("lfcp_upload_bytes", lambda: self._lfcp.uploads.bytes, MAX_UPLOAD_BYTES)
        answers = OperatorAnswers(
            submit=self._runner.submit_request,
            state=self._engine.state,
            read_events=self._read_events,
            now=now,
            secret=self._config.operator.secret.get_secret_value(),
        )
        self._operator = OperatorPort(self._operator_sockets, answers, self._loop, self._metrics)

    def _build_web(self, undo: ExitStack) -> None:
        self._house = Dependencies(
            submit=self._runner.submit_request,
            reader=self._storage.reader,
            state=self._engine.state,
            now=now,
            registry=self._registry,
            condition=self._condition,
            started=self._started,
            live=self._pictures.live,
            archive=self._pictures.archive,
            link=self._peer.condition,
            stored_devices=self._storage.reader.devices_from if self._storage.cluster is not None else None,
        )
        undo.callback(self._house.threads.shutdown)
        self._api = OperatorApi(self._house)

    def _condition(self) -> Condition:
        return Condition(self._runner.commits.failing, self._runner.commits.effects, HIGH_WATER)

    def _build_outbox(self) -> None:
        parts = self._runner, self._engine.state, self._metrics, self._emergency, self._pictures
        self._outbox = OutboxHouse(self._config, self._storage, *parts, self._read_events)
        self._watch = WatchHouse(self._config, self._house, self._runner, self._outbox)

    def _committed(self) -> None:
        self._api.stored()
        self._peer.committed()

    def _read_events(self, wanted: EventFilter) -> Awaitable[list[StoredEvent]]:
        return self._house.read(self._storage.reader.events, wanted)

    def _say_what_is_served(self) -> None:
        addresses = {
            DEVICES: self.lfcp_addresses,
            OPERATORS: self.operator_addresses,
            HTTP: self.http_addresses,
            UPLOADS: self.upload_addresses,
            PEER: self.peer_addresses,
        }
        say_what_is_served(self._config, addresses, len(self._engine.state.sessions))
