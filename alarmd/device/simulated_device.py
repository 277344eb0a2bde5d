"""One camera that does not exist: heartbeats, motion, commands, restarts, silence. No I/O, no clock of its own."""

import math
import random
import secrets
from dataclasses import dataclass, field

from alarmd.device.drawn_pictures import drawn
from alarmd.device.tally import Tally
from lfcp import Report, Trigger, Verb
from lfcp.client import (
    ClientEvent,
    ClientSession,
    CommandReceived,
    HeartbeatAcknowledged,
    Kept,
    MessageAcknowledged,
    PictureAcknowledged,
    VolatileMemory,
)
from lfcp.constants import UPLOAD_STORED

START_WITHIN = 10.0  # s in which a fleet wakes up
AWAY = {Verb.RST: 3, Verb.DSLP: 30}  # s
PLACES = ("gate", "garden", "cellar", "stairs", "roof")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """interval: s between heartbeats. motion_every, restart_every: mean s between two, of one device; inf: never.
    silent_after: s from the start after which the device is heard no more; inf: never. pictures: it has a camera that
    uploads them."""

    interval: float = 20.0
    motion_every: float = math.inf
    restart_every: float = math.inf
    silent_after: float = math.inf
    pictures: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """name: the device's. server: the server's label. key: None for LFCP/1. counter: those up to here were used."""

    name: str
    server: str = "A"
    key: bytes | None = field(default=None, repr=False)
    counter: int = 0


class SimulatedDevice:
    """Times are monotonic seconds; start: when the fleet starts. Boot ids alone do not come from the dice: one that
    comes again would be a replay."""

    def __init__(
        self, identity: Identity, behaviour: Behaviour, start: float, dice: random.Random, tally: Tally
    ) -> None:
        self.name = identity.name
        self._identity = identity
        self._memory = VolatileMemory(Kept(identity.counter))
        self._behaviour = behaviour
        self._dice = dice
        self._tally = tally
        self._silent_at = start + behaviour.silent_after
        self._motion_at = math.inf
        self._restart_at = math.inf
        self._heartbeat_at = math.nan
        self._going: Verb | None = None  # RST or DSLP, once it was acknowledged
        self._untold = 0
        self._drawn = 0
        self.live_until = -math.inf
        self._up_at = start + dice.uniform(0, min(behaviour.interval, START_WITHIN))
        self._up = False
        self._session = self._new_session()

    def poll(self, now: float) -> list[bytes]:
        """What it sends now."""
        if now < self._up_at or now >= self._silent_at:
            return []
        if not self._up:
            self._start(now)
        if now >= self._restart_at:
            self._going = Verb.RST
            self._go_down(now)
            return []
        if now >= self._motion_at:
            self._move(now)
        frames = [frame for _, frame in self._session.poll(now)]
        self._watch_heartbeats(frames, now)
        if self._may_go():
            self._go_down(now)
        return frames

    def receive(self, datagram: bytes, now: float) -> None:
        if not self._up or now >= self._silent_at:
            return
        rejected = self._session.rejected
        for event in self._session.receive(self._identity.server, datagram, now):
            self._take(event, now)
        self._tally.rejected += self._session.rejected - rejected

    def next_wakeup(self) -> float:
        """When poll() has something to do next; in the past: now."""
        up = min(self._session.next_wakeup(), self._motion_at, self._restart_at)
        due = -math.inf if self._may_go() else up if self._up else self._up_at
        return due if due < self._silent_at else math.inf

    @property
    def session(self) -> ClientSession:
        """A new one after each restart."""
        return self._session

    async def take_picture(self) -> bytes:
        self._drawn += 1
        return drawn(self.name, self._drawn)

    def heard(self, event: ClientEvent) -> None:
        """On the connection that its pictures go over, where nothing else is said."""
        if isinstance(event, PictureAcknowledged):
            self._tally.pictures += event.result == UPLOAD_STORED

    def quieten(self) -> None:
        """No more motion and no more restarts: the simulation ends."""
        self._behaviour = Behaviour(self._behaviour.interval)
        self._motion_at = self._restart_at = math.inf

    def silent(self, now: float) -> bool:
        return now >= self._silent_at

    def untold(self, now: float) -> int:
        """Alarms that it still tries to tell."""
        return 0 if self.silent(now) else self._untold

    def _new_session(self) -> ClientSession:
        key = self._identity.key
        pictures = self._behaviour.pictures
        report = Report(boot_id=secrets.token_hex(8), detector=True, camera=True, pictures=pictures, live=pictures)
        return ClientSession(
            self.name,
            (self._identity.server,),
            self._behaviour.interval,
            self._dice.random,
            report=report._replace(settings=key is not None),
            key=key,
            memory=self._memory,
        )

    def _start(self, now: float) -> None:
        self._up = True
        self._motion_at = now + self._after(self._behaviour.motion_every)
        self._restart_at = now + self._after(self._behaviour.restart_every)

    def _may_go(self) -> bool:
        """It was told to, and has said what comes before: the ACK, and of a sleep that it sleeps."""
        return self._going is Verb.RST or (self._going is Verb.DSLP and self._session.may_sleep)

    def _go_down(self, now: float) -> None:
        """What it had not told yet is lost, as with a real restart."""
        assert self._going is not None
        self._tally.restarts += 1
        self._up, self._up_at = False, now + AWAY[self._going]
        self._going = None
        self._untold = 0
        self.live_until = -math.inf
        self._session = self._new_session()

    def _move(self, now: float) -> None:
        self._motion_at = now + self._after(self._behaviour.motion_every)
        report = self._session.report
        if report is not None and not report.detector:
            return
        if self._session.queue(Verb.MOAL, self._dice.choice(PLACES), now):
            self._tally.alarms += 1
            self._untold += 1
            self._offer(Trigger.ALARM)
        else:
            self._tally.refused += 1

    def _offer(self, trigger: Trigger, upload: str | None = None) -> bool:
        """One for the one server. False: too many wait."""
        if not self._behaviour.pictures:
            return False
        self._drawn += 1
        return self._session.offer(drawn(self.name, self._drawn), trigger, upload)

    def _after(self, mean: float) -> float:
        return math.inf if mean == math.inf else self._dice.expovariate(1 / mean)

    def _watch_heartbeats(self, frames: list[bytes], now: float) -> None:
        if any(frame.startswith(f"{self.name},{Verb.HEARTBEAT},".encode()) for frame in frames):
            self._tally.heartbeats += 1
            self._heartbeat_at = now

    def _take(self, event: ClientEvent, now: float) -> None:
        if isinstance(event, MessageAcknowledged):
            if event.verb == Verb.MOAL:
                self._tally.stored += 1
                self._untold -= 1
            return
        if isinstance(event, PictureAcknowledged):
            self.heard(event)
            return
        if not math.isnan(self._heartbeat_at):
            self._tally.answered_after(now - self._heartbeat_at)
            self._heartbeat_at = math.nan
        if isinstance(event, CommandReceived):
            self._obey(event, now)
        else:
            assert isinstance(event, HeartbeatAcknowledged)

    def _obey(self, command: CommandReceived, now: float) -> None:
        self._tally.commands[command.verb] += 1
        verb = Verb(command.verb)
        if verb is Verb.SNAP and not self._offer(Trigger.COMMAND, command.params[0]):
            self._session.command_failed("too many pictures wait to be uploaded", now)
            return
        self._session.command_done()
        if verb is Verb.TLGS:
            self._session.queue(Verb.LOG, "a picture would be sent now", now)
        elif verb is Verb.LIVE:
            self.live_until = now + int(command.params[0])
        elif verb in AWAY:
            self._going = verb
        if verb is Verb.DSLP:
            self._session.declare_sleep(AWAY[verb])
