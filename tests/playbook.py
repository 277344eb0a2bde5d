"""Plays the rules: inputs go in by `<<`, what comes out is looked at. One clock, moved by hand.

play = Playbook()
play << frame("cam1,MOAL,gate,0,0,0,0,0")
assert play.sent == [b"cam1,ACK,0,0,0,0,0,0"]
"""

from dataclasses import replace
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from alarmd.core.effects import (
    DURABLE,
    Answer,
    Effect,
    QueueDelivery,
    RecordEvent,
    Refuse,
    RejectFrame,
    SaveAlarm,
    SaveCommand,
    SendFrame,
)
from alarmd.core.engine import Engine
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import FrameReceived, Input, ServerStarted, TimerFired
from alarmd.core.instant import SECOND, Instant
from alarmd.core.paths import Path
from alarmd.core.records import Alarm, Command, Delivery, Event
from alarmd.core.requests import DeviceAdopted, KeyGiven
from alarmd.core.settings import Settings
from alarmd.core.snapshot import Snapshot
from alarmd.core.state import MAX_ENDED
from alarmd.core.supervision import BLIND
from alarmd.storage.memory_store import MemoryStore

NOON = 1_795_262_400 * SECOND  # 2026-11-21 12:00 UTC, a Saturday
CLOCK_NOISE = 1e-6  # s: sums of times are rounded, so that a timer may fire a moment too early; real clocks go on
LONG = 7200.0  # s
BUSY = 0.9 * BLIND
E = TypeVar("E")


def path(host: str = "192.0.2.1", port: int = 4000, transport: Any = "udp") -> Path:
    return Path(transport, host, port, 1)


def frame(text: str | bytes, host: str = "192.0.2.1", port: int = 4000, transport: Any = "udp") -> FrameReceived:
    payload = text if isinstance(text, bytes) else text.encode()
    return FrameReceived(payload, path(host, port, transport))


def heartbeat(name: str = "cam1", host: str = "192.0.2.1", port: int = 4000) -> FrameReceived:
    return frame(f"{name},HEARTBEAT,0,0,0,0,0,0", host, port)


class Playbook:
    """An engine, its store in memory, and what the last input made it do (`effects`)."""

    def __init__(self, snapshot: Snapshot | None = None, start: bool = True, **settings: Any) -> None:
        self.settings = replace(Settings(), **settings)
        self.now = Instant(NOON, 1000.0)
        self.store = MemoryStore(self.settings.label)
        self.effects: list[Effect] = []
        self.history: list[Effect] = []
        self.engine = Engine(self.settings, snapshot or Snapshot(), ZoneInfo, self.now)
        if start:
            self << ServerStarted("test")

    def __lshift__(self, happened: Input) -> "Playbook":
        self.effects = self.engine.handle(happened, self.now)
        self.history += self.effects
        refused = self.store.commit([[effect for effect in self.effects if isinstance(effect, DURABLE)]])
        assert refused == []
        return self

    def adopt(self, *names: str, zone: str | None = None) -> "Playbook":
        for name in names:
            self << DeviceAdopted("op", name, zone)
        return self

    def give_key(self, name: str, key: bytes, *, mixed: bool = False, renew: bool = False) -> "Playbook":
        return self << KeyGiven("op", name, key, None, mixed, renew)

    def later(self, seconds: float) -> "Playbook":
        """Let time pass as a running server would live it: the timer fires whenever it is due. Over hours it is a busy
        server, whose timer is late each time, but never so late that the server was blind."""
        end = self.now.mono + seconds
        late = BUSY if seconds > LONG else 0.0
        gathered: list[Effect] = []
        fired = None
        while (due := self.engine.next_deadline()) + late <= end:
            self._at(max(due + late, self.now.mono) + (CLOCK_NOISE if due == fired else 0.0))
            self << TimerFired(due)
            gathered += self.effects
            fired = due
        self._at(max(end, self.now.mono))
        self.effects = gathered
        return self

    def stand_still(self, seconds: float) -> "Playbook":
        """Let time pass as a stopped process would: the timer that was due fires when it runs again."""
        due = self.engine.next_deadline()
        self._at(self.now.mono + seconds)
        return self << TimerFired(due)

    def set_wall(self, seconds: float) -> "Playbook":
        """Somebody sets the wall clock."""
        self.now = Instant(self.now.wall + round(seconds * SECOND), self.now.mono)
        return self

    def restart(self, after: float = 0.0) -> "Playbook":
        """kill -9 and a new process on the same store; its monotonic clock means nothing to the old one."""
        again = Playbook.__new__(Playbook)
        again.__dict__.update(self.__dict__)
        again.now = Instant(self.now.wall + round(after * SECOND), self.now.mono / 2 + 77.0)
        again.engine = Engine(self.settings, self.store.load(MAX_ENDED), ZoneInfo, again.now)
        return again << ServerStarted("test")

    def _at(self, mono: float) -> None:
        self.now = Instant(self.now.wall_at(mono), mono)

    def made(self, kind: type[E]) -> list[E]:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    @property
    def sent(self) -> list[bytes]:
        return [effect.payload for effect in self.made(SendFrame)]

    @property
    def rejected(self) -> list[str]:
        return [effect.reason for effect in self.made(RejectFrame)]

    @property
    def events(self) -> list[Event]:
        return [effect.event for effect in self.made(RecordEvent)]

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    @property
    def alarms(self) -> list[Alarm]:
        return [effect.alarm for effect in self.made(SaveAlarm)]

    @property
    def commands(self) -> list[Command]:
        return [effect.command for effect in self.made(SaveCommand)]

    @property
    def told(self) -> list[Delivery]:
        return [effect.delivery for effect in self.made(QueueDelivery)]

    @property
    def answer(self) -> tuple[Any, ...]:
        (answer,) = self.made(Answer)
        return answer.records

    @property
    def refusal(self) -> Refuse:
        (refuse,) = self.made(Refuse)
        return refuse

    @property
    def last_command(self) -> Command:
        """The last one saved in the whole play."""
        return next(effect.command for effect in reversed(self.history) if isinstance(effect, SaveCommand))

    def count(self, kind: EventKind) -> int:
        """Events of a kind in the whole play."""
        return sum(isinstance(effect, RecordEvent) and effect.event.kind == kind for effect in self.history)
