"""The turn runner of one member of a cluster: whatever happens to a device that another one watches takes it first.

Three orders hold it together. What happened to a device waits until storage says that the device is here. A turn is
stored only while its devices are. And what a turn decided that was not stored is forgotten: its devices are read anew,
or are another's, and what happened is decided again from what is stored.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import structlog

from alarmd.adapters.cluster.subjects import GROUPS, subject_of
from alarmd.adapters.cluster.waiting_room import Claim, WaitingRoom
from alarmd.adapters.group_commit import WaitingTurn
from alarmd.adapters.turn_runner import Asker, TurnRunner
from alarmd.core.effects import (
    Custody,
    DurableEffect,
    Effect,
    HandOver,
    OutgoingEffect,
    SaveCommand,
    SaveDevice,
    SendFrame,
)
from alarmd.core.inputs import DevicesReleased, DevicesTaken, FrameReceived, Input, Report
from alarmd.core.instant import Instant
from alarmd.core.records import Record
from alarmd.core.refusals import UNAVAILABLE, RequestRefusedError
from alarmd.core.requests import AlarmAcknowledged, AlarmCleared, CommandRequested, OperatorRequest
from alarmd.core.snapshot import part_of
from alarmd.storage.cluster_store import ClusterStore, TakenDevices
from alarmd.storage.custody import all_devices_of
from alarmd.storage.interface import StorageError
from alarmd.storage.writer_thread import WriterThread

RETRY = 0.5  # s after a claim that failed
MAX_GROUP = 2000  # devices that one request may gather from other servers
GATHERINGS = 3
NOT_OURS = -1  # the epoch of a device that this member does not watch
TOO_MANY_WAIT = "too many devices wait to be taken over from other servers"

_log = structlog.get_logger(__name__)


class ClusterRunner(TurnRunner):
    """cluster: the same store, as a member sees it. claims: the thread that asks it for devices."""

    def __init__(self, *, cluster: ClusterStore, claims: WriterThread, **parts: Any) -> None:
        super().__init__(store=cluster, released=self._released, **parts)
        self._cluster = cluster
        self._claims = claims
        self._room = WaitingRoom()
        self._custody: dict[int, int] = {}  # device → epoch
        self._unstored: set[int] = set()  # devices that it introduced, until they are stored
        self._overtaken: dict[int, int] = {}  # devices that were lost while a claim was under way, and to which epoch
        self.judge: int | None = None  # the incarnation of the member that judges silence
        self._orders = False  # the turn being carried out holds a command
        self._asking = False
        self._asked = asyncio.Event()  # a claim has ended
        self._happened: tuple[Input, Asker | None] | None = None

    @property
    def waiting(self) -> int:
        """Inputs that wait for their devices."""
        return len(self._room)

    @property
    def watched(self) -> int:
        """Devices of this member."""
        return len(self._custody)

    async def submit_request(self, request: OperatorRequest | Report) -> tuple[Record, ...]:
        await self._gather(request)
        return await super().submit_request(request)

    def take(self, devices: TakenDevices) -> int:
        """From now on this member watches these, by a claim that succeeded. Returns how many."""
        epochs = devices.taken.epochs
        late = {device_id for device_id, epoch in epochs.items() if self._overtaken.get(device_id, 0) > epoch}
        here = {device.id for device in devices.part.devices} - late
        self._custody |= {device_id: epochs[device_id] for device_id in here}
        if here:
            part = part_of(devices.part, here)
            self.submit(DevicesTaken(part, devices.taken.unheard_since, devices.counters), self._now())
        return len(epochs)

    def lost(self, devices: Iterable[tuple[int, int]]) -> None:
        """Another member took devices, with these epochs."""
        gone = [device_id for device_id, epoch in devices if self._custody.get(device_id, epoch) < epoch]
        if self._asking:
            self._overtaken |= devices
        self._release(gone)

    def given(self, devices: Iterable[tuple[int, int]]) -> None:
        """Another member handed over devices, with these epochs."""
        self._room.want(own=[device_id for device_id, epoch in devices if self._custody.get(device_id, 0) < epoch])
        self._ask()

    def known(self) -> dict[int, int]:
        """The devices that storage knows to be this member's, with their epochs."""
        return {device_id: epoch for device_id, epoch in self._custody.items() if device_id not in self._unstored}

    def compare(self, known: Mapping[int, int], mine: Mapping[int, int]) -> None:
        """mine: what storage says is this member's, asked for when these were known: some news may not have come."""
        gone = [device_id for device_id, epoch in known.items() if mine.get(device_id) != epoch]
        self._release([device_id for device_id in gone if self._custody.get(device_id) == known[device_id]])
        self._room.want(own=[device_id for device_id in mine if device_id not in self._custody])
        self._ask()

    def _turn(self, happened: Input, now: Instant, asker: Asker | None = None) -> None:
        name = self._elsewhere(happened)
        if name is None:
            self._decide(happened, now, asker)
        elif self._room.hold(name, happened, asker):
            self._ask()
        else:
            self._metrics.dropped("cluster", "held")
            _refuse(asker, RequestRefusedError(UNAVAILABLE, "", TOO_MANY_WAIT))

    def _decide(self, happened: Input, now: Instant, asker: Asker | None) -> None:
        before, self._happened = self._happened, (happened, asker)
        super()._turn(happened, now, asker)
        self._happened = before

    def _elsewhere(self, happened: Input) -> str | None:
        """The device that it is about, if that has to be taken first."""
        party = self._engine.state.party
        if type(happened) is FrameReceived:  # most of them are of a device that is here
            name = happened.payload.partition(b",")[0].decode("latin-1")
            if party(name) is not None and not self._room.holds(name):
                return None
        subject = subject_of(happened)
        if subject is None or (party(subject) is not None and not self._room.holds(subject)):
            return None
        return subject

    def _carry_out(self, effects: Sequence[Effect], asker: Asker | None, about_quarantine: bool) -> None:
        self._orders = any(type(effect) is SaveCommand for effect in effects)
        super()._carry_out(effects, asker, about_quarantine)

    def _must_wait(self, effect: Effect, afterwards: list[OutgoingEffect]) -> bool:
        """A command leaves once it is stored as sent: only then is it certain that no other member sends it too."""
        if type(effect) is HandOver or (self._orders and type(effect) is SendFrame):
            return True
        return super()._must_wait(effect, afterwards)

    def _wait_for_commit(self, turn: WaitingTurn) -> None:
        assert self._happened is not None, "a turn begins with something that happened"
        turn.happened, asker = self._happened
        whole = isinstance(turn.happened, FrameReceived) or asker is not None
        turn.durable = (*turn.durable, *self._condition(turn.durable, whole))
        super()._wait_for_commit(turn)

    def _condition(self, durable: Sequence[DurableEffect], whole: bool) -> tuple[Custody, ...]:
        devices = all_devices_of(durable)
        if not devices:
            return ()
        saved = [effect.device for effect in durable if isinstance(effect, SaveDevice)]
        new = frozenset(device.id for device in saved if device.id not in self._custody)
        self._custody |= dict.fromkeys(new, 1)
        self._unstored |= new
        epochs = {device_id: self._custody.get(device_id, NOT_OURS) for device_id in devices}
        for device in saved:
            if device.forgotten_at is not None:
                del self._custody[device.id]
        return (Custody(epochs, new, divisible=not whole),)

    def _finish(self, turn: WaitingTurn) -> None:
        for condition in turn.durable[-1:]:
            if isinstance(condition, Custody):
                self._unstored -= condition.new
        late = [effect for effect in turn.afterwards if isinstance(effect, HandOver)]
        turn.afterwards = [effect for effect in turn.afterwards if not isinstance(effect, HandOver)]
        for effect in late:
            self._hand_over(effect.devices)
        super()._finish(turn)

    def _hand_over(self, devices: Sequence[int]) -> None:
        """To the judge. If that fails they stay, and are judged here: too many messages beat none."""
        if self.judge not in (None, self._cluster.joined.incarnation):
            with suppress(StorageError):
                self._claims.call(self._cluster.give, self.judge, devices)

    def _released(self, turn: WaitingTurn) -> None:
        """Nothing of the turn is stored. Its devices are as they were before it, or are another member's."""
        self._no_longer_owed(turn)
        condition = next(effect for effect in turn.durable if isinstance(effect, Custody))
        again = [one for one, epoch in condition.epochs.items() if self._custody.get(one, NOT_OURS) == epoch]
        self._release(again)
        self._room.want(own=[device_id for device_id in again if device_id not in condition.new])
        assert turn.happened is not None, "it has a condition"
        if turn.asker is not None and subject_of(turn.happened) is None:  # of several, some of which are elsewhere now
            _refuse(turn.asker, RequestRefusedError("moved", "", "devices changed servers meanwhile; ask again"))
        elif isinstance(turn.happened, FrameReceived) or turn.asker is not None:
            self._turn(turn.happened, self._now(), turn.asker)
        self._ask()

    def _release(self, devices: Sequence[int]) -> None:
        for device_id in devices:
            self._custody.pop(device_id, None)
        self._unstored.difference_update(devices)
        if devices:
            self._decide(DevicesReleased(tuple(devices)), self._now(), None)

    def _ask(self) -> None:
        """One claim at a time: what is wanted meanwhile goes together into the next."""
        claim = None if self._asking else self._room.next_claim()
        if claim is None:
            return
        self._asking = True
        try:
            future = self._claims.call(self._cluster.take, *claim, self._now().wall)
        except StorageError as error:
            self._loop.call_later(RETRY, self._ask_again, claim, str(error))
            return
        future.add_done_callback(lambda done: self._loop.call_soon_threadsafe(self._answered, claim, done))

    def _answered(self, claim: Claim, future: "Future[TakenDevices]") -> None:
        error = future.exception()
        if error is not None:
            self._loop.call_later(RETRY, self._ask_again, claim, str(error))
            return
        self._asking = False
        found = future.result()
        self.take(found)
        self._overtaken.clear()
        for name in claim.names:
            here = name in found.unknown or self._engine.state.party(name) is not None
            for held in self._room.leave(name):
                (self._decide if here else self._turn)(held.happened, self._now(), held.asker)
        self._asked.set()
        self._asked = asyncio.Event()
        self._settle(self._now())
        self._ask()

    def _ask_again(self, claim: Claim, reason: str) -> None:
        _log.warning("devices cannot be taken over, trying again", reason=reason, devices=len(claim.names))
        self._asking = False
        self._room.want(*claim)
        self._ask()

    async def _gather(self, request: OperatorRequest | Report) -> None:
        """Take the devices of a request that does not name one. Raises RequestRefusedError."""
        match request:
            case CommandRequested(target=target) if target.startswith(GROUPS):
                names = await self._query(self._cluster.members_of, target, MAX_GROUP + 1)
                if len(names) > MAX_GROUP:
                    raise RequestRefusedError(
                        "too_many", "target", f"{target} has over {MAX_GROUP} devices, which may be at several servers"
                    )
                await self._have(names)
            case AlarmAcknowledged(alarm_id=alarm_id) | AlarmCleared(alarm_id=alarm_id):
                if alarm_id not in self._engine.state.alarms:
                    await self._have(await self._device_of(alarm_id))

    async def _device_of(self, alarm_id: int) -> Sequence[str]:
        names: list[str] = await self._query(self._cluster.device_of_alarm, alarm_id)
        if not names and not self._engine.state.judges:
            raise RequestRefusedError(
                "elsewhere",
                "alarm_id",
                f"alarm {alarm_id} is about no single device: ask the server that judges",
            )
        return names

    async def _have(self, names: Sequence[str]) -> None:
        """Take devices that are elsewhere. They may be gone again by then; the request then says so."""
        for _ in range(GATHERINGS):
            missing = [name for name in names if name not in self._engine.state.sessions]
            if not missing:
                return
            asked = self._asked
            self._room.want(names=missing)
            self._ask()
            await asked.wait()

    async def _query(self, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return await asyncio.wrap_future(self._claims.call(function, *arguments))
        except StorageError:
            raise RequestRefusedError(UNAVAILABLE, "", "the database does not answer") from None


def _refuse(asker: Asker | None, why: RequestRefusedError) -> None:
    if asker is not None and not asker.done():
        asker.set_exception(why)
