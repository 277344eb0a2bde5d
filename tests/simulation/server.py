"""A server that can die, stand still or stop at any moment: the real rules, the store's contract, and commits that take
their time. It keeps the order of adapters/turn_runner.py: what promises leaves after the commit of everything before.
"""

import math
from collections import deque
from collections.abc import Callable
from functools import partial
from zoneinfo import ZoneInfo

from alarmd.core.effects import (
    COPY_PATIENCE,
    DURABLE,
    Answer,
    Effect,
    RecordEvent,
    Refuse,
    SendFrame,
    TellPeer,
)
from alarmd.core.engine import Engine
from alarmd.core.inputs import FrameReceived, Input, ServerStarted, ServerStopping, TimerFired
from alarmd.core.instant import Instant
from alarmd.core.paths import Path
from alarmd.core.settings import Settings
from alarmd.core.state import MAX_ENDED
from alarmd.storage.memory_store import MemoryStore
from tests.simulation.company import Company, Peer, WaitingTurn
from tests.simulation.network import Network
from tests.simulation.world import World

MAX_COMMIT = 0.05  # s
SOCKET_BUFFER = 100  # datagrams
CLOCK_NOISE = 1e-6  # s: sums of times are rounded, so that a timer may fire a moment too early; real clocks go on


class SimulatedServer:
    """`life` tells one process from the next: what an earlier one left behind does nothing. deliver(path, bytes): the
    way to the devices. ahead: s by which its wall clock is wrong."""

    def __init__(
        self,
        world: World,
        network: Network,
        settings: Settings,
        deliver: Callable[["SimulatedServer", Path, bytes], None],
        ahead: float = 0.0,
    ) -> None:
        self.world = world
        self.network = network
        self.settings = settings
        self.label = settings.label
        self.ahead = ahead
        self.store = MemoryStore(settings.label)
        self.life = 0
        self.up = False
        self.serves = False
        self._sockets: deque[tuple[bytes, Path]] = deque(maxlen=SOCKET_BUFFER)
        self.still_until = 0.0  # SIGSTOP
        self.company: list[Company] = []
        self.peer: Peer | None = None
        self.begun = 0  # the highest stamp in the database at the start
        self._armed = 0.0
        self._deliver = deliver
        self._waiting: list[WaitingTurn] = []
        self._under_way: list[WaitingTurn] = []

    def instant(self) -> Instant:
        return self.world.instant(self.ahead)

    def start(self) -> None:
        self.life += 1
        self.up = True
        self._waiting, self._under_way, self._armed = [], [], math.inf
        snapshot = self.store.load(MAX_ENDED)
        self.begun = snapshot.last_hlc
        self.engine = Engine(self.settings, snapshot, ZoneInfo, self.instant())
        self.serves = False
        self._sockets.clear()
        self.handle(ServerStarted("simulated"))
        for one in self.company:
            one.started()
        if self.settings.pair is None:
            self.serve()
        else:
            self.later(self.settings.pair.voice_delay, self.serve)

    def crash(self) -> None:
        """kill -9: what was not committed is gone."""
        self.world.note(f"{self.label} dies with {len(self._under_way) + len(self._waiting)} turns not stored")
        self._end()

    def stop(self) -> None:
        """A planned stop: everything that waits is stored, then the process ends."""
        self.world.note(f"{self.label} is stopped")
        self.handle(ServerStopping())
        self._store([*self._under_way, *self._waiting])
        for one in self.company:
            one.left()
        self._end()

    def stand_still(self, seconds: float) -> None:
        """What happens meanwhile waits in sockets and timers."""
        self.world.note(f"{self.label} stands still for {seconds:.1f} s")
        self.still_until = max(self.still_until, self.world.now + seconds)

    @property
    def awake(self) -> bool:
        return self.up and self.world.now >= self.still_until

    def later(self, delay: float, what: Callable[[], None]) -> None:
        self.world.at(delay, self.bound(what))

    def receive(self, payload: bytes, path: Path) -> None:
        """What devices say waits in the socket until the server serves."""
        if self.up and self.serves:
            self.bound(lambda: self.handle(FrameReceived(payload, path)))()
        elif self.up:
            self._sockets.append((payload, path))

    def serve(self) -> None:
        """What the peer has told is known here, or it was waited for long enough."""
        if self.serves:
            return
        self.serves = True
        for one in self.company:
            one.serves()
        while self._sockets:
            self.receive(*self._sockets.popleft())

    def handle(self, happened: Input, answered: Callable[[], None] | None = None) -> None:
        effects = self.engine.handle(happened, self.instant())
        turn = WaitingTurn(happened, [effect for effect in effects if isinstance(effect, DURABLE)])
        for effect in effects:
            self._perform(turn, effect)
        if not any(isinstance(effect, Refuse) for effect in effects):
            turn.answered = answered
        if turn.durable or turn.sends or turn.answered or any(isinstance(effect, Answer) for effect in effects):
            self._waiting.append(turn)
            self._commit()
        self._arm()

    def bound(self, what: Callable[[], None]) -> Callable[[], None]:
        """To this process: done by no later one, and not while it stands still."""
        life = self.life

        def act() -> None:
            if life != self.life:
                return
            if self.world.now < self.still_until:
                self.world.at(self.still_until - self.world.now, act)
            else:
                what()

        return act

    def _end(self) -> None:
        self.up = False
        self.life += 1
        for one in self.company:
            one.died()

    def _perform(self, turn: WaitingTurn, effect: Effect) -> None:
        if isinstance(effect, SendFrame):
            if effect.promises:
                turn.sends.append(effect)
            else:
                self._deliver(self, effect.path, effect.payload)
        elif isinstance(effect, TellPeer):
            if self.peer is not None:
                self.peer.hears(effect)
        elif isinstance(effect, RecordEvent):
            event = effect.event
            self.world.note(f"{self.label}: {event.kind} of device {event.device_id}: {event.text}")

    def _commit(self) -> None:
        if self._under_way or not self._waiting:
            return
        self._under_way, self._waiting = self._waiting, []
        self.later(self.world.random.uniform(0.0005, MAX_COMMIT), self._committed)

    def _committed(self) -> None:
        batch = self._under_way
        self._store(batch)
        self._under_way = []
        self._commit()

    def _store(self, batch: list[WaitingTurn]) -> None:
        refused = self.store.commit([turn.durable for turn in batch])
        assert refused == [], f"{self.label}: the store refuses {refused}"
        for turn in batch:
            self._stored(turn)

    def _stored(self, turn: WaitingTurn) -> None:
        for one in self.company:
            one.stored(turn)
        if turn.answered is not None:
            turn.answered()
        for send in turn.sends:
            self._promise(turn, send)

    def _promise(self, turn: WaitingTurn, send: SendFrame) -> None:
        if send.doubled is None or self.peer is None:
            self._deliver(self, send.path, send.payload)
            return
        left: list[bytes] = []

        def leave(payload: bytes) -> None:
            if not left:
                left.append(payload)
                self._deliver(self, send.path, payload)

        def leave_doubled(payload: bytes) -> None:
            if not left:
                for one in self.company:
                    one.doubled(turn)
            leave(payload)

        self.peer.when_doubled(partial(leave_doubled, send.doubled))
        self.later(COPY_PATIENCE, partial(leave, send.payload))

    def _arm(self) -> None:
        due = self.engine.next_deadline()
        if due < self._armed:
            self._armed = due
            self.later(max(0.0, due - self.instant().mono) + CLOCK_NOISE, lambda: self._fire(due))

    def _fire(self, due: float) -> None:
        if due == self._armed:  # else an earlier one took its place
            self._armed = math.inf
            self.handle(TimerFired(due))
