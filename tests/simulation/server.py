"""A server that can die at any moment: the real rules, the store's contract, and commits that take their time."""

from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from alarmd.core.effects import DURABLE, Answer, DurableEffect, RecordEvent, SendFrame
from alarmd.core.engine import Engine
from alarmd.core.inputs import FrameReceived, Input, PictureReceived, ServerStarted, TimerFired
from alarmd.core.paths import Path
from alarmd.core.records import Trigger
from alarmd.core.settings import PictureRoute, Settings
from alarmd.storage.memory_store import MemoryStore

if TYPE_CHECKING:
    from tests.simulation.world import World

MAX_COMMIT = 0.05  # s
Promise = SendFrame | PictureReceived


class SimulatedServer:
    """`life` tells one process from the next: what an earlier one left behind does nothing."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.settings = Settings(stranger_burst=10_000.0, picture_routes=(PictureRoute("s3"),))
        self.store = MemoryStore(self.settings.label)
        self.life = 0
        self.up = False
        self._waiting: list[tuple[list[DurableEffect], list[Promise]]] = []
        self._committing = False
        self.start()

    def start(self) -> None:
        self.life += 1
        self.up = True
        self._waiting, self._committing = [], False
        self.engine = Engine(self.settings, self.store.load(), ZoneInfo, self.world.instant())
        self.handle(ServerStarted("simulated"))
        self._arm()

    def crash(self, down: float) -> None:
        """kill -9: what was not committed is gone."""
        self.world.note(f"the server dies with {len(self._waiting)} turns not stored")
        self.up = False
        self.life += 1
        self.world.at(down, self.start)

    def receive(self, payload: bytes, path: Path) -> None:
        if self.up:
            self.handle(FrameReceived(payload, path))

    def take(self, name: str, upload: str) -> None:
        """A picture that arrived whole and lies in the archive."""
        if self.up:
            wall = self.world.instant().wall
            key, digest = f"{name}/{wall}-{upload}.jpg", f"{upload:0>64}"
            what = upload, digest, 50_000, 640, 480
            self.handle(PictureReceived(name, key, None, wall, Trigger.ALARM, *what, was_announced=True))

    def handle(self, happened: Input) -> None:
        effects = self.engine.handle(happened, self.world.instant())
        sends = [effect for effect in effects if isinstance(effect, SendFrame)]
        for send in sends:
            if not send.promises:
                self._send(send)
        durable = [effect for effect in effects if isinstance(effect, DURABLE)]
        for effect in durable:
            if isinstance(effect, RecordEvent):
                self.world.note(f"event {effect.event.kind} of device {effect.event.device_id}: {effect.event.text}")
        promises: list[Promise] = [send for send in sends if send.promises]
        if isinstance(happened, PictureReceived) and any(isinstance(effect, Answer) for effect in effects):
            promises.append(happened)  # now, or before
        if durable or promises:
            self._waiting.append((durable, promises))
            self._commit()

    def _commit(self) -> None:
        if self._committing or not self._waiting:
            return
        self._committing = True
        batch, self._waiting, life = self._waiting, [], self.life
        self.world.at(self.world.random.uniform(0.0005, MAX_COMMIT), lambda: self._committed(batch, life))

    def _committed(self, batch: list[tuple[list[DurableEffect], list[Promise]]], life: int) -> None:
        if life != self.life:
            return
        assert self.store.commit([durable for durable, _ in batch]) == []
        for _, promises in batch:
            for send in promises:
                self._send(send)
        self._committing = False
        self._commit()

    def _send(self, send: Promise) -> None:
        for device in self.world.devices:
            if isinstance(send, PictureReceived):
                if send.device == device.name:
                    self.world.transmit(partial(device.uploaded, send.upload), may_repeat=False)
            elif device.host == send.path.host:
                self.world.transmit(partial(device.receive, send.payload), may_repeat=device.key is not None)

    def _arm(self) -> None:
        due, life = self.engine.next_deadline(), self.life
        self.world.at(max(0.0, due - self.world.instant().mono), lambda: self._fire(due, life))

    def _fire(self, due: float, life: int) -> None:
        if life == self.life:
            self.handle(TimerFired(due))
            self._arm()
