"""Turns on their way into the database: whatever accumulated while the writer was busy is the next transaction.

Order is kept: a batch that failed is tried again, as it was, before anything behind it. What a turn promised is done
only after its own commit, so the caller is told of every turn exactly once, stored or refused.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field

import structlog

from alarmd.adapters.reactor_clock import stopwatch
from alarmd.core.effects import DurableEffect, OutgoingEffect
from alarmd.core.inputs import Input
from alarmd.core.records import Record
from alarmd.metrics import Metrics
from alarmd.storage.interface import QuarantinedTurn, StorageError, Store, Turn
from alarmd.storage.writer_thread import WriterThread

MAX_BATCH = 1000  # durable effects in one transaction; more gained little and costs latency
FIRST_RETRY = 0.25  # s
LAST_RETRY = 5.0  # s; the delay doubles up to here
COMMIT_PATIENCE = 10.0  # s without an answer, after which the storage counts as failed

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class WaitingTurn:
    """One turn that waits: what to store, and what to do once that and everything before it is stored."""

    durable: tuple[DurableEffect, ...]
    afterwards: list[OutgoingEffect]
    asker: "asyncio.Future[tuple[Record, ...]] | None" = None
    about_quarantine: bool = False  # made by TurnQuarantined itself: not told again if it is refused as well
    happened: Input | None = None  # in a cluster: what to decide again if another member has its devices meanwhile


@dataclass(slots=True)
class CommitHandlers:
    """What the owner does when a turn is stored, when one is refused for good (with the reason), when commits begin
    to fail (with the reason, once), and when everything that waited is stored again."""

    stored: Callable[[WaitingTurn], None]
    refused: Callable[[WaitingTurn, str], None]
    failed: Callable[[str], None]
    recovered: Callable[[], None]
    settled: Callable[[], None]  # after each transaction's turns
    # Another member of the cluster watches its devices, see QuarantinedTurn; None: this server is in no cluster.
    released: Callable[[WaitingTurn], None] | None = None


@dataclass(slots=True)
class _Batch:
    turns: list[WaitingTurn]
    work: list[Turn] = field(default_factory=list)  # of those turns that have something to store
    places: list[int] = field(default_factory=list)  # their places in turns


class GroupCommit:
    """Belongs to the loop's thread; only the store's methods run on the writer's."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        writer: WriterThread,
        store: Store,
        metrics: Metrics,
        handlers: CommitHandlers,
    ) -> None:
        self._loop = loop
        self._writer = writer
        self._store = store
        self._metrics = metrics
        self._handlers = handlers
        self._waiting: deque[WaitingTurn] = deque()
        self._batch: _Batch | None = None
        self._delay = FIRST_RETRY
        self._began = 0.0
        self._patience: asyncio.TimerHandle | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._caught_up_at: int | None = None  # turns that must be stored before the storage counts as recovered
        self._added = self._done = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.failing = False
        self.effects = 0  # durable ones that wait or are being stored

    def __len__(self) -> int:
        """Turns that wait or are being stored."""
        return self._added - self._done

    def add(self, turn: WaitingTurn) -> None:
        self._waiting.append(turn)
        self._added += 1
        self.effects += len(turn.durable)
        self._idle.clear()

    def start(self) -> None:
        """Begin the next transaction, if none is under way and something waits."""
        if self._batch is None and self._waiting:
            self._batch = self._next_batch()
            self._try()

    def retry_now(self) -> None:
        """Do not wait for the back-off: the server is about to stop."""
        if self._retry is not None:
            self._retry.cancel()
            self._try()

    def waiting(self) -> Iterable[WaitingTurn]:
        """Everything not yet stored, oldest first."""
        if self._batch is not None:
            yield from self._batch.turns
        yield from self._waiting

    async def until_idle(self) -> None:
        """Wait until nothing waits; for ever if the storage stays away."""
        await self._idle.wait()

    def _next_batch(self) -> _Batch:
        batch, size = _Batch([]), 0
        while self._waiting and size < MAX_BATCH:
            turn = self._waiting.popleft()
            if turn.durable:
                batch.places.append(len(batch.turns))
                batch.work.append(turn.durable)
                size += len(turn.durable)
            batch.turns.append(turn)
        return batch

    def _try(self) -> None:
        self._retry = None
        assert self._batch is not None
        if not self._batch.work:
            self._stored([])
            return
        self._began = stopwatch()
        try:
            future = self._writer.call(self._store.commit, self._batch.work)
        except StorageError as error:  # too many calls wait, or the writer is stopped
            self._failed(error)
            return
        self._patience = self._loop.call_later(COMMIT_PATIENCE, self._lose_patience)
        future.add_done_callback(self._call_back)

    def _call_back(self, future: "Future[list[QuarantinedTurn]]") -> None:
        """On the writer's thread. After the loop's end nobody is left to be told."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._finished, future)

    def _finished(self, future: "Future[list[QuarantinedTurn]]") -> None:
        if self._patience is not None:
            self._patience.cancel()
        error = future.exception()
        if error is not None:
            self._failed(error)
            return
        assert self._batch is not None
        self._metrics.committed(len(self._batch.work), stopwatch() - self._began)
        self._stored(future.result())

    def _lose_patience(self) -> None:
        self._metrics.commit_failed("no_answer")
        self._announce_failure(f"the database has not answered for {COMMIT_PATIENCE:.0f} s")

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, StorageError):
            self._metrics.commit_failed("unavailable")
            reason = str(error)
        else:  # the driver's own, or a defect of ours: the turns wait all the same
            _log.error("a commit raised what it should not", exc_info=error)
            self._metrics.commit_failed("unexpected")
            reason = type(error).__name__
        self._retry = self._loop.call_later(self._delay, self._try)
        self._delay = min(self._delay * 2, LAST_RETRY)
        self._announce_failure(reason)

    def _announce_failure(self, reason: str) -> None:
        self._caught_up_at = None
        if not self.failing:
            self.failing = True
            self._handlers.failed(reason)

    def _stored(self, quarantined: list[QuarantinedTurn]) -> None:
        batch, self._batch = self._batch, None
        assert batch is not None
        refused = {batch.places[one.index]: one for one in quarantined}
        self._done += len(batch.turns)
        self.effects -= sum(len(turn.durable) for turn in batch.turns)
        self._delay = FIRST_RETRY
        for place, turn in enumerate(batch.turns):
            if place not in refused:
                self._handlers.stored(turn)
            elif refused[place].released:
                assert self._handlers.released is not None, "only the store of a cluster lets go of devices"
                self._handlers.released(turn)
            else:
                self._metrics.commit_failed("quarantined")
                self._handlers.refused(turn, refused[place].reason)
        self._consider_recovery()
        self._handlers.settled()
        self.start()
        if self._batch is None:
            self._idle.set()

    def _consider_recovery(self) -> None:
        if not self.failing:
            return
        if self._caught_up_at is None:
            self._caught_up_at = self._added
        if self._done >= self._caught_up_at:
            self.failing, self._caught_up_at = False, None
            self._handlers.recovered()
