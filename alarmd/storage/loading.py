"""What the rules must remember, read at a start."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, and_, func, select

from alarmd.core.records import Alarm, Picture, Site, Zone
from alarmd.core.snapshot import Snapshot
from alarmd.storage import high_water, rows, sealed_cameras, sealed_commands, sealed_keys
from alarmd.storage.rows import Row
from alarmd.storage.tables import (
    ALARM_OPEN,
    COMMAND_OPEN,
    alarms,
    cameras,
    commands,
    contacts,
    device_keys,
    devices,
    pictures,
    sites,
    zones,
)
from alarmd.storage.vault import Vault

Made = TypeVar("Made")


def load(connection: Connection, origin: str, vault: Vault, ended: int = 0) -> Snapshot:
    """origin: this server's label, whose events are counted. ended: see interface.Store. Everything is in the order of
    its id."""
    forgotten = select(devices.c.id).where(devices.c.forgotten_at.is_not(None))  # few: quicker than a list of the rest
    return Snapshot(
        sites=_all(connection, rows.site_of, sites),
        zones=_all(connection, rows.zone_of, zones),
        devices=_all(connection, rows.device_of, devices, devices.c.forgotten_at.is_(None)),
        contacts=_all(connection, rows.contact_of, contacts, contacts.c.device_id.not_in(forgotten)),
        keys=sealed_keys.opened(vault, _rows(connection, device_keys, device_keys.c.device_id.not_in(forgotten))),
        alarms=_all(connection, rows.alarm_of, alarms, ALARM_OPEN),
        commands=sealed_commands.opened(vault, _rows(connection, commands, COMMAND_OPEN)),
        cameras=sealed_cameras.opened(vault, _rows(connection, cameras, cameras.c.device_id.not_in(forgotten))),
        pictures=_newest_pictures(connection),
        ended_alarms=rows.read(rows.alarm_of, _latest(connection, ended, alarms, alarms.c.cleared_at.is_not(None))),
        ended_commands=sealed_commands.opened(
            vault, _latest(connection, ended, commands, commands.c.finished_at.is_not(None))
        ),
        forgotten=rows.read(rows.device_of, _latest(connection, ended, devices, devices.c.forgotten_at.is_not(None))),
        **high_water.last_given(connection, origin),
    )


def load_part(connection: Connection, vault: Vault, ids: Sequence[int]) -> Snapshot:
    """Of these devices what load() says of all: with their zones and sites, and without the numbers given out."""
    is_active = and_(devices.c.id.in_(ids), devices.c.forgotten_at.is_(None))
    found = _all(connection, rows.device_of, devices, is_active)
    ids = [device.id for device in found]
    places = {device.zone_id for device in found}
    in_zones = zones.c.id.in_(places)
    return Snapshot(
        sites=_all(connection, rows.site_of, sites, sites.c.id.in_(select(zones.c.site_id).where(in_zones))),
        zones=_all(connection, rows.zone_of, zones, in_zones),
        devices=found,
        contacts=_all(connection, rows.contact_of, contacts, contacts.c.device_id.in_(ids)),
        keys=sealed_keys.opened(vault, _rows(connection, device_keys, device_keys.c.device_id.in_(ids))),
        alarms=_all(connection, rows.alarm_of, alarms, ALARM_OPEN, alarms.c.device_id.in_(ids)),
        commands=sealed_commands.opened(
            vault, _rows(connection, commands, COMMAND_OPEN, commands.c.device_id.in_(ids))
        ),
        cameras=sealed_cameras.opened(vault, _rows(connection, cameras, cameras.c.device_id.in_(ids))),
        pictures=_newest_pictures(connection, devices.c.id.in_(ids)),
    )


def load_places(connection: Connection, origin: str) -> Snapshot:
    """What a member of a cluster begins with: sites, zones, and the numbers given out. Devices come one by one."""
    own, zoned = load_sites_and_zones(connection)
    given: dict[str, Any] = high_water.last_given(connection, origin)
    return Snapshot(sites=own, zones=zoned, **given)


def load_sites_and_zones(connection: Connection) -> tuple[tuple[Site, ...], tuple[Zone, ...]]:
    return _all(connection, rows.site_of, sites), _all(connection, rows.zone_of, zones)


def load_shared_alarms(connection: Connection) -> tuple[Alarm, ...]:
    """Open ones that are about no single device."""
    return _all(connection, rows.alarm_of, alarms, ALARM_OPEN, alarms.c.device_id.is_(None))


def _newest_pictures(connection: Connection, *wanted: Any) -> tuple[Picture, ...]:
    """Of each device: an index has it at hand, where a look at all pictures would take a minute for ten million."""
    of_device = select(func.max(pictures.c.id)).where(pictures.c.device_id == devices.c.id).scalar_subquery()
    newest = select(of_device).where(devices.c.forgotten_at.is_(None), *wanted)
    return _all(connection, rows.picture_of, pictures, pictures.c.id.in_(newest))


def _all(connection: Connection, make: Callable[[Row], Made], table: Table, *wanted: Any) -> tuple[Made, ...]:
    return rows.read(make, _rows(connection, table, *wanted))


def _latest(connection: Connection, count: int, table: Table, wanted: Any) -> Iterable[Row]:
    """Those with the highest ids."""
    latest = connection.execute(select(table).where(wanted).order_by(table.c.id.desc()).limit(count)) if count else ()
    return reversed(tuple(latest))


def _rows(connection: Connection, table: Table, *wanted: Any) -> Iterable[Row]:
    return connection.execute(select(table).where(*wanted).order_by(*table.primary_key))
