"""What a device with a key has beside its session: keys, counters, and what it has proved in this run of the server.

Times are seconds of the rules' own clock. docs/protocol.md, "Counters", "Life".
"""

from collections.abc import Mapping
from typing import NamedTuple

from alarmd.core.boots import Boots
from alarmd.core.instant import SECOND, Instant
from alarmd.core.late_answers import Outstanding
from alarmd.core.paths import Doubt, Path
from alarmd.core.rate_limits import TokenBucket
from alarmd.core.signed_keys import SubKeys
from lfcp import SequenceWindow
from lfcp.authenticator import verified

UNITS = 1 << 20  # of a down counter, in a second
RESTART_LEAD = 300 * UNITS  # above the counter that was stored last: it is not written with every frame
STORE_EVERY = RESTART_LEAD // 2  # the other half is for commits that take their time
MAX_COUNTER = (1 << 63) - 1  # that is accepted: more is beyond what databases count
MAX_LIFT = 1 << 62  # to which one side lifts the other: a stolen key must not use up the counters of the next one
MAX_CHALLENGED = 4  # paths
MAX_CHALLENGES = 16  # counters of each that are remembered
LONGEST_ROUND_TRIP = 3.0  # s; what takes longer to come back waited at the device
SMOOTHING = 8  # a longer round trip counts as one part in this many (RFC 6298 §2)


Beginnings = tuple[tuple[int, int], ...]  # a counter, and the wall µs at which it was the newest; in order

NOWHERE: Mapping[Path, tuple[int, ...]] = {}
NEVER: Mapping[str, float] = {}


class Usual(NamedTuple):
    """A heartbeat at the proven path that left nothing to decide. The next one that says the same is answered the same.

    What anything else decides about the device ends it: Turn.uncache."""

    interval: str
    boot_id: str
    state: str
    answer: str  # from the result to the comma before the counter


class SignedSession:
    __slots__ = (
        "_base",  # the down counter that belongs to the start of the rules' clock
        "_before",  # where the counters of other members of the cluster began, and when on the rules' clock
        "_floor",  # down counters up to here are none of this run
        "_label",
        "active",  # epoch of the key that the device used last
        "boots",
        "bucket",  # of signed messages; made when the first one comes
        "challenged",  # paths that are not proven, with the counters sent there: their echo would be the proof
        "copies",  # where the newest heartbeat or SLEP came from
        "doubt",  # another address was proven too: for a moment it may be at either
        "down",  # the last counter sent
        "keeps",  # answers to KEEP that wait
        "keys",  # by epoch, the newest last
        "last_digest",  # of the device's settings when they were last sent; None: they may be sent
        "proven",  # the session's path was proved in this run
        "rebooted",  # not yet answered by sending what is wanted
        "round_trip",  # s, to its path and back; None: not known
        "stored",  # the down counter as it was last written
        "synced",  # the last SYNC: for which boot, where to and when
        "tamper_alarm",  # id of the open one
        "told",  # when events that a stranger can provoke were last recorded, by kind
        "up",
        "usual",  # the last heartbeat, if the next one may be answered alike
    )

    def __init__(self, label: str, now: Instant, up: int = 0, down: int = 0, boots: str = "") -> None:
        """now: its mono on the rules' clock. up, down, boots: as stored."""
        start = max(now.wall * UNITS // SECOND, down + RESTART_LEAD if down else 0)
        self._label = label
        self._before: tuple[tuple[int, float], ...] = ()
        self._base = start - int(now.mono * UNITS)
        self._floor = self.down = start
        self.stored = down
        self.keys: tuple[SubKeys, ...] = ()
        self.active = 0
        self.up = SequenceWindow(up)
        self.boots = Boots(boots)
        self.bucket: TokenBucket | None = None
        self.challenged = NOWHERE
        self.copies: tuple[Path, ...] = ()
        self.doubt: Doubt | None = None
        self.keeps: Outstanding | None = None
        self.proven = False
        self.round_trip: float | None = None
        self.rebooted = False
        self.tamper_alarm: int | None = None
        self.last_digest: str | None = None
        self.synced: tuple[str, Path, float] | None = None
        self.told = NEVER
        self.usual: Usual | None = None

    def __repr__(self) -> str:
        return f"SignedSession(epochs={self.epochs})"

    @property
    def epochs(self) -> tuple[int, ...]:
        return tuple(key.epoch for key in self.keys)

    def add_key(self, epoch: int, key: bytes) -> None:
        """In order of epochs. The first one is the active one until the device uses another."""
        self.keys = (*self.keys, SubKeys(epoch, key, self._label))
        self.active = self.active or epoch

    def drop_key(self, epoch: int) -> None:
        self.keys = tuple(key for key in self.keys if key.epoch != epoch)

    def use_key(self, epoch: int) -> None:
        """The device uses this one from now on. Nothing that it signs was recorded before, so its counters begin anew:
        whoever stole the key before may have used them all up."""
        self.active = epoch
        self.up = SequenceWindow()
        self.keeps = None

    def sub_keys(self, epoch: int) -> SubKeys:
        return next(key for key in self.keys if key.epoch == epoch)

    def key_that_signed(self, content: bytes) -> int | None:
        """The epoch whose tag the frame carries; that of the key used last is looked at first."""
        keys = self.keys
        if len(keys) > 1:
            keys = tuple(sorted(keys, key=lambda key: key.epoch != self.active))
        for key in keys:
            if verified(key.tag_up, content):
                return key.epoch
        return None

    def next_counter(self, mono: float, path: Path) -> int:
        """For one frame to the device, sent to this path."""
        self.down = max(self.down + 1, self._base + int(mono * UNITS))
        if path in self.challenged:
            sent = (*self.challenged[path], self.down)
            self.challenged = {**self.challenged, path: sent[-MAX_CHALLENGES:]}
        return self.down

    def challenge(self, path: Path, last: Path | None) -> None:
        """From now on an echo of what is sent there proves the path. The one that waited longest gives way, but never
        that of the address where the device was last seen: many faster copies must not keep it from its proof."""
        challenged = {one: sent for one, sent in self.challenged.items() if one != path}
        challenged[path] = self.challenged.get(path, ())
        if len(challenged) > MAX_CHALLENGED:
            others = [one for one in challenged if last is None or not one.same_peer(last)]
            del challenged[(others or [path])[0]]
        self.challenged = challenged

    def wants_copy(self, path: Path, last: Path | None) -> bool:
        """Whether a further copy of the newest heartbeat is answered: once at each address, at few, and always at the
        one where the device was last seen."""
        room = len(self.copies) <= MAX_CHALLENGED or (last is not None and path.same_peer(last))
        return room and path not in self.copies

    def age_of(self, echo: int, mono: float) -> float | None:
        """Seconds since the counter was sent; None: not by this run of the server, nor lately by one that shares its
        work."""
        if self._floor < echo <= self.down:
            return (self._base + int(mono * UNITS) - echo) / UNITS
        began = [(counter, at) for counter, at in self._before if counter < echo <= self._floor]
        return max(0.0, mono - began[-1][1] - (echo - began[-1][0]) / UNITS) if began else None

    def note_round_trip(self, answered: int, mono: float) -> None:
        """A frame of ours came back. A shorter one counts at once: what is longer also waited at the device."""
        age = self.age_of(answered, mono)
        if age is None or age > LONGEST_ROUND_TRIP:
            return
        seconds = max(0.0, age)  # counters of one moment run ahead of it
        known = seconds if self.round_trip is None else self.round_trip
        self.round_trip = min(seconds, known + (seconds - known) / SMOOTHING)

    def follow(self, before: Beginnings, now: Instant) -> None:
        """It goes on where other members of a cluster were: their frames are answered here."""
        self._before = tuple((counter, now.mono_at(at)) for counter, at in before)

    def lift(self, echo: int) -> None:
        """The device has a higher counter of ours than we know: an older state of ours was restored."""
        self._base += echo - self.down
        self._floor = self.down = echo
