"""A device on lfcp.client, towards one server or two."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from alarmd.core.paths import Path
from lfcp import Report
from lfcp.client import ClientSession, CommandReceived, MessageAcknowledged, VolatileMemory
from lfcp.constants import KEY, Verb
from tests.simulation.network import Network
from tests.simulation.server import CLOCK_NOISE
from tests.simulation.world import World

MESSAGES = (Verb.MOAL, Verb.LOG, Verb.ERR)
INTERVAL = 20.0
BOOT_SPREAD = 10.0  # s over which devices are switched on


@dataclass
class SimulatedDevice:
    """servers: what a frame to each of them calls, by label. reports: without a key, whether its heartbeats say how it
    is. switched_off_at: when its power went, None while it is on. acknowledged: texts, by server; said: when."""

    world: World
    network: Network
    name: str
    host: str
    servers: Mapping[str, Callable[[bytes, Path], None]]
    signed: bool = False
    reports: bool = False
    interval: float = INTERVAL
    boot_spread: float = BOOT_SPREAD
    on_acknowledged: Callable[[str, str], None] = lambda _server, _text: None
    acknowledged_by: dict[str, list[str]] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    said: dict[str, tuple[Verb, float]] = field(default_factory=dict)
    executed: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    switched_off_at: float | None = None
    port: int = 4000
    boots: int = 0

    def __post_init__(self) -> None:
        self.key = self.world.random.randbytes(KEY) if self.signed else None
        self._look_at = 0.0
        self.path = Path("udp", self.host, self.port, 1)
        self.memory = VolatileMemory()
        self.acknowledged_by = {label: [] for label in self.servers}
        self.world.at(self.world.random.uniform(0, self.boot_spread), self._wake)
        self.boot()

    @property
    def acknowledged(self) -> list[str]:
        return [text for texts in self.acknowledged_by.values() for text in texts]

    def has(self, server: str, text: str) -> bool:
        """Whether this server acknowledged it."""
        return text in self.acknowledged_by[server]

    def boot(self) -> None:
        """What it had in mind is gone; what it keeps is not."""
        self.boots += 1
        report = Report(boot_id=self.world.random.randbytes(8).hex()) if self.signed or self.reports else None
        if self.reports and report is not None:
            report = report._replace(detector=False, camera=True)
        self.session = ClientSession(
            self.name,
            tuple(self.servers),
            self.interval,
            self.world.random.random,
            report=report,
            key=self.key,
            memory=self.memory,
        )

    def reboot(self) -> None:
        """Messages that no server had are gone with the device's memory: they were never acknowledged."""
        if self.switched_off_at is None:
            self.world.note(f"{self.name} reboots")
            self.sent = [text for text in self.sent if text in self.acknowledged]
            self.boot()
            self._wake()

    def rebind(self) -> None:
        """Its NAT forgets it: what is sent to where it was arrives nowhere any more."""
        self.path = self.path._replace(port=self.path.port + 1)
        self.world.note(f"{self.name} is at {self.path} now")

    def say(self, verb: Verb) -> str | None:
        """The text, if there was room for it."""
        text = f"{self.name}-{len(self.said)}"
        if self.switched_off_at is not None or not self.session.queue(verb, text, self.world.now):
            return None
        self.world.note(f"{self.name} says {verb} {text}")
        self.sent.append(text)
        self.said[text] = verb, self.world.now
        self._wake()
        return text

    def switch_off(self) -> None:
        self.switched_off_at = self.world.now
        self.world.note(f"{self.name} loses power")

    def receive(self, server: str, data: bytes) -> None:
        if self.switched_off_at is not None:
            return
        for event in self.session.receive(server, data, self.world.now):
            if isinstance(event, MessageAcknowledged):
                self.world.note(f"{self.name}: {server} acknowledges {event.text}")
                self.acknowledged_by[server].append(event.text)
                self.on_acknowledged(server, event.text)
            elif isinstance(event, CommandReceived):
                self.world.note(f"{self.name} does {event.verb} of {server}")
                self.executed.append((event.verb, event.params))
                self.session.command_done()
        self._wake()

    def leaves(self, server: str, frame: bytes) -> None:
        """A frame on its way to a server."""
        ambiguous = self.key is None and any(f",{verb},".encode() in frame for verb in MESSAGES)
        deliver = partial(self.servers[server], frame, self.path)
        self.network.transmit(self.name, server, deliver, may_repeat=not ambiguous)

    def _wake(self) -> None:
        if self.switched_off_at is not None:
            return
        for server, frame in self.session.poll(self.world.now):
            self.leaves(server, frame)
        self._expect()

    def _expect(self) -> None:
        due = max(self.world.now + 0.01, self.session.next_wakeup())
        if not self.world.now < self._look_at <= due:  # else it looks soon enough
            self._look_at = due
            self.world.at(due - self.world.now, self._look)

    def _look(self) -> None:
        if self.switched_off_at is None:
            due = self.session.next_wakeup() <= self.world.now + CLOCK_NOISE
            (self._wake if due else self._expect)()
