"""Devices of the peer, their keys and cameras. What follows from a change here follows as if it was made here; what the
peer did about it comes along in rows of its own."""

from dataclasses import replace

from alarmd.core import admission, cameras, capture, failover, rendezvous, supervision
from alarmd.core.alarms import count_as_adopted
from alarmd.core.device_session import (
    MAX_MUTE,
    MAX_REPORT_WITHIN,
    MIN_REPORT_WITHIN,
    DeviceSession,
    allowed_interval,
)
from alarmd.core.effects import SaveCamera, SaveDevice
from alarmd.core.joins import join_device, merged, newest, version
from alarmd.core.key_requests import add_key
from alarmd.core.losses import reconsider
from alarmd.core.merged_commands import abandon
from alarmd.core.merged_places import check_told_name
from alarmd.core.peer_names import UselessRecordError, forgotten, party_of, session_of, zone_of_device
from alarmd.core.records import Camera, Device, DeviceKey, Presence, Standing, Told
from alarmd.core.signed_session import SignedSession
from alarmd.core.state import MAX_OPERATORS, STRANGERS_SHARE, State
from alarmd.core.turn import Turn
from lfcp import ProtocolError
from lfcp.settings import check_setting

KEY_BYTES = 32


def merge_device(turn: Turn, told: Told, device: Device) -> None:
    """A stranger for whom there is no room is left to the peer."""
    state = turn.state
    _check(device)
    session = state.party(device.name)
    theirs = replace(device, zone_id=zone_of_device(state, told.zone).id)
    if _was_forgotten_since(state, theirs):
        return
    if theirs.forgotten_at is not None:
        _forget(turn, session, theirs)
    elif session is not None:
        result, new = merged(join_device, session.device, replace(theirs, id=session.device.id))
        if result is not None:
            _change(turn, session, replace(result, **turn.made()) if new else result)
    elif _has_room(state, theirs):
        state.last_device += 1
        session = DeviceSession(replace(theirs, id=state.last_device), Presence.NEW, turn.now.mono)
        state.enter(session)
        _mute(turn, session)
        turn.effects.append(SaveDevice(session.device))


def merge_key(turn: Turn, told: Told, key: DeviceKey) -> None:
    """Epochs only grow: one that is known, or older than what is known, says nothing."""
    session = party_of(turn.state, told.device)
    if len(key.secret) != KEY_BYTES or key.epoch < 1:
        raise UselessRecordError(f"key {key.epoch} of {told.device} is no key")
    if session.signed is None:
        session.signed = SignedSession(turn.state.settings.label, turn.now)
    if key.epoch > max(session.signed.epochs, default=0):
        add_key(turn, session, session.signed, replace(key, device_id=session.device.id))
        turn.uncache(session)


def merge_camera(turn: Turn, told: Told, camera: Camera) -> None:
    state, session = turn.state, session_of(turn.state, told.device)
    theirs = replace(camera, device_id=session.device.id)
    unsound = cameras.fault(state, theirs)
    if unsound:
        raise UselessRecordError(f"the camera of {told.device}: {unsound}")
    result, _ = merged(newest, state.cameras.get(session.device.id), theirs)
    if result is not None:
        cameras.enter(state, result)
        turn.effects.append(SaveCamera(result))
        capture.plan(turn, session.device.id)


def _check(device: Device) -> None:
    check_told_name(device.name)
    if not MIN_REPORT_WITHIN <= device.report_within <= MAX_REPORT_WITHIN:
        raise UselessRecordError(f"{device.name} may report within {device.report_within} s")
    try:
        for each in device.settings:
            name, _, value = each.partition("=")
            check_setting(name, value)
    except ProtocolError as error:
        raise UselessRecordError(f"a setting of {device.name}: {error.detail}") from error


def _has_room(state: State, device: Device) -> bool:
    most, sessions = state.settings.max_devices, len(state.sessions)
    if device.standing is Standing.OPERATOR:
        if len(state.operators) >= MAX_OPERATORS:
            raise UselessRecordError(f"{MAX_OPERATORS} operators' machines are known, no room for {device.name}")
        return True
    if device.standing is not Standing.ADOPTED:
        return sessions < most and len(state.strangers) < most // STRANGERS_SHARE
    if sessions >= most:
        raise UselessRecordError(f"{most} devices are known, no room for {device.name}; raise max_devices")
    return True


def _was_forgotten_since(state: State, device: Device) -> bool:
    """Then it is of an earlier device of that name, if there is one again. What the peer changed of that one before it
    heard, by itself most likely, does not bring it back; a new one is seen for the first time after that."""
    forgotten = state.forgotten.get(device.name)
    if forgotten is None or forgotten.forgotten_at is None:
        return False
    if device.forgotten_at is not None:
        return version(forgotten) >= version(device)
    return device.first_seen <= forgotten.forgotten_at


def _forget(turn: Turn, session: DeviceSession | None, device: Device) -> None:
    """A device that came back since stays."""
    assert device.forgotten_at is not None
    if session is not None:
        if session.device.first_seen <= device.forgotten_at:
            before = session.device
            abandon(turn, session)
            admission.take_out(turn, session, replace(device, id=before.id))
            failover.drop_cause(turn, before.zone_id, before.name)
    else:  # history told later may name it
        known = forgotten(turn.state, device.name)
        turn.state.last_device += known is None
        gone = replace(device, id=known.id if known is not None else turn.state.last_device)
        turn.state.remember(turn.state.forgotten, gone.name, gone)
        turn.effects.append(SaveDevice(gone))


def _change(turn: Turn, session: DeviceSession, device: Device) -> None:
    before = session.device
    moved = before.zone_id != device.zone_id
    if (device.standing is Standing.OPERATOR) is not (before.standing is Standing.OPERATOR):
        abandon(turn, session)
        admission.expect_nothing(turn, session)
        session.presence = Presence.NEW
    turn.set_device(session, device)
    if device.standing is not before.standing:
        rendezvous.left(turn, session)
    if moved or (device.standing is Standing.QUARANTINED is not before.standing):
        failover.drop_cause(turn, before.zone_id, before.name)
    _mute(turn, session)
    supervision.excuse(session, allowed_interval(before.report_within))
    supervision.file(turn, session)
    session.heartbeats_unanswered = 0
    if session.signed is not None and before.settings != device.settings:
        session.signed.last_digest = None
    if device.standing is Standing.ADOPTED is not before.standing:
        count_as_adopted(turn.state, session)
        supervision.expect(turn, session)
    if moved or before.standing is not device.standing:
        reconsider(turn, session)


def _mute(turn: Turn, session: DeviceSession) -> None:
    until = session.device.muted_until
    if until is None:
        turn.state.muted.pop(session.device.id, None)
    else:
        turn.state.muted[session.device.id] = min(turn.now.mono_at(until), turn.now.mono + MAX_MUTE)
