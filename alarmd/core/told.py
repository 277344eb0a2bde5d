"""What a turn has for the other server of the pair: the records that this server made in it, with their names.

Each server tells only what it made itself, so nothing goes round in a circle. Whereabouts, pictures and messages that
carry a file are each server's own.
"""

from collections.abc import Callable, Sequence
from typing import Any

from alarmd.core.effects import (
    DurableEffect,
    QueueDelivery,
    RecordEvent,
    SaveAlarm,
    SaveCamera,
    SaveCommand,
    SaveDevice,
    SaveKey,
    SaveMark,
    SaveSite,
    SaveZone,
)
from alarmd.core.names import device_name, zone_name
from alarmd.core.records import (
    Alarm,
    Camera,
    Command,
    Delivery,
    Device,
    DeviceKey,
    Event,
    Mark,
    Replicated,
    Site,
    Told,
    Zone,
)
from alarmd.core.state import State

Names = dict[int, str]  # of devices, by id


def told_of(state: State, durable: Sequence[DurableEffect]) -> list[Told]:
    """In the order in which they were made. state: as the turn left it."""
    names = {effect.device.id: effect.device.name for effect in durable if isinstance(effect, SaveDevice)}
    records = (RECORDS[type(effect)](effect) for effect in durable if type(effect) in RECORDS)
    return [NAMED[type(record)](state, names, record) for record in records if _is_for_the_peer(state, record)]


def _is_for_the_peer(state: State, record: Replicated) -> bool:
    """What is stamped 0 is this server's own affair: what came with the installation, a stranger that made room."""
    own = record.origin == state.settings.label and record.hlc > 0
    return own and not (isinstance(record, Delivery) and record.attachment)


def _alone(_state: State, _names: Names, record: Replicated) -> Told:
    return Told(record)


def _zone(state: State, _names: Names, zone: Zone) -> Told:
    return Told(zone, site=state.sites[zone.site_id].name)


def _device(state: State, _names: Names, device: Device) -> Told:
    return Told(device, zone=zone_name(state, device.zone_id))


def _of_device(state: State, names: Names, record: DeviceKey | Camera | Command) -> Told:
    return Told(record, device=_name(state, names, record.device_id))


def _of_device_in_zone(state: State, names: Names, record: Alarm | Event) -> Told:
    return Told(record, device=_name(state, names, record.device_id), zone=zone_name(state, record.zone_id))


def _name(state: State, names: Names, device_id: int | None) -> str | None:
    """A device that was forgotten has its name in the turn that did it, and for a while in the state."""
    if device_id is None:
        return None
    lately = (device.name for device in state.forgotten.values() if device.id == device_id)
    return device_name(state, device_id) or names.get(device_id) or next(lately, None)


RECORDS: dict[type[Any], Callable[[Any], Replicated]] = {
    RecordEvent: lambda effect: effect.event,
    SaveSite: lambda effect: effect.site,
    SaveZone: lambda effect: effect.zone,
    SaveDevice: lambda effect: effect.device,
    SaveKey: lambda effect: effect.key,
    SaveAlarm: lambda effect: effect.alarm,
    SaveCommand: lambda effect: effect.command,
    SaveCamera: lambda effect: effect.camera,
    QueueDelivery: lambda effect: effect.delivery,
    SaveMark: lambda effect: effect.mark,
}
NAMED: dict[type[Any], Callable[[State, Names, Any], Told]] = {
    Site: _alone,
    Zone: _zone,
    Device: _device,
    DeviceKey: _of_device,
    Camera: _of_device,
    Mark: _alone,
    Alarm: _of_device_in_zone,
    Command: _of_device,
    Event: _of_device_in_zone,
    Delivery: _alone,
}
