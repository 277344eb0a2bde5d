"""The two logs: equal after healing, with one outcome of everything, and quiet then."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import fields
from typing import Any

from alarmd.core.command_lifecycle import FINAL
from alarmd.core.records import Event, Presence
from lfcp.constants import Verb
from tests.simulation.evidence import Evidence
from tests.simulation.plan import BUSY, LABELS
from tests.simulation.promises import promise
from tests.simulation.two_servers import HEALING

STILL = 15.0  # s at the end of a run in which the link says nothing any more
OWN = {"id", "zone_id", "site_id", "device_id"}  # of each server; their names are compared
OWN_OF_ALARMS = {"picture_by", "picture", "pictures", "zone_id", "device_id"}
FEW = 4  # detector commands that one change, or one fault, may lead to


@promise
def the_two_have_the_same_events(run: Evidence) -> Iterable[str]:
    """A signed device's event may have been recorded by either."""
    yield from _same(run, lambda label: {_identity(event): _said(run, label, event) for event in run.events[label]})


def _identity(event: Event) -> Hashable:
    if event.boot_id is not None and event.boot_event is not None:
        return event.boot_id, event.boot_event
    return event.origin, event.sequence


def _said(run: Evidence, label: str, event: Event) -> tuple[Any, ...]:
    """Either may have recorded a device's own event, in the zone that it knew of then."""
    said = event.kind, event.text, run.device_name(label, event.device_id)
    return said if event.boot_event is not None else (*said, run.zone_name(label, event.zone_id))


@promise
def what_a_device_says_once_is_stored_once(run: Evidence) -> Iterable[str]:
    for label in LABELS:
        known = [event for event in run.events[label] if event.boot_event is not None]
        said = [event for event in known if not run.was_forgotten(run.device_name(label, event.device_id) or "")]
        for identity, count in Counter(map(_identity, said)).items():
            if count > 1:
                yield f"{label}: {identity}, {count} times"


@promise
def the_two_have_the_same_alarms(run: Evidence) -> Iterable[str]:
    def content(label: str) -> dict[Hashable, Any]:
        return {
            number: (_content(alarm, OWN_OF_ALARMS), run.device_name(label, alarm.device_id))
            for number, alarm in run.alarms[label].items()
        }

    yield from _same(run, content)


@promise
def the_two_have_the_same_commands(run: Evidence) -> Iterable[str]:
    def content(label: str) -> dict[Hashable, Any]:
        return {
            number: (_content(command, {"device_id"}), run.device_name(label, command.device_id))
            for number, command in run.commands[label].items()
        }

    yield from _same(run, content)


@promise
def the_two_have_the_same_devices(run: Evidence) -> Iterable[str]:
    def content(label: str) -> dict[Hashable, Any]:
        kept = [one for one in run.tables[label]["devices"].values() if one.forgotten_at is None]
        return {one.name: (_content(one, OWN), run.zone_name(label, one.zone_id)) for one in kept}

    yield from _same(run, content)


@promise
def the_two_have_the_same_places_and_keys(run: Evidence) -> Iterable[str]:
    def content(label: str) -> dict[Hashable, Any]:
        tables = run.tables[label]
        sites = {site.id: site.name for site in tables["sites"].values()}
        found: dict[Hashable, Any] = {("site", site.name): site.time_zone for site in tables["sites"].values()}
        for zone in tables["zones"].values():
            found["zone", zone.name] = zone.arming, zone.schedule, sites[zone.site_id]
        for key in sorted(tables["device_keys"].values(), key=lambda key: key.epoch):  # each server retires the older
            found["key", run.device_name(label, key.device_id)] = key.epoch, key.secret
        return found

    yield from _same(run, content)


def _same(run: Evidence, content: Callable[[str], dict[Hashable, Any]]) -> Iterable[str]:
    one, other = (content(label) for label in LABELS)
    for key in [*one, *(key for key in other if key not in one)]:
        if one.get(key) != other.get(key):
            yield f"{key}: {LABELS[0]} has {_differing(one.get(key), other.get(key))}"


def _differing(one: Any, other: Any) -> str:
    if one is None or other is None:
        return f"{one}, {LABELS[1]} {other}"
    if isinstance(one, tuple) and isinstance(one[0], dict):
        apart = {name: (value, other[0][name]) for name, value in one[0].items() if value != other[0][name]}
        return f"{apart or ''} {one[1:]} and {other[1:]}"
    return f"{one}, {LABELS[1]} {other}"


def _content(record: Any, own: set[str]) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record) if field.name not in own}


@promise
def a_command_has_one_outcome(run: Evidence) -> Iterable[str]:
    """In the end; where nothing fails, it never had another one. Who is cut off presumes, until it hears more."""
    for label in LABELS:
        for command in run.commands[label].values():
            if command.state not in FINAL and not run.was_forgotten(run.device_name(label, command.device_id) or ""):
                yield f"{label}: command {command.id} is {command.state}"
    for label, number, outcomes in run.world.history.outcomes():
        forgotten = any(act.what == "forget" for act in run.plan.acts)
        if len(outcomes) > 1 and run.plan.is_calm and not forgotten:
            yield f"{label}: command {number} became {' and '.join(outcomes)}"


@promise
def a_command_is_carried_out_once(run: Evidence) -> Iterable[str]:
    asked = Counter(
        (run.device_name("A", one.device_id)) for one in run.commands["A"].values() if one.verb == Verb.TLGS
    )
    for device in run.world.devices:
        done = sum(verb == Verb.TLGS for verb, _ in device.executed)
        spare = device.boots - 1  # what was running when it lost its memory
        new = not device.signed and run.was_forgotten(device.name)  # neither tells the other that it hears a stranger
        if (device.signed or run.plan.is_calm) and not new and done > asked[device.name] + spare:
            yield f"{device.name} did {done} of {asked[device.name]}"
        unreachable = device.switched_off_at is not None or run.was_forgotten(device.name)
        if run.plan.is_calm and not unreachable and done < asked[device.name]:
            yield f"{device.name} did {done} of {asked[device.name]}"


@promise
def a_number_means_one_thing(run: Evidence) -> Iterable[str]:
    for kind in (run.alarms, run.commands):
        named = defaultdict(set)
        for label in LABELS:
            for number, record in kind[label].items():
                named[number].add(record.identity)
        yield from (f"{number} is {identities}" for number, identities in named.items() if len(identities) > 1)


@promise
def the_link_falls_quiet(run: Evidence) -> Iterable[str]:
    since = BUSY + HEALING - STILL
    for at, where, told in run.world.link.pages:
        if at > since:
            yield f"{len(told)} records to {where} at {at:.2f}: {[type(one.record).__name__ for one in told]}"


@promise
def the_two_do_not_fight(run: Evidence) -> Iterable[str]:
    bound = FEW * (1 + run.world.changes + sum(act.what in STIRRING for act in run.plan.acts))
    for label in LABELS:
        sent = Counter(one.device_id for one in run.commands[label].values() if one.verb in (Verb.ENAL, Verb.DSAL))
        for device_id, count in sent.items():
            if count > bound:
                yield f"{label}: {count} detector commands for {run.device_name(label, device_id)}"


STIRRING = ("switch_off", "crash", "stop", "stall", "cut", "cut_one_way", "reset", "reboot", "move")


@promise
def what_lives_is_what_is_stored(run: Evidence) -> Iterable[str]:
    """A restart would go on where the process is."""
    for label, server in run.world.servers.items():
        state, kept = server.engine.state, server.store.load()
        pairs: dict[str, tuple[set[Any], set[Any]]] = {
            "alarms": ({one.id for one in state.alarms.values()}, {one.id for one in kept.alarms}),
            "commands": (set(state.open_commands), {one.id for one in kept.commands}),
            "devices": ({one.device for one in state.sessions.values()}, set(kept.devices)),
            "zones": (set(state.zones.values()), set(kept.zones)),
            "sites": (set(state.sites.values()), set(kept.sites)),
            "cameras": (set(state.cameras.values()), set(kept.cameras)),
            "keys": (_live_keys(state), {(key.device_id, key.epoch) for key in kept.keys}),
        }
        for what, (live, stored) in pairs.items():
            if live != stored:
                yield f"{label}: {what} {live - stored} live, {stored - live} stored"


def _live_keys(state: Any) -> set[tuple[int, int]]:
    return {(one.device.id, epoch) for one in state.sessions.values() if one.signed for epoch in one.signed.epochs}


@promise
def who_is_gone_is_known_to_be(run: Evidence) -> Iterable[str]:
    for device in run.world.devices:
        if run.was_forgotten(device.name):
            continue
        for label, server in run.world.servers.items():
            session = server.engine.state.sessions.get(device.name)
            unknown = session is not None and session.presence is Presence.NEW and run.lost_its_disk(label)
            gone = session is not None and session.presence in (Presence.LOST, Presence.ELSEWHERE)
            if session is None or (gone is not (device.switched_off_at is not None) and not unknown):
                yield f"{label}: {device.name} is {session and session.presence}"
