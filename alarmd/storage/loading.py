"""What the rules must remember, read at a start."""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, select

from alarmd.core.snapshot import Snapshot
from alarmd.storage import high_water, rows
from alarmd.storage.rows import Row
from alarmd.storage.tables import ALARM_OPEN, COMMAND_OPEN, alarms, commands, contacts, devices, sites, zones

Made = TypeVar("Made")


def load(connection: Connection, origin: str) -> Snapshot:
    """origin: this server's label, whose events are counted. Everything is in the order of its id."""
    active = devices.c.forgotten_at.is_(None)
    of_active = contacts.c.device_id.in_(select(devices.c.id).where(active))
    return Snapshot(
        sites=_all(connection, rows.site_of, sites),
        zones=_all(connection, rows.zone_of, zones),
        devices=_all(connection, rows.device_of, devices, active),
        contacts=_all(connection, rows.contact_of, contacts, of_active),
        alarms=_all(connection, rows.alarm_of, alarms, ALARM_OPEN),
        commands=_all(connection, rows.command_of, commands, COMMAND_OPEN),
        **high_water.last_given(connection, origin),
    )


def _all(connection: Connection, make: Callable[[Row], Made], table: Table, *wanted: Any) -> tuple[Made, ...]:
    query = select(table).where(*wanted).order_by(*table.primary_key)
    return rows.read(make, connection.execute(query))
