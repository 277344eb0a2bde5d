"""Plays the rules of several members of a cluster on one store in memory: what happens to a device takes it first.

It does at once what claims and notifications do; that they do it in any order is for the tests with real servers.
"""

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from alarmd.core.effects import DURABLE, HandOver, SaveCause, SaveContacts
from alarmd.core.engine import Engine
from alarmd.core.inputs import (
    DevicesReleased,
    DevicesTaken,
    FrameReceived,
    Input,
    JudgeChosen,
    LinesSeen,
    PlacesTold,
    ServerStarted,
    TimerFired,
)
from alarmd.core.instant import SECOND, Instant
from alarmd.core.judging import asked_lines
from alarmd.core.paths import Path
from alarmd.core.records import Alarm, Cause, Contact, Presence
from alarmd.core.signed_session import RESTART_LEAD, UNITS, Beginnings
from alarmd.core.snapshot import Snapshot
from alarmd.storage.memory_store import MemoryStore
from tests.playbook import Playbook


class Member(Playbook):
    """One of them. Its clock is its cluster's."""

    def __init__(self, cluster: "ClusterPlaybook", slot: int) -> None:
        again = Playbook(start=False, **cluster.settings, member=slot)
        self.__dict__.update(again.__dict__)
        self._cluster = cluster
        self.store = cluster.store
        found = cluster.store.load()
        counts = {name: getattr(found, name) for name in Snapshot.__slots__ if name.startswith("last_")}
        places = Snapshot(sites=found.sites, zones=found.zones, **counts)
        self.now = cluster.now
        self.engine = Engine(self.settings, places, ZoneInfo, self.now)
        self << ServerStarted("test")

    def __lshift__(self, happened: Input) -> "Member":
        if isinstance(happened, FrameReceived):
            self._cluster.bring(happened.payload.partition(b",")[0].decode("latin-1"), self)
        self.effects = self.engine.handle(happened, self.now)
        self.history += self.effects
        durable = [e for e in self.effects if isinstance(e, DURABLE) and not isinstance(e, SaveCause)]
        assert self.store.commit([durable]) == []
        self._cluster.follow(self)
        return self

    def has(self, name: str) -> bool:
        return self.engine.state.party(name) is not None


class ClusterPlaybook:
    """members[0] judges silence."""

    def __init__(self, members: int = 2, **settings: Any) -> None:
        self.settings = settings
        self.store = MemoryStore("A")
        self.now = Playbook(start=False).now
        self.causes: dict[tuple[int, str], Cause] = {}
        self._began: dict[int, Beginnings] = {}
        self.members: list[Member] = []
        for slot in range(members):
            self.members.append(Member(self, slot))
        self.members[0] << JudgeChosen(judges=True)

    def bring(self, name: str, to: Member) -> None:
        """What a claim does."""
        known = [device.id for device in self.store.load().devices if device.name == name]
        if known and not to.has(name):
            self._move(known[0], to)

    def follow(self, member: Member) -> None:
        """What notifications do."""
        for effect in member.effects:
            if isinstance(effect, HandOver):
                for device_id in effect.devices:
                    self._move(device_id, self.members[0])
        changes = [effect for effect in member.effects if isinstance(effect, SaveCause)]
        for change in changes:
            key = change.cause.zone_id, change.cause.cause
            self.causes.pop(key, None)
            if not change.over:
                self.causes[key] = change.cause
        if changes:
            found = self.store.load()
            for other in self.members:
                other << PlacesTold(found.sites, found.zones, tuple(self.causes.values()))

    def die(self, member: Member) -> None:
        """kill -9; the first of the others takes what it had, and judges."""
        devices = list(member.engine.state.by_id)
        self.members.remove(member)
        heir = self.members[0]
        if not heir.engine.state.judges:
            shared = tuple(alarm for alarm in self.store.load().alarms if alarm.device_id is None)
            heir << JudgeChosen(judges=True, alarms=shared)
        for device_id in devices:
            self._move(device_id, heir, unheard=True)

    def later(self, seconds: float) -> "ClusterPlaybook":
        """Every member's timer fires when it is due; the judge looks at the lines every second."""
        end = self.now.mono + seconds
        while self.now.mono < end:
            self._at(min(end, self.now.mono + 1.0))
            for member in self.members:
                while (due := member.engine.next_deadline()) <= self.now.mono:
                    member << TimerFired(due)
            self._look()
        return self

    def alarms(self) -> list[Alarm]:
        return list(self.store.load().alarms)

    def _look(self) -> None:
        judge = self.members[0]
        _, away = asked_lines(judge.engine.state)
        found = self.store.load()
        online = [contact for contact in found.contacts if contact.presence is Presence.ONLINE]
        paths = [Path.parse(contact.address) for contact in online]
        lost = {contact.device_id for contact in found.contacts if contact.presence is Presence.LOST}
        judge << LinesSeen(frozenset(path.host for path in paths if path), bool(online), tuple(away - lost))

    def _move(self, device_id: int, to: Member, *, unheard: bool = False) -> None:
        for member in self.members:
            if member is not to and device_id in member.engine.state.by_id:
                member << DevicesReleased((device_id,))
        part = _part(self.store.load(), device_id)
        counters = {device_id: self._lift(part)} if part.keys else {}
        to << DevicesTaken(part, {device_id: self.now.wall} if unheard else {}, counters)

    def _lift(self, part: Snapshot) -> Beginnings:
        """Counters of a device with a key begin anew, and where is stored."""
        (contact,) = part.contacts or (Contact(part.devices[0].id, Presence.NEW, self.now.wall, "", None),)
        down = max(self.now.wall * UNITS // SECOND, contact.counter_down + RESTART_LEAD)
        assert self.store.commit([[SaveContacts((replace(contact, counter_down=down),))]]) == []
        before = self._began.get(contact.device_id, ())
        self._began[contact.device_id] = (*before, (down, self.now.wall))
        return before

    def _at(self, mono: float) -> None:
        self.now = Instant(self.now.wall_at(mono), mono)
        for member in self.members:
            member.now = self.now


def _part(found: Snapshot, device_id: int) -> Snapshot:
    def own(records: Any) -> Any:
        return tuple(one for one in records if getattr(one, "device_id", None) == device_id)

    return Snapshot(
        sites=found.sites,
        zones=found.zones,
        devices=tuple(device for device in found.devices if device.id == device_id),
        contacts=own(found.contacts),
        keys=own(found.keys),
        alarms=own(found.alarms),
        commands=own(found.commands),
        cameras=own(found.cameras),
        pictures=own(found.pictures),
    )
