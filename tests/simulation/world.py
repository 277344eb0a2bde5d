"""The world: a clock, a network that delays, drops, duplicates and reorders, and whoever lives in it.

The rules, the store's contract and the devices' side are the real ones; the network and the clock are simulated.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random

from alarmd.core.instant import SECOND, Instant
from alarmd.core.paths import Path
from lfcp import Report
from lfcp.client import ClientSession, CommandReceived, MessageAcknowledged, VolatileMemory
from lfcp.constants import KEY, Verb
from tests.simulation.server import SimulatedServer

MESSAGES = (Verb.MOAL, Verb.LOG, Verb.ERR)
START = 1_795_262_400.0  # 2026-11-21 12:00 UTC
SERVER = "A"
INTERVAL = 20.0
CLOCK_NOISE = 1e-6  # s: sums of times are rounded
REPLAY_DELAY = 60.0  # s, on average
ATTACKER = Path("udp", "203.0.113.66", 6666, 1)
UPLOAD_AGAIN = 5.0  # s after which a picture that nobody acknowledged is sent once more
BOOT_SPREAD = 10.0  # s over which devices are switched on


@dataclass(frozen=True)
class Weather:
    """loss, duplication, replays: parts of the datagrams; replayed are those to the server, later and from elsewhere.
    delay: s, at most. crashes: of the server, and reboots: of each device with a key, a run."""

    loss: float = 0.0
    duplication: float = 0.0
    delay: float = 0.05
    crashes: int = 0
    replays: float = 0.0
    reboots: int = 0


class World:
    """run(seconds) lets it live; `trace` says what happened, in order."""

    def __init__(self, seed: int, devices: int, weather: Weather, signed: bool = False) -> None:
        self.random = Random(seed)
        self.weather = weather
        self.signed = signed
        self.now = 0.0
        self.trace: list[str] = []
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self.server = SimulatedServer(self)
        self.devices = [SimulatedDevice(self, f"cam{number}", f"192.0.2.{number + 1}") for number in range(devices)]

    def instant(self) -> Instant:
        return Instant(round((START + self.now) * SECOND), 1000.0 + self.now)

    def at(self, delay: float, what: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._agenda, (self.now + delay, self._count, what))

    def transmit(self, deliver: Callable[[], None], may_repeat: bool) -> None:
        """One datagram on its way. An ACK of LFCP/1 names nothing, so where the network itself duplicates a message or
        its ACK, the second ACK is taken for the next message's (docs/protocol.md says so): those are not duplicated."""
        if self.random.random() < self.weather.loss:
            return
        copies = 2 if may_repeat and self.random.random() < self.weather.duplication else 1
        for _ in range(copies):
            self.at(self.random.uniform(0.001, self.weather.delay), deliver)

    def replay(self, frame: bytes) -> None:
        """Somebody on the path recorded it and plays it from his own address, soon or much later."""
        while self.random.random() < self.weather.replays:
            self.at(self.random.expovariate(1 / REPLAY_DELAY), partial(self.server.receive, frame, ATTACKER))

    def note(self, text: str) -> None:
        self.trace.append(f"{self.now:10.3f} {text}")

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self._agenda and self._agenda[0][0] <= end:
            self.now, _, what = heapq.heappop(self._agenda)
            what()
        self.now = end


@dataclass
class SimulatedDevice:
    """A device on lfcp.client. switched_off_at: when its power went, None while it is on."""

    world: World
    name: str
    host: str
    acknowledged: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    executed: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)  # that were taken, by the ids of their uploads
    kept: list[str] = field(default_factory=list)  # those of them that the server acknowledged
    switched_off_at: float | None = None
    port: int = 4000
    key: bytes | None = None
    boots: int = 0

    def __post_init__(self) -> None:
        if self.world.signed:
            self.key = self.world.random.randbytes(KEY)
        self.memory = VolatileMemory()
        self.world.at(self.world.random.uniform(0, BOOT_SPREAD), self._wake)
        self.boot()

    def boot(self) -> None:
        """What it had in mind is gone; what it keeps is not."""
        self.boots += 1
        report = Report(boot_id=self.world.random.randbytes(8).hex()) if self.key else None
        self.session = ClientSession(
            self.name, (SERVER,), INTERVAL, self.world.random.random, report=report, key=self.key, memory=self.memory
        )

    def reboot(self) -> None:
        """Messages that no server had are gone with the device's memory: they were never acknowledged."""
        if self.switched_off_at is None:
            self.world.note(f"{self.name} reboots")
            self.sent = [text for text in self.sent if text in self.acknowledged]
            self.pictures = list(self.kept)
            self.boot()
            self._wake()

    def say(self, verb: Verb) -> None:
        text = f"{self.name}-{len(self.sent)}"
        if self.switched_off_at is None and self.session.queue(verb, text, self.world.now):
            self.sent.append(text)
            self._wake()
            if verb == Verb.MOAL:
                self.pictures.append(f"{self.name}.{self.boots}.{len(self.sent)}")
                self._upload(self.pictures[-1])

    def uploaded(self, upload: str) -> None:
        if self.switched_off_at is None and upload in self.pictures and upload not in self.kept:
            self.kept.append(upload)

    def _upload(self, upload: str) -> None:
        """One at a time, the oldest first, until it is acknowledged."""
        if self.switched_off_at is not None or upload not in self.pictures or upload in self.kept:
            return
        if upload == next(one for one in self.pictures if one not in self.kept):
            self.world.transmit(partial(self.world.server.take, self.name, upload), may_repeat=False)
        self.world.at(UPLOAD_AGAIN, partial(self._upload, upload))

    def switch_off(self) -> None:
        self.switched_off_at = self.world.now
        self.world.note(f"{self.name} loses power")

    def receive(self, data: bytes) -> None:
        if self.switched_off_at is not None:
            return
        for event in self.session.receive(SERVER, data, self.world.now):
            if isinstance(event, MessageAcknowledged):
                self.acknowledged.append(event.text)
            elif isinstance(event, CommandReceived):
                self.executed.append(event.verb)
                self.session.command_done()
        self._wake()

    def _wake(self) -> None:
        if self.switched_off_at is not None:
            return
        path = Path("udp", self.host, self.port, 1)
        for _server, frame in self.session.poll(self.world.now):
            ambiguous = self.key is None and any(f",{verb},".encode() in frame for verb in MESSAGES)
            self.world.transmit(partial(self.world.server.receive, frame, path), may_repeat=not ambiguous)
            self.world.replay(frame)
        self.world.at(max(0.01, self.session.next_wakeup() - self.world.now), self._look)

    def _look(self) -> None:
        if self.session.next_wakeup() <= self.world.now + CLOCK_NOISE:
            self._wake()
