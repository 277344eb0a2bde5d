"""What storage hands to the rules at a start: everything they must remember, and nothing that is only history."""

from dataclasses import dataclass

from alarmd.core.records import Alarm, Camera, Command, Contact, Device, DeviceKey, Picture, Site, Zone


@dataclass(frozen=True, slots=True)
class Snapshot:
    """sites, zones: all. devices: those not forgotten, with their contacts and keys. alarms: those not cleared.
    commands: those without an outcome. cameras: of those devices. pictures: the newest of each of them. The last_* are
    the highest ever given out by this origin, 0 if none. ended_alarms, ended_commands, forgotten: the latest of those
    that are over, so that old news of a peer does not bring them back."""

    sites: tuple[Site, ...] = ()
    zones: tuple[Zone, ...] = ()
    devices: tuple[Device, ...] = ()
    contacts: tuple[Contact, ...] = ()
    keys: tuple[DeviceKey, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    commands: tuple[Command, ...] = ()
    cameras: tuple[Camera, ...] = ()
    pictures: tuple[Picture, ...] = ()
    ended_alarms: tuple[Alarm, ...] = ()
    ended_commands: tuple[Command, ...] = ()
    forgotten: tuple[Device, ...] = ()
    last_site_id: int = 0
    last_zone_id: int = 0
    last_device_id: int = 0
    last_alarm_id: int = 0
    last_command_id: int = 0
    last_picture_id: int = 0
    last_event_sequence: int = 0
    last_hlc: int = 0


def part_of(part: Snapshot, wanted: set[int]) -> Snapshot:
    """What concerns these devices alone, by id."""
    if len(wanted) == len(part.devices):
        return part
    return Snapshot(
        sites=part.sites,
        zones=part.zones,
        devices=tuple(device for device in part.devices if device.id in wanted),
        contacts=tuple(contact for contact in part.contacts if contact.device_id in wanted),
        keys=tuple(key for key in part.keys if key.device_id in wanted),
        alarms=tuple(alarm for alarm in part.alarms if alarm.device_id in wanted),
        commands=tuple(command for command in part.commands if command.device_id in wanted),
        cameras=tuple(camera for camera in part.cameras if camera.device_id in wanted),
        pictures=tuple(picture for picture in part.pictures if picture.device_id in wanted),
    )
