"""What the peer told, merged: each record by its own rule, see joins.py. To merge one twice changes nothing.

Nothing here queues a message or records an event of its own: the peer did that, and its rows come along.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from alarmd.core import absorption, numbering, standby
from alarmd.core.device_session import DeviceSession
from alarmd.core.effects import Answer, CopyDelivery, CopyEvent, SaveMark
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import DeliverySettled, PeerTold
from alarmd.core.merged_alarms import merge_alarm
from alarmd.core.merged_commands import merge_command
from alarmd.core.merged_devices import merge_camera, merge_device, merge_key
from alarmd.core.merged_places import merge_site, merge_zone
from alarmd.core.peer_names import UselessRecordError, device_id_of, forgotten, zone_id_of
from alarmd.core.records import (
    Alarm,
    Camera,
    Command,
    Delivery,
    Device,
    DeviceKey,
    Event,
    Mark,
    Site,
    Told,
    Zone,
)
from alarmd.core.signed_session import MAX_COUNTER
from alarmd.core.turn import SOMETIMES, Turn
from lfcp import EventId
from lfcp.signed_fields import read_event

MAX_STAMP = 1 << 62  # beyond it there would be no room for stamps of our own; the year 4199


def peer_told(turn: Turn, told: PeerTold) -> None:
    useless = [fault for each in told.told if (fault := _merge(turn, each))]
    last = turn.state.refused_told
    if useless and (last is None or turn.now.mono - last >= SOMETIMES):
        turn.state.refused_told = turn.now.mono
        more = f", and {len(useless) - 1} more" if len(useless) > 1 else ""
        turn.record(EventKind.PEER_REFUSED, f"what the peer told makes no sense here: {useless[0]}{more}")
    turn.effects.append(Answer(()))


def delivery_settled(turn: Turn, settled: DeliverySettled) -> None:
    """The peer need not tell it any more."""
    mark(turn, settled.identity)


def mark(turn: Turn, identity: str) -> None:
    turn.effects.append(SaveMark(Mark(identity, turn.now.wall, **turn.made())))


def _merge(turn: Turn, told: Told) -> str:
    """What is wrong with it; empty: nothing."""
    record = told.record
    if not 0 <= record.hlc <= MAX_STAMP:
        return f"a stamp of {record.hlc}"
    turn.state.clock.witness(record.hlc)
    if isinstance(record, DeviceKey | Camera) and forgotten(turn.state, told.device) is not None:
        return ""
    try:
        MERGES[type(record)](turn, told, record)
    except UselessRecordError as error:
        return str(error)
    return ""


def _mark(turn: Turn, _told: Told, settled: Mark) -> None:
    turn.effects.append(SaveMark(settled))


def _alarm(turn: Turn, told: Told, alarm: Alarm) -> None:
    numbering.lift(turn.state, alarm=alarm.id)
    merge_alarm(turn, told, alarm)


def _command(turn: Turn, told: Told, command: Command) -> None:
    numbering.lift(turn.state, command=command.id)
    merge_command(turn, told, command)


def _event(turn: Turn, told: Told, event: Event) -> None:
    """What the device told both servers is one event: whose row was stored first keeps it."""
    state = turn.state
    session = state.party(told.device) if told.device is not None else None
    if session is not None and not _is_new(turn, session, event):
        return
    device_id, zone_id = device_id_of(state, told.device), zone_id_of(state, told.zone)
    turn.effects.append(CopyEvent(replace(event, device_id=device_id, zone_id=zone_id)))
    if session is not None and event.kind == EventKind.MOTION and event.alarm_id is not None:
        _moved(turn, session, event, event.alarm_id)


def _is_new(turn: Turn, session: DeviceSession, event: Event) -> bool:
    """And from now on it is known: the device's own datagram gets its ACK and does nothing."""
    if session.signed is None or event.boot_id is None or event.boot_event is None:
        return True
    said = read_event(str(EventId(event.boot_id, event.boot_event)))
    if said is None or said.number > MAX_COUNTER:
        return True
    if session.signed.boots.stored(said):
        return False
    session.signed.boots.store_of_peer(said)
    turn.save_contact(session)
    return True


def _moved(turn: Turn, session: DeviceSession, event: Event, alarm_id: int) -> None:
    """An incident that is open here goes on by what the peer saw of it."""
    if session.alarm_incident == absorption.standing_for(turn.state, alarm_id):
        seen = min(turn.now.mono, turn.now.mono_at(event.received_at))
        session.motion_at = max(session.motion_at, seen)


def _delivery(turn: Turn, _told: Told, delivery: Delivery) -> None:
    """Only where this server can tell it, and not of an alarm in whose place another one is told."""
    state = turn.state
    known = any(route.destination == delivery.destination for route in state.settings.routes)
    if known and not delivery.attachment and delivery.alarm_id not in state.absorbed:
        due = standby.due_of_copy(state, delivery, turn.now.wall)
        turn.effects.append(CopyDelivery(replace(delivery, due_at=due)))


MERGES: dict[type[Any], Callable[[Turn, Told, Any], None]] = {
    Site: merge_site,
    Zone: merge_zone,
    Device: merge_device,
    DeviceKey: merge_key,
    Camera: merge_camera,
    Mark: _mark,
    Alarm: _alarm,
    Command: _command,
    Event: _event,
    Delivery: _delivery,
}
