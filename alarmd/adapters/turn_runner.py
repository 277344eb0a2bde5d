"""Runs turns: an input goes into the rules, what they decide is stored, and then it is carried out.

What promises nothing (a heartbeat's ACK, a command) leaves at once. What says that something is stored (the ACK of a
message, the answer to an operator) leaves after the commit of its turn and of every turn before it: a resent message
is acknowledged by a turn that stores nothing, but what it acknowledges may still be on its way.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import structlog

from alarmd.adapters.copy_patience import CopyPatience
from alarmd.adapters.effect_performer import EffectPerformer
from alarmd.adapters.group_commit import CommitHandlers, GroupCommit, WaitingTurn
from alarmd.adapters.one_timer import OneTimer
from alarmd.adapters.outbox_watch import OutboxWatch
from alarmd.adapters.reactor_clock import stopwatch
from alarmd.core.effects import (
    DURABLE,
    Answer,
    CloseConnection,
    DurableEffect,
    Effect,
    OutgoingEffect,
    QueueDelivery,
    RecordEvent,
    Refuse,
    RetryDelivery,
    SaveMark,
    SavePicture,
    SendFrame,
    TellPeer,
)
from alarmd.core.engine import Engine
from alarmd.core.inputs import (
    BacklogDrained,
    BacklogFilled,
    Input,
    Report,
    StorageFailed,
    StorageRecovered,
    TimerFired,
    TurnQuarantined,
)
from alarmd.core.instant import Instant
from alarmd.core.outflow import Outflow
from alarmd.core.paths import Path
from alarmd.core.records import Record
from alarmd.core.refusals import DEFECT, UNAVAILABLE, RequestRefusedError, TurnSetAsideError
from alarmd.core.requests import OperatorRequest
from alarmd.core.supervision import BLIND
from alarmd.metrics import Metrics
from alarmd.storage.interface import Store
from alarmd.storage.writer_thread import WriterThread

HIGH_WATER = 20_000  # durable effects that wait; beyond, the rules refuse what would need one more
LOW_WATER = 10_000
MAX_BACKLOG = 200_000  # durable effects; beyond, turns are dropped as a whole, and nothing of them is acknowledged
TOO_MUCH_WAITS = "the database does not answer and too much waits for it"
ANSWER_PATIENCE = 15.0  # s that an operator waits for a commit

_DURABLE = frozenset(DURABLE)
_log = structlog.get_logger(__name__)

Asker = asyncio.Future[tuple[Record, ...]]


class TurnRunner:
    """The engine's only caller; everything here happens on the loop's thread.

    now: the clock, for inputs that the runner makes itself. outbox: whoever tells the alarms. committed: called after
    each transaction. outflow: hears of every turn that was stored. released: see CommitHandlers.
    """

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        engine: Engine,
        writer: WriterThread,
        store: Store,
        performer: EffectPerformer,
        metrics: Metrics,
        now: Callable[[], Instant],
        outbox: OutboxWatch,
        committed: Callable[[], None],
        outflow: Outflow,
        released: Callable[[WaitingTurn], None] | None = None,
    ) -> None:
        self._loop = loop
        self._engine = engine
        self._performer = performer
        self._metrics = metrics
        self._now = now
        self._outbox = outbox
        self._committed = committed
        self._outflow = outflow
        self._filled = False
        self._owed: Counter[Path] = Counter()  # frames for TCP peers that wait for a commit
        handlers = CommitHandlers(
            self._stored, self._refused, self._failed, self._recovered, self._settle_now, released
        )
        self.commits = GroupCommit(loop, writer, store, metrics, handlers)
        self.copies = CopyPatience(loop, outflow, performer.perform)
        self.timer = OneTimer(loop, now, self._timer_fired)

    def submit(self, happened: Input, now: Instant) -> None:
        """One turn. Returns before anything is stored."""
        self._turn(happened, now)
        self._settle(now)

    def submit_batch(self, inputs: Iterable[Input], now: Instant) -> None:
        """Turns of one moment, in order."""
        for happened in inputs:
            self._turn(happened, now)
        self._settle(now)

    def close_when_answered(self, path: Path) -> None:
        """Close a connection after the frames that wait for a commit were sent on it."""
        if path in self._owed:
            self.commits.add(WaitingTurn((), [CloseConnection(path)]))
        else:
            self.copies.send(CloseConnection(path), self._outflow.position)

    async def submit_request(self, request: OperatorRequest | Report) -> tuple[Record, ...]:
        """An operator's request, or a report of the server's own parts: the records it made, once they are stored.
        Raises RequestRefusedError."""
        asker: Asker = self._loop.create_future()
        now = self._now()
        self._turn(request, now, asker)
        self._settle(now)
        try:
            async with asyncio.timeout(ANSWER_PATIENCE):
                return await asker
        except TimeoutError:
            raise RequestRefusedError(
                UNAVAILABLE,
                "",
                "the database does not answer; the request is kept in memory and takes effect when it is back, "
                "unless the server stops before",
            ) from None

    def _turn(self, happened: Input, now: Instant, asker: Asker | None = None) -> None:
        began = stopwatch()
        try:
            effects = self._engine.handle(happened, now)
        except Exception:  # a defect of the rules must not take the listener out of the reactor
            _log.exception("the rules failed", input=type(happened).__name__)
            self._metrics.dropped("engine", "defect")
            _refuse(asker, RequestRefusedError(DEFECT, "", "the server failed on this request; its log says more"))
            return
        self._metrics.watch(happened, effects, stopwatch() - began)
        if effects:
            self._carry_out(effects, asker, type(happened) is TurnQuarantined)

    def _carry_out(self, effects: Sequence[Effect], asker: Asker | None, about_quarantine: bool) -> None:
        durable: list[DurableEffect] = []
        afterwards: list[OutgoingEffect] = []
        for effect in effects:
            if type(effect) in _DURABLE:
                durable.append(effect)  # type: ignore[arg-type]  # mypy does not narrow by a set of types
            elif self._must_wait(effect, afterwards):
                afterwards.append(effect)  # type: ignore[arg-type]  # as above
            else:
                self._performer.perform(effect)  # type: ignore[arg-type]  # as above
        if not durable and not afterwards:
            return
        turn = WaitingTurn(tuple(durable), afterwards, asker, about_quarantine)
        if not durable and not len(self.commits):
            self._finish(turn)
        elif self.commits.effects + len(durable) > MAX_BACKLOG:
            self._metrics.dropped("storage", "backlog_full")
            self._give_up(turn, RequestRefusedError(UNAVAILABLE, "", TOO_MUCH_WAITS))
        else:
            self._wait_for_commit(turn)

    def _must_wait(self, effect: Effect, afterwards: list[OutgoingEffect]) -> bool:
        kind = type(effect)
        if kind is SendFrame:
            return effect.promises  # type: ignore[union-attr]  # mypy narrows by isinstance only, which is slower
        if kind is CloseConnection:
            path: Path = effect.path  # type: ignore[union-attr]  # as above
            held = path in self._owed or self.copies.holds(path)
            owed = held or any(getattr(one, "path", None) == path for one in afterwards)
            if owed:  # an ACK is on its way; the peer may say nothing more until it has it
                self._performer.stop_reading(path)
            return owed
        return kind is Answer or kind is Refuse or kind is TellPeer

    def _wait_for_commit(self, turn: WaitingTurn) -> None:
        for effect in turn.afterwards:
            if type(effect) is SendFrame and effect.path.transport == "tcp":
                self._owed[effect.path] += 1
        self.commits.add(turn)
        if self.commits.failing:
            self._save_urgent(turn)

    def _settle(self, now: Instant) -> None:
        """After the turns of a moment: begin a commit, tell the rules how much waits, arm the timer."""
        self.commits.start()
        waiting = self.commits.effects
        if waiting > HIGH_WATER and not self._filled:
            self._filled = True
            self._turn(BacklogFilled(), now)
        elif waiting < LOW_WATER and self._filled:
            self._filled = False
            self._turn(BacklogDrained(), now)
            self.commits.start()
        self.timer.arm(self._engine.next_deadline(), now.mono)

    def _settle_now(self) -> None:
        self._committed()
        self._settle(self._now())

    def _timer_fired(self, due: float) -> None:
        now = self._now()
        if now.mono - due > BLIND:
            self._metrics.blind(now.mono - due)
        self.submit(TimerFired(due), now)

    def _stored(self, turn: WaitingTurn) -> None:
        self._no_longer_owed(turn)
        if any(isinstance(effect, QueueDelivery | RetryDelivery) for effect in turn.durable):
            self._outbox.stored()
        self._finish(turn)

    def _finish(self, turn: WaitingTurn) -> None:
        position = self._outflow.committed(turn.durable)
        for effect in turn.afterwards:
            if isinstance(effect, Answer):
                if turn.asker is not None and not turn.asker.done():
                    turn.asker.set_result(effect.records)
            elif isinstance(effect, Refuse):
                _refuse(turn.asker, RequestRefusedError(effect.reason, effect.field, effect.message))
            else:
                self.copies.send(effect, position)

    def _refused(self, turn: WaitingTurn, reason: str) -> None:
        """The database will never take this turn: nothing of it is acknowledged, and the operator hears of it."""
        self._no_longer_owed(turn)
        self._give_up(turn, TurnSetAsideError())
        _log.error("the database refused a turn for good", reason=reason)
        if not turn.about_quarantine:
            events = tuple(effect.event for effect in turn.durable if isinstance(effect, RecordEvent))
            pictures = tuple(effect.picture for effect in turn.durable if isinstance(effect, SavePicture))
            self._turn(TurnQuarantined(reason, events, pictures), self._now())

    def _give_up(self, turn: WaitingTurn, why: RequestRefusedError) -> None:
        _refuse(turn.asker, why)
        for effect in turn.afterwards:
            if isinstance(effect, CloseConnection):
                self._performer.perform(effect)

    def _failed(self, reason: str) -> None:
        _log.error("storage failed, nothing is acknowledged until it is back", reason=reason)
        for turn in self.commits.waiting():
            self._save_urgent(turn)
        self._turn(StorageFailed(reason), self._now())

    def _recovered(self) -> None:
        _log.info("storage is back, everything that waited is stored")
        self._outbox.recovered()
        self._turn(StorageRecovered(), self._now())

    def _save_urgent(self, turn: WaitingTurn) -> None:
        for effect in turn.durable:
            if isinstance(effect, QueueDelivery) and effect.delivery.urgent:
                self._outbox.put(effect.delivery)
            elif isinstance(effect, SaveMark):
                self._outbox.settled(effect.mark.identity)

    def _no_longer_owed(self, turn: WaitingTurn) -> None:
        for effect in turn.afterwards:
            if isinstance(effect, SendFrame) and effect.path in self._owed:
                self._owed[effect.path] -= 1
                if not self._owed[effect.path]:
                    del self._owed[effect.path]


def _refuse(asker: Asker | None, why: RequestRefusedError) -> None:
    if asker is not None and not asker.done():
        asker.set_exception(why)
