"""Two servers at which anything happens, together or apart: told everything, both know the same."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from alarmd.core.event_kinds import EventKind
from alarmd.core.records import Arming
from alarmd.core.requests import (
    AlarmAcknowledged,
    AlarmCleared,
    ArmingRequested,
    CommandRequested,
    DeviceChanged,
    DeviceForgotten,
    SiteRequested,
    ZoneRequested,
)
from tests.pair_playbook import PairedPlaybook, PairPlaybook
from tests.playbook import frame, heartbeat

SEEDS = 25
STEPS = 60
CAMERAS = ("cam1", "cam2", "cam3")
LONG = 4000.0  # s, in which every incident ends and every command expires


def known(play: PairedPlaybook) -> dict[str, Any]:
    """What its store has, by names, without what is each server's own."""
    kept = {name: list(table.kept.values()) for name, table in play.store.tables.by_name.items()}
    sites = {site.id: site.name for site in kept["sites"]}
    zones = {zone.id: zone.name for zone in kept["zones"]}
    devices = {device.id: device.name for device in kept["devices"]}
    own = {"origin": "", "hlc": 0}
    return {
        "sites": {site.name: site.time_zone for site in kept["sites"]},
        "zones": {zone.name: (sites[zone.site_id], zone.arming, zone.schedule) for zone in kept["zones"]},
        "devices": {
            device.name: (zones[device.zone_id], replace(device, id=0, zone_id=0, **own))
            for device in kept["devices"]
            if device.forgotten_at is None
        },
        "alarms": {alarm.identity: replace(alarm, device_id=0, zone_id=0, **own) for alarm in kept["alarms"]},
        "commands": {command.identity: replace(command, device_id=0, **own) for command in kept["commands"]},
        "events": {
            (one.origin, one.sequence): (one.kind, one.text, devices.get(one.device_id)) for one in kept["events"]
        },
    }


class Happenings:
    """One random thing after another."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.pair = PairPlaybook()
        self.met = False

    def run(self) -> PairPlaybook:
        self.pair.a.adopt("cam1", "cam2")
        things = [getattr(self, name) for name in THINGS]
        for _ in range(STEPS):
            self.dice.choice(things)(self.dice.choice([self.pair.a, self.pair.b]), self.dice.choice(CAMERAS))
        self.pair.meet()
        for _ in range(2):
            self.pair.later(LONG).exchange()
        return self.pair

    def motion(self, one: PairedPlaybook, camera: str) -> None:
        one << frame(f"{camera},MOAL,gate,0,0,0,0,0")

    def heartbeat(self, one: PairedPlaybook, camera: str) -> None:
        one << heartbeat(camera)

    def acknowledgement(self, one: PairedPlaybook, camera: str) -> None:
        one << frame(f"{camera},ACK,0,0,0,0,0,0")

    def acknowledge(self, one: PairedPlaybook, _camera: str) -> None:
        self._deal_with(one, AlarmAcknowledged)

    def clear(self, one: PairedPlaybook, _camera: str) -> None:
        self._deal_with(one, AlarmCleared)

    def command(self, one: PairedPlaybook, camera: str) -> None:
        one << CommandRequested("op", camera, self.dice.choice(["TLGS", "ENAL", "DSAL"]))

    def arm(self, one: PairedPlaybook, _camera: str) -> None:
        one << ArmingRequested("op", "home", self.dice.choice([Arming.ARMED, Arming.DISARMED]))

    def move(self, one: PairedPlaybook, camera: str) -> None:
        zone, site = self.dice.choice("vw"), self.dice.choice("xy")
        one << SiteRequested("op", site, "UTC") << ZoneRequested("op", zone, site)
        one << DeviceChanged("op", camera, zone=self.dice.choice([zone, "home"]))

    def change(self, one: PairedPlaybook, camera: str) -> None:
        within, quarantined = self.dice.choice([60.0, 120.0]), self.dice.choice([None, True, False])
        one << DeviceChanged("op", camera, report_within=within, quarantined=quarantined)

    def adopt(self, one: PairedPlaybook, camera: str) -> None:
        one.adopt(camera)

    def forget(self, one: PairedPlaybook, camera: str) -> None:
        if self.dice.random() < 0.4:
            one << DeviceForgotten("op", camera)

    def later(self, _one: PairedPlaybook, _camera: str) -> None:
        self.pair.later(self.dice.choice([1.0, 10.0, 70.0, 200.0]))

    def tell(self, one: PairedPlaybook, _camera: str) -> None:
        if self.met:
            self.pair.carry(one, self.pair.b if one is self.pair.a else self.pair.a)

    def exchange(self, _one: PairedPlaybook, _camera: str) -> None:
        if self.met:
            self.pair.exchange()
        else:
            self.pair.meet()
        self.met = True

    def part(self, _one: PairedPlaybook, _camera: str) -> None:
        if self.met and self.dice.random() < 0.5:
            self.pair.part()
            self.met = False

    def _deal_with(self, one: PairedPlaybook, how: Callable[[str, int], Any]) -> None:
        if one.engine.state.alarms:
            one << how("op", self.dice.choice(list(one.engine.state.alarms)))


THINGS = [name for name, thing in vars(Happenings).items() if callable(thing) and name != "run" and name[0] != "_"]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_happens_both_know_the_same_in_the_end(seed: int) -> None:
    pair = Happenings(seed).run()
    assert known(pair.a) == known(pair.b)
    assert pair.a.count(EventKind.PEER_REFUSED) == pair.b.count(EventKind.PEER_REFUSED) == 0


def test_to_be_told_everything_again_changes_nothing() -> None:
    happened = Happenings(SEEDS)
    told: list[Any] = []
    carry = happened.pair.carry

    def remembered(giver: PairedPlaybook, taker: PairedPlaybook) -> bool:
        told.extend((taker, each) for each in giver.outbox)
        return carry(giver, taker)

    happened.pair.carry = remembered  # type: ignore[method-assign]
    pair = happened.run()
    before = known(pair.a), known(pair.b)
    for taker, each in told:
        taker.outbox.append(each)
    pair.a.outbox, pair.b.outbox = pair.b.outbox, pair.a.outbox
    happened.pair.carry = carry  # type: ignore[method-assign]
    pair.exchange()
    assert (known(pair.a), known(pair.b)) == before
