"""Records to rows and back: tuples in the order of the columns in tables.py.

Written out by hand because start-up reads 100,000 devices and every acknowledged event passes here. Enumerations go
out as plain strings: sqlite3 takes three times as long for a subclass of str, and psycopg would write an enumeration
by its name.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from alarmd.core.records import (
    Alarm,
    AlarmKind,
    AlarmState,
    Arming,
    Camera,
    Command,
    CommandState,
    Contact,
    Delivery,
    Device,
    Dialect,
    Event,
    Mark,
    Picture,
    Presence,
    Signing,
    Site,
    Standing,
    Trigger,
    Zone,
)
from alarmd.core.settings import Settings
from alarmd.storage.interface import StorageUnusableError

Row = Sequence[Any]
Values = tuple[Any, ...]
Made = TypeVar("Made")

_ARMING = {member.value: member for member in Arming}
_STANDING = {member.value: member for member in Standing}
_DIALECT = {member.value: member for member in Dialect}
_SIGNING = {member.value: member for member in Signing}
_PRESENCE = {member.value: member for member in Presence}
_ALARM_KIND = {member.value: member for member in AlarmKind}
_ALARM_STATE = {member.value: member for member in AlarmState}
_COMMAND_STATE = {member.value: member for member in CommandState}
_TRIGGER = {member.value: member for member in Trigger}
_FLAG = {0: False, 1: True}  # SQLite has no booleans; PostgreSQL's are equal to 0 and 1
_USUAL_LIMIT = Settings().report_within  # one number object for 100,000 devices
_MAYBE = {None: None, 0: False, 1: True}
_NO_TEXTS = "[]"  # most devices have no settings; to read that as JSON took a microsecond for each


def read(make: Callable[[Row], Made], rows: Iterable[Row]) -> tuple[Made, ...]:
    """Rows to records. A value that no enumeration holds means that another program wrote it."""
    try:
        return tuple(map(make, rows))
    except (KeyError, ValueError) as error:
        raise StorageUnusableError(f"the database holds a value that this program does not know: {error}") from error


def site_row(site: Site) -> Values:
    return site.id, site.name, site.time_zone, site.origin, site.hlc


def site_of(row: Row) -> Site:
    return Site(*row)


def zone_row(zone: Zone) -> Values:
    return zone.id, zone.site_id, zone.name, str(zone.arming), zone.schedule, zone.origin, zone.hlc


def zone_of(row: Row) -> Zone:
    id_, site_id, name, arming, schedule, origin, hlc = row
    return Zone(id_, site_id, name, _ARMING[arming], schedule, origin, hlc)


def device_row(device: Device) -> Values:
    return (
        device.id,
        device.name,
        device.zone_id,
        str(device.standing),
        str(device.dialect),
        device.report_within,
        device.arming_answers,
        device.detector_wish,
        device.wanted_detector,
        device.wanted_version,
        device.camera_wish,
        json.dumps(device.settings),
        str(device.signing),
        device.muted_until,
        device.first_seen,
        device.forgotten_at,
        device.origin,
        device.hlc,
    )


def device_of(row: Row) -> Device:
    id_, name, zone, standing, dialect, within, arming, wish, wanted, version, camera, settings, signing, *rest = row
    return Device(
        id_,
        name,
        zone,
        _STANDING[standing],
        _DIALECT[dialect],
        _USUAL_LIMIT if within == _USUAL_LIMIT else within,
        _FLAG[arming],
        _MAYBE[wish],
        _MAYBE[wanted],
        version,
        _MAYBE[camera],
        _texts_of(settings),
        _SIGNING[signing],
        *rest,
    )


def contact_row(contact: Contact) -> Values:
    return (
        contact.device_id,
        str(contact.presence),
        contact.last_contact,
        contact.address,
        contact.asleep_until,
        f"{contact.counter_up:x}",
        f"{contact.counter_down:x}",
        contact.boots,
    )


def contact_of(row: Row) -> Contact:
    device_id, presence, last_contact, address, asleep_until, up, down, boots = row
    return Contact(
        device_id, _PRESENCE[presence], last_contact, address, asleep_until, int(up, 16), int(down, 16), boots
    )


def alarm_row(alarm: Alarm) -> Values:
    return (
        alarm.id,
        alarm.identity,
        str(alarm.kind),
        str(alarm.state),
        alarm.device_id,
        alarm.zone_id,
        alarm.text,
        alarm.raised_at,
        alarm.last_event_at,
        alarm.event_count,
        alarm.ended_at,
        alarm.told,
        alarm.acknowledged_at,
        alarm.acknowledged_by,
        alarm.cleared_at,
        alarm.cleared_by,
        alarm.followed_up,
        alarm.follow_up_at,
        alarm.picture_by,
        alarm.picture,
        alarm.pictures,
        alarm.origin,
        alarm.hlc,
    )


def alarm_of(row: Row) -> Alarm:
    id_, identity, kind, state, device_id, zone_id, text, raised, last, count, ended, told, *rest = row
    return Alarm(
        id_,
        identity,
        _ALARM_KIND[kind],
        _ALARM_STATE[state],
        device_id,
        zone_id,
        text,
        raised,
        last,
        count,
        ended,
        _FLAG[told],
        *rest,
    )


def command_row(command: Command) -> Values:
    return (
        command.id,
        command.identity,
        command.device_id,
        command.verb,
        json.dumps(command.params),
        str(command.state),
        command.requested_by,
        command.created_at,
        command.expires_at,
        command.attempts,
        command.sent_at,
        command.finished_at,
        command.outcome,
        command.origin,
        command.hlc,
    )


def command_of(row: Row) -> Command:
    id_, identity, device_id, verb, params, state, *rest = row
    return Command(id_, identity, device_id, verb, _texts_of(params), _COMMAND_STATE[state], *rest)


def event_row(event: Event) -> Values:
    return (
        event.origin,
        event.sequence,
        event.hlc,
        event.happened_at,
        event.received_at,
        event.device_id,
        event.zone_id,
        str(event.kind),
        event.text,
        event.boot_id,
        event.boot_event,
        event.alarm_id,
    )


def event_of(row: Row) -> Event:
    return Event(*row)


def delivery_row(delivery: Delivery) -> Values:
    return (
        delivery.identity,
        delivery.destination,
        delivery.recipient,
        delivery.subject,
        delivery.alarm_id,
        delivery.text,
        delivery.attachment,
        delivery.urgent,
        delivery.created_at,
        delivery.due_at,
        delivery.origin,
        delivery.hlc,
    )


def delivery_of(row: Row) -> Delivery:
    identity, destination, recipient, subject, alarm_id, text, attachment, urgent, *rest = row
    return Delivery(identity, destination, recipient, subject, alarm_id, text, attachment, _FLAG[urgent], *rest)


def mark_row(mark: Mark) -> Values:
    return mark.identity, mark.settled_at, mark.origin, mark.hlc


def mark_of(row: Row) -> Mark:
    return Mark(*row)


def camera_row(camera: Camera, sealed_url: bytes) -> Values:
    return (
        camera.device_id,
        json.dumps(camera.source_networks),
        camera.by_address,
        camera.upload_digest,
        camera.fingerprint,
        camera.info,
        sealed_url,
        camera.every,
        camera.on_alarm,
        camera.origin,
        camera.hlc,
    )


def camera_of(row: Row, url: str) -> Camera:
    device_id, networks, by_address, digest, fingerprint, info, _sealed, every, on_alarm, origin, hlc = row
    flags = _FLAG[by_address], _FLAG[on_alarm]
    return Camera(
        device_id, _texts_of(networks), flags[0], digest, fingerprint, info, url, every, flags[1], origin, hlc
    )


def picture_row(picture: Picture) -> Values:
    return (
        picture.id,
        picture.device_id,
        picture.sequence,
        picture.key,
        picture.captured_at,
        picture.received_at,
        str(picture.trigger),
        picture.upload,
        picture.alarm_id,
        picture.digest,
        picture.size,
        picture.width,
        picture.height,
        picture.repair,
        picture.origin,
        picture.hlc,
    )


def picture_of(row: Row) -> Picture:
    id_, device_id, sequence, key, captured_at, received_at, trigger, *rest = row
    return Picture(id_, device_id, sequence, key, captured_at, received_at, _TRIGGER[trigger], *rest)


def _texts_of(json_list: str) -> tuple[str, ...]:
    return () if json_list == _NO_TEXTS else tuple(json.loads(json_list))
