"""The composition root: builds every part, hands each what it needs, starts and stops them. Decides nothing."""

import asyncio
import gc
import random
import signal
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import cast
from uuid import uuid4

import structlog
from prometheus_client import CollectorRegistry
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.interfaces import IReactorCore
from twisted.internet.main import installReactor

from alarmd import __version__
from alarmd.adapters.addresses import bind_all, close_pair
from alarmd.adapters.effect_performer import EffectPerformer
from alarmd.adapters.exit_codes import STOPPED, UNAVAILABLE, StartError
from alarmd.adapters.flow_cache import FlowCache
from alarmd.adapters.housekeeping import count_losses, purge_history
from alarmd.adapters.lfcp_listeners import LfcpListeners
from alarmd.adapters.local_time import local_time
from alarmd.adapters.log_sampling import RejectedFrames
from alarmd.adapters.log_setup import without_password
from alarmd.adapters.manifest_copies import ManifestCopies
from alarmd.adapters.nightly_films import NightlyFilms
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
from alarmd.adapters.turn_runner import HIGH_WATER, TurnRunner
from alarmd.adapters.uploads import MAX_BYTES as MAX_UPLOAD_BYTES
from alarmd.config import Config
from alarmd.core.effects import FetchPicture
from alarmd.core.engine import Engine
from alarmd.core.inputs import LiveEnded, LiveRequested, ServerStarted, ServerStopping
from alarmd.core.settings import UnknownDevices
from alarmd.frames.archive import DirectoryArchive
from alarmd.frames.errors import ArchiveError
from alarmd.frames.film.daily import DailyFilms
from alarmd.frames.forsaken import Forsaken
from alarmd.frames.intake import MAX_WAITING as MAX_INTAKE
from alarmd.frames.intake import Intake
from alarmd.frames.limits import Limits
from alarmd.frames.live import LiveHub
from alarmd.frames.puller import MAX_REQUESTS as MAX_PULLED
from alarmd.frames.puller import Puller
from alarmd.frames.upkeep import Upkeep
from alarmd.metrics import Metrics
from alarmd.relays.delivery_worker import DeliveryWorker
from alarmd.relays.desk import Desk, Listens
from alarmd.relays.emergency_outbox import LIMIT as EMERGENCY_LIMIT
from alarmd.relays.emergency_outbox import EmergencyOutbox
from alarmd.relays.lane import House
from alarmd.storage.interface import StoredAlarm
from alarmd.storage.vault import Vault
from alarmd.storage.writer_thread import MAX_WAITING
from alarmd.web.dependencies import Condition, Dependencies
from alarmd.web.ingest.certificates import CertificateError
from alarmd.web.ingest.desk import UploadDesk
from alarmd.web.ingest.reception import KnownCameras
from alarmd.web.ingest.senders import Doorkeeper
from alarmd.web.ingest.service import Ports, UploadService
from alarmd.web.listening import ListenError
from alarmd.web.operator_api import OperatorApi
from lfcp.constants import LINE_BUFFER

GC_THRESHOLD = (50_000, 20, 50)  # what waits for a commit is alive; to look at it every 700 objects cost a fifth
# Seconds after which the writer thread lets the loop run. At 5,000 alarms/s, p99 of the ACK: 17-47 ms with the default
# of 5 ms, 12-13 ms with 1 ms, 24-28 ms with 0.1 ms; and 1 ms had the highest rate at saturation.
SWITCH_INTERVAL = 0.001
# Threads, made when they are needed, in which names are looked up: those of cameras, each of which a resolver that does
# not answer may hold for 30 s, and those of destinations, whose alarms must not wait behind them.
LOOKUPS = 256
DRAIN_PATIENCE = 8.0  # s for what waits to be stored at a stop; all patiences together are less than TimeoutStopSec
DELIVERY_PATIENCE = 2.0  # s for messages that are on their way

_log = structlog.get_logger(__name__)


def serve(config: Config) -> int:
    """Run the server until SIGTERM or SIGINT. Returns the exit code; raises StartError if it cannot start."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    gc.disable()  # until everything is loaded: it would look at 100,000 devices again and again and find nothing
    loop = asyncio.SelectorEventLoop()  # not uvloop, which goes deaf after one ICMP error
    asyncio.set_event_loop(loop)
    loop.set_default_executor(ThreadPoolExecutor(LOOKUPS, thread_name_prefix="lookups"))
    reactor = AsyncioSelectorReactor(loop)
    # Before anything imports Twisted's global reactor, which would be another one.
    installReactor(reactor)  # type: ignore[no-untyped-call]  # Twisted does not type it
    core = cast(IReactorCore, reactor)  # its own methods are not typed
    application = Application(config, loop, reactor)
    life: list[asyncio.Task[None]] = []

    def begin() -> None:
        task = loop.create_task(application.run())
        task.add_done_callback(lambda _done: core.stop())
        life.append(task)

    core.callWhenRunning(begin)
    reactor.run(installSignalHandlers=False)  # type: ignore[no-untyped-call]  # IReactorCore.run lacks the argument
    life[0].result()
    return STOPPED


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
            self._storage = OpenStorage(config.database_url, config.server.label, vault)
            undo.callback(self._storage.close_now)
            self._build_rules()
            self._build_archive(undo)
            self._build_web(undo)
            self._build_uploads()
            self._build_listeners()
            self._build_relays()
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
        return self._uploads.addresses

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

    async def start(self) -> None:
        """Raises StartError; call stop() all the same."""
        self._runner.submit(ServerStarted(__version__), now())
        gc.freeze()  # what was loaded stays: a full collection would look at all of it, again and again
        gc.set_threshold(*GC_THRESHOLD)
        gc.enable()
        self._lfcp.start(self._reactor)
        self._operator.start(self._reactor)
        await self._start_api()
        self._start_uploads()
        storage, config = self._storage, self._config
        purge = partial(purge_history, storage.store, storage.call, now, config.storage.retention_days)
        losses = partial(count_losses, self._lfcp.datagrams, self._metrics)
        listening = ((f"answers from {name}", relay) for name, relay in self._relays.items())
        work: dict[str, Callable[[], Awaitable[None]]] = {
            "deliveries": self._worker.run,
            "purge": purge,
            "losses": losses,
            "archive": self._upkeep.run,
            "certificate": self._uploads.watch,
            "films": self._films.run,
            "manifests": self._manifests.run,
            **{name: relay.listen for name, relay in listening if isinstance(relay, Listens)},
        }
        for name, one in work.items():
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

    def _start_uploads(self) -> None:
        ingest = self._config.ingest
        certificate = (Path(ingest.certificate), Path(ingest.key)) if ingest.certificate else None
        try:
            self._uploads.start(Ports(ingest.addresses, ingest.port, ingest.http_port, ingest.tls_port, certificate))
        except ListenError as error:
            raise StartError(UNAVAILABLE, f"{error}; see ingest.addresses and the ports of [ingest]") from error
        except CertificateError as error:
            raise StartError(UNAVAILABLE, f"{error}; see ingest.certificate and ingest.key") from error

    async def stop(self) -> None:
        """In the order in which nothing is lost: no new input, store what waits, answer, close."""
        _log.info("stopping")
        self._notify.tell(STOPPING)
        self._lfcp.stop(self._reactor)
        self._operator.stop(self._reactor)
        await self._uploads.stop()
        self._runner.timer.stop()
        self._runner.submit(ServerStopping(), now())
        await self._store_what_waits()
        await self._api.stop()
        await self._puller.stop()
        await cancel(self._tasks)
        await self._worker.stop(DELIVERY_PATIENCE)
        self._operator.close()
        self._lfcp.close()
        self._intake.close()
        self._upkeep.close()
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
        for pair in (*self._lfcp_sockets, *self._operator_sockets):
            undo.callback(close_pair, pair)

    def _build_rules(self) -> None:
        storage = self._storage
        self._started = now()
        self._engine = Engine(self._config.rules(), storage.snapshot, time_zone, self._started)
        self._sockets = Sockets()
        self._flow_cache = FlowCache(self._config.devices.limit)
        self._emergency = EmergencyOutbox()
        rejected = RejectedFrames(lambda: now().mono)
        self._runner = TurnRunner(
            loop=self._loop,
            engine=self._engine,
            writer=storage.writer,
            store=storage.store,
            performer=EffectPerformer(self._sockets, self._flow_cache, rejected, self._fetch),
            metrics=self._metrics,
            now=now,
            outbox=self._emergency,
            committed=lambda: self._api.stored(),
        )
        self._live = LiveHub(
            begins=lambda device: self._runner.submit(LiveRequested(device), now()),
            ends=lambda device: self._runner.submit(LiveEnded(device), now()),
        )
        metrics = self._metrics
        metrics.loaded(storage.snapshot)
        metrics.follow(self._engine.state, now)
        metrics.follow_outbox(storage.reader.outbox, now)
        metrics.queue("commits", lambda: self._runner.commits.effects, HIGH_WATER)
        metrics.queue("emergency_outbox", lambda: len(self._emergency), EMERGENCY_LIMIT)
        metrics.queue("storage_calls", lambda: storage.writer.waiting, MAX_WAITING)
        metrics.queue("cached_heartbeats", lambda: len(self._flow_cache), self._config.devices.limit)
        del storage.snapshot

    def _build_archive(self, undo: ExitStack) -> None:
        try:
            self._archive = DirectoryArchive(self._config.archive_directory, self._config.archive.reserve)
        except ArchiveError as error:
            raise StartError(UNAVAILABLE, f"{error}; see archive.directory") from error
        storage, kept = self._storage, self._config.archive
        drop = partial(storage.call, storage.store.drop_pictures)
        limits = Limits(kept.keep_days, kept.keep_alarm_days, kept.keep_bytes, kept.keep_pictures)
        drop_attached = partial(storage.call, storage.store.drop_attached)
        forsaken = Forsaken(drop_attached, lambda given_up: self._runner.submit(given_up, now()), now)
        self._upkeep = Upkeep(self._archive, storage.reader, drop, forsaken, limits, now, self._metrics)
        undo.callback(self._upkeep.close)
        self._intake = Intake(self._archive, self._runner.submit_request, now, self._upkeep.stored, self._upkeep.full)
        undo.callback(self._intake.close)
        self._day_films = DailyFilms(self._archive, self._storage.reader, self._config.state_directory / "films")
        self._manifests = ManifestCopies(self._archive, self._config.copy_recipients(), self._runner.submit_request)
        settings, state, submit = self._config.films, self._engine.state, self._runner.submit_request
        self._films = NightlyFilms(
            settings.cameras, self._config.film_recipients(), self._day_films, state, submit, now
        )
        self._metrics.queue("pictures", lambda: len(self._intake), MAX_INTAKE)
        self._puller = Puller(self._intake.take, lambda failed: self._runner.submit(failed, now()))
        self._metrics.queue("pulled_pictures", lambda: len(self._puller), MAX_PULLED)

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
            take_in=self._intake.take,
            live=self._live,
        )
        self._metrics.queue("lfcp_upload_bytes", lambda: self._lfcp.uploads.bytes, MAX_UPLOAD_BYTES)
        answers = OperatorAnswers(
            submit=self._runner.submit_request,
            state=self._engine.state,
            read_events=lambda wanted: self._house.read(self._storage.reader.events, wanted),
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
            live=self._live,
            archive=self._archive,
        )
        undo.callback(self._house.threads.shutdown)
        self._api = OperatorApi(self._house)

    def _build_uploads(self) -> None:
        desk = UploadDesk(
            doorkeeper=Doorkeeper(KnownCameras(self._engine.state), lambda: now().mono),
            take=self._intake.take,
            introduce=self._runner.submit_request,
            now=now,
            metrics=self._metrics,
        )
        self._uploads = UploadService(desk, self._config.ingest.limits(), self._config.ingest.trusted_proxies)

    def _condition(self) -> Condition:
        commits = self._runner.commits
        return Condition(commits.failing, commits.effects, HIGH_WATER)

    def _build_relays(self) -> None:
        storage, state = self._storage, self._engine.state
        desk = Desk(
            label=self._config.server.label,
            submit=self._runner.submit_request,
            read_events=lambda wanted: self._house.read(storage.reader.events, wanted),
            state=state,
            now=now,
            local=partial(local_time, state),
            moved=storage.reader.moved,
            archive=self._archive,
            film=self._day_films.make,
        )
        self._relays = {name: one.relay(name, desk) for name, one in self._config.used().items()}
        house = House(
            store=storage.store,
            call_store=storage.call,
            emergency=self._emergency,
            abandoned=lambda abandoned: self._runner.submit(abandoned, now()),
            live_alarm=self._live_alarm,
            metrics=self._metrics,
            now=now,
            owner=uuid4().hex,
            jitter=random.random,
        )
        self._worker = DeliveryWorker(self._relays, house)

    def _fetch(self, wanted: FetchPicture) -> None:
        self._puller.fetch(wanted)

    def _live_alarm(self, alarm_id: int) -> StoredAlarm | None:
        alarm = self._engine.state.alarms.get(alarm_id)
        return None if alarm is None else StoredAlarm.live(self._engine.state, alarm)

    def _say_what_is_served(self) -> None:
        config = self._config
        lfcp = [f"{host} port {port}" for host, port in self.lfcp_addresses]
        _log.info("alarmd serves", version=__version__, label=config.server.label)
        _log.info("devices: LFCP over UDP and TCP", addresses=lfcp)
        _log.info("operators: CSV over UDP and TCP", addresses=[f"{h} port {p}" for h, p in self.operator_addresses])
        _log.info("operators: HTTP", addresses=[f"{host} port {port}" for host, port in self.http_addresses])
        _log.info("cameras: uploads over HTTP", addresses=[f"{h} port {p}" for h, p in self.upload_addresses])
        _log.info("command line: alarmd", socket=str(config.control_socket))
        for name, one in config.used().items():
            _log.info("destination", name=name, what=one.summary())
        _log.info("database", url=without_password(config.database_url), devices=len(self._engine.state.sessions))
        if config.devices.unknown is UnknownDevices.ADMIT:
            _log.warning(
                "any device that reaches the LFCP port is admitted until you adopt yours: "
                "set devices.unknown to quarantine or reject afterwards"
            )
