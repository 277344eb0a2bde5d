"""Names that nobody has adopted: who gets in, who is supervised, and who makes room."""

from dataclasses import replace
from itertools import islice

from alarmd.core import cameras, rendezvous, supervision
from alarmd.core.alarms import end_incident
from alarmd.core.commands import expire, open_commands
from alarmd.core.device_session import DeviceSession
from alarmd.core.effects import DropKey, SaveDevice
from alarmd.core.event_kinds import EventKind
from alarmd.core.failover import drop_cause
from alarmd.core.loss_causes import count_out
from alarmd.core.losses import forget_loss
from alarmd.core.paths import Path
from alarmd.core.records import Device, Dialect, Presence, Signing, Standing
from alarmd.core.rejections import Rejection
from alarmd.core.settings import UnknownDevices
from alarmd.core.state import STRANGERS_SHARE, UNASSIGNED
from alarmd.core.turn import Turn
from lfcp import Message
from lfcp.constants import VERBS, Verb

INTRODUCTIONS = frozenset({Verb.HEARTBEAT, Verb.MOAL, Verb.LOG, Verb.ERR})
MAX_LOOKED_AT = 100  # sessions that an admission looks at for one to evict


def admit(turn: Turn, message: Message, path: Path) -> DeviceSession | Rejection:
    """A session for a name seen for the first time, or why it gets none."""
    state = turn.state
    if message.verb not in INTRODUCTIONS:
        return Rejection.UNKNOWN_DEVICE if message.verb in VERBS else Rejection.BEACON
    if state.settings.unknown_devices is UnknownDevices.REJECT:
        return Rejection.UNKNOWN_DEVICE
    if state.backlog_full:
        return Rejection.NO_ROOM
    if not state.addresses.take(path.host, turn.now.mono):
        return Rejection.STRANGER_RATE
    full = len(state.strangers) >= state.settings.max_devices // STRANGERS_SHARE
    if (full or len(state.sessions) >= state.settings.max_devices) and not _evict_one(turn):
        return Rejection.TABLE_FULL
    session = introduce(turn, message.name, _standing(turn))
    turn.record(EventKind.DEVICE_NEW, f"first seen at {path}", session)
    return session


def introduce(turn: Turn, name: str, standing: Standing, zone_id: int | None = None) -> DeviceSession:
    """A new device record and its session. zone_id: None for the zone of devices nobody adopted."""
    state = turn.state
    if zone_id is None:
        zone = state.zone_named(UNASSIGNED)
        assert zone is not None
        zone_id = zone.id
    state.last_device = state.after(state.last_device)
    device = Device(
        id=state.last_device,
        name=name,
        zone_id=zone_id,
        standing=standing,
        dialect=Dialect.AUTO,
        report_within=state.settings.report_within,
        arming_answers=False,
        detector_wish=None,
        wanted_detector=None,
        wanted_version=0,
        camera_wish=None,
        settings=(),
        signing=Signing.OPEN,
        muted_until=None,
        first_seen=_first_seen(turn, name),
        forgotten_at=None,
        **turn.made(),
    )
    session = DeviceSession(device, Presence.NEW, turn.now.mono)
    state.enter(session)
    turn.effects.append(SaveDevice(device))
    return session


def _first_seen(turn: Turn, name: str) -> int:
    """After a device of that name was forgotten, also where that happened at the peer, whose clock may be ahead."""
    earlier = turn.state.forgotten.get(name)
    over = 0 if earlier is None or earlier.forgotten_at is None else earlier.forgotten_at + 1
    return max(turn.now.wall, over)


def forget(turn: Turn, session: DeviceSession, kind: EventKind, text: str) -> None:
    """The device leaves every table; its history stays, and its name is free. One that only makes room is stamped 0: it
    may have room at the peer, and whoever decides on it there is right."""
    turn.record(kind, text, session)
    drop_cause(turn, session.device.zone_id, session.device.name)  # it may make one more command
    for command in open_commands(session):
        expire(turn, command.id, "the device was forgotten")
    forgotten = replace(session.device, forgotten_at=turn.now.wall, **turn.made())
    take_out(turn, session, replace(forgotten, hlc=0) if kind is EventKind.DEVICE_EVICTED else forgotten)


def take_out(turn: Turn, session: DeviceSession, forgotten: Device) -> None:
    """Once it has no commands any more. forgotten: the last version of its record."""
    state = turn.state
    turn.uncache(session)
    expect_nothing(turn, session)
    _drop_keys(turn, session)
    state.leave(session)
    turn.effects.append(SaveDevice(forgotten))
    if forgotten.hlc:
        state.remember(state.forgotten, forgotten.name, forgotten)


def expect_nothing(turn: Turn, session: DeviceSession) -> None:
    """It is no device that anybody watches any more: whatever still refers to it expects nothing of it."""
    state = turn.state
    rendezvous.left(turn, session)
    end_incident(turn, session)
    if session.loss_alarm is not None:
        forget_loss(turn, session, session.loss_alarm, f"{session.device.name} was forgotten")
    count_out(state, session)
    state.muted.pop(session.device.id, None)
    cameras.forget(turn, session)
    was_heard, session.presence = session.is_heard, Presence.LOST
    if was_heard:
        supervision.tell_peer(turn, session)


def _drop_keys(turn: Turn, session: DeviceSession) -> None:
    """Of a device that is forgotten. Whatever still refers to it can prove nothing any more."""
    if session.signed is None:
        return
    turn.effects += [DropKey(session.device.id, epoch) for epoch in session.signed.epochs]
    session.signed = None
    if session.path is not None:
        turn.state.connections.pop(session.path, None)


def _evict_one(turn: Turn) -> bool:
    """Make room by forgetting the oldest stranger that is not supervised and has no incident; never an adopted device,
    and never one whose silence would mean something. Those looked at in vain go to the end of the table, so that the
    next admission looks at others."""
    strangers = turn.state.strangers
    for session in list(islice(strangers.values(), MAX_LOOKED_AT)):
        if _evictable(turn, session):
            forget(turn, session, EventKind.DEVICE_EVICTED, "made room for another device nobody adopted")
            return True
        strangers.move_to_end(session.device.id)
    return False


def _evictable(turn: Turn, session: DeviceSession) -> bool:
    """One that the operator put into quarantine would come back out of it, and one that signs without its key."""
    quarantined = session.device.standing is Standing.QUARANTINED and _standing(turn) is not Standing.QUARANTINED
    kept = quarantined or session.device.signing is not Signing.OPEN
    return session.presence is Presence.NEW and session.alarm_incident is None and not kept


def _standing(turn: Turn) -> Standing:
    """Of a name seen for the first time."""
    quarantine = turn.state.settings.unknown_devices is UnknownDevices.QUARANTINE
    return Standing.QUARANTINED if quarantine else Standing.ADMITTED
