"""Which devices a turn is about, and what is left of it when some of them are another member's meanwhile."""

from collections.abc import Mapping, Sequence

from alarmd.core.effects import (
    Custody,
    DropKey,
    DurableEffect,
    QueueDelivery,
    RecordEvent,
    SaveAlarm,
    SaveCamera,
    SaveCommand,
    SaveContacts,
    SaveDevice,
    SaveKey,
    SavePicture,
)
from alarmd.storage.interface import Turn


def device_of(effect: DurableEffect) -> int | None:
    """The device that an effect changes. None: no single one."""
    match effect:
        case SaveDevice(device):
            return device.id
        case RecordEvent(record) | SaveAlarm(record) | SaveCommand(record) | SaveCamera(record) | SavePicture(record):
            return record.device_id
        case SaveKey(key):
            return key.device_id
        case DropKey(device_id, _):
            return device_id
        case _:
            return None


def devices_of(turn: Turn) -> set[int]:
    """Those that it stands and falls with. Contacts are none: each is stored or left out for itself."""
    return {device_id for effect in turn if (device_id := device_of(effect)) is not None}


def all_devices_of(turn: Turn) -> set[int]:
    contacts = {contact.device_id for effect in turn if isinstance(effect, SaveContacts) for contact in effect.contacts}
    return devices_of(turn) | contacts


def still_ours(turn: Turn, held: Mapping[int, int]) -> list[DurableEffect] | None:
    """The effects that may be stored, without the condition itself; None: none of them. held: the devices that are this
    member's, with their epochs."""
    condition = next((effect for effect in turn if isinstance(effect, Custody)), None)
    if condition is None:
        return list(turn)
    gone = {device_id for device_id, epoch in condition.epochs.items() if held.get(device_id) != epoch}
    if not condition.divisible and gone & devices_of(turn):
        return None
    return _without(turn, gone)


def _without(turn: Turn, gone: set[int]) -> list[DurableEffect]:
    alarms = {e.alarm.id for e in turn if isinstance(e, SaveAlarm) and e.alarm.device_id in gone}
    left: list[DurableEffect] = []
    for effect in turn:
        if isinstance(effect, SaveContacts):
            kept = tuple(contact for contact in effect.contacts if contact.device_id not in gone)
            left += [SaveContacts(kept)] if kept else []
        elif isinstance(effect, QueueDelivery) and effect.delivery.alarm_id in alarms:
            continue
        elif not isinstance(effect, Custody) and device_of(effect) not in gone:
            left.append(effect)
    return left


def conditions(turns: Sequence[Turn]) -> list[Custody]:
    return [effect for turn in turns for effect in turn if isinstance(effect, Custody)]
