"""Records with the names that the ids in them have now."""

from typing import Any

from sqlalchemy import Column, Select, Table, select

from alarmd.storage import rows
from alarmd.storage.interface import StoredAlarm, StoredPicture
from alarmd.storage.rows import Row
from alarmd.storage.tables import devices, zones

Query = Select[*tuple[Any, ...]]

DEVICE_NAME = devices.c.name.label("device_name")
ZONE_NAME = zones.c.name.label("zone_name")


def with_device(table: Table) -> Query:
    return select(DEVICE_NAME, table).select_from(table.outerjoin(devices, table.c.device_id == devices.c.id))


def with_device_and_zone(table: Table, zone_id: Column[Any]) -> Query:
    joined = table.outerjoin(devices, table.c.device_id == devices.c.id).outerjoin(zones, zone_id == zones.c.id)
    return select(DEVICE_NAME, ZONE_NAME, table).select_from(joined)


def stored_alarm(row: Row) -> StoredAlarm:
    return StoredAlarm(rows.alarm_of(row[2:]), row[0], row[1])


def stored_picture(row: Row) -> StoredPicture:
    return StoredPicture(rows.picture_of(row[1:]), row[0])
