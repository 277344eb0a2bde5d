"""Parts for tests of the adapters: real ones wherever they are not what is being told apart."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path as FilePath
from typing import Any, cast

from prometheus_client import CollectorRegistry

from alarmd.adapters.effect_performer import EffectPerformer
from alarmd.adapters.flow_cache import FlowCache
from alarmd.adapters.log_sampling import RejectedFrames
from alarmd.adapters.sockets import Sockets
from alarmd.core.effects import CacheHeartbeat, Effect, FetchPicture, QueueDelivery, TakePart, TellPeer
from alarmd.core.engine import Engine
from alarmd.core.inputs import Input
from alarmd.core.instant import Instant
from alarmd.core.paths import Path
from alarmd.core.records import Delivery
from alarmd.metrics import Metrics
from alarmd.storage.interface import QuarantinedTurn, StorageError, Turn
from alarmd.storage.memory_store import MemoryStore
from tests.contracts.records import EVERYTHING, ORIGIN

HOLD_LIMIT = 30.0  # s that a held store waits before a broken test ends


class Counted:
    """Metrics of its own, and their values by the name and labels of the sample."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)

    def value(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0

    def dropped(self, listener: str, reason: str) -> float:
        return self.value("alarmd_dropped_total", where=listener, reason=reason)


class ScriptedEngine:
    """Rules that a test makes up: for each kind of input a function from it to the effects."""

    def __init__(self) -> None:
        self.heard: list[Input] = []
        self.rules: dict[type[Any], Callable[[Any], list[Effect]]] = {}
        self.due: float = float("inf")

    def handle(self, happened: Input, _now: Instant) -> list[Effect]:
        self.heard.append(happened)
        rule = self.rules.get(type(happened))
        return rule(happened) if rule else []

    def next_deadline(self) -> float | None:
        return None if self.due == float("inf") else self.due

    def heard_of(self, kind: type[Any]) -> list[Any]:
        return [one for one in self.heard if isinstance(one, kind)]

    def as_engine(self) -> Engine:
        return cast(Engine, self)


class MoodyStore(MemoryStore):
    """A store in memory that can be held up and made to fail. batches: what each successful commit stored."""

    def __init__(self) -> None:
        super().__init__(ORIGIN)
        self.batches: list[list[Turn]] = []
        self.attempts = 0
        self.failure: Exception | None = None
        assert (
            super().commit([[one for one in EVERYTHING if not isinstance(one, QueueDelivery)]]) == []
        )  # something that messages and zones may refer to
        self._may_go = threading.Event()
        self._may_go.set()

    def hold(self) -> None:
        """Commits wait from now on."""
        self._may_go.clear()

    def release(self) -> None:
        self._may_go.set()

    def commit(self, turns: Sequence[Turn]) -> list[QuarantinedTurn]:
        self.attempts += 1
        assert self._may_go.wait(HOLD_LIMIT), "the test left the store held"
        if self.failure is not None:
            raise self.failure
        refused = super().commit(turns)
        self.batches.append(list(turns))
        return refused


class Peer:
    """An endpoint that remembers what it was told to do. done: in order, with their arguments."""

    def __init__(self) -> None:
        self.done: list[tuple[str, Any]] = []

    @property
    def sent(self) -> list[bytes]:
        return [argument for what, argument in self.done if what == "send"]

    def send(self, _path: Path, payload: bytes) -> None:
        self.done.append(("send", payload))

    def stop_reading(self, path: Path) -> None:
        self.done.append(("stop_reading", path))

    def close(self, path: Path) -> None:
        self.done.append(("close", path))

    def cache(self, heartbeat: CacheHeartbeat) -> None:
        self.done.append(("cache", heartbeat))

    def take(self, taken: TakePart) -> None:
        self.done.append(("take", taken))


class Outbox:
    """Remembers what the runner says of messages."""

    def __init__(self) -> None:
        self.urgent: list[Delivery] = []
        self.settled_ones: list[str] = []
        self.stored_count = 0
        self.recovered_count = 0

    def put(self, delivery: Delivery) -> None:
        self.urgent.append(delivery)

    def settled(self, identity: str) -> None:
        self.settled_ones.append(identity)

    def stored(self) -> None:
        self.stored_count += 1

    def recovered(self) -> None:
        self.recovered_count += 1


class Performing:
    """A performer on sockets and a cache of its own."""

    def __init__(self) -> None:
        self.sockets = Sockets()
        self.flow_cache = FlowCache(100)
        self.fetched: list[FetchPicture] = []
        self.told: list[TellPeer] = []
        rejected = RejectedFrames(lambda: 0.0)
        self.performer = EffectPerformer(self.sockets, self.flow_cache, rejected, self.fetched.append, self.told.append)


def sqlite_url(directory: FilePath) -> str:
    return f"sqlite:///{directory / 'alarmd.sqlite'}"


class UnavailableError(StorageError):
    """What MoodyStore may be told to raise."""
