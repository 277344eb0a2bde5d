"""Turns to rows, and rows into the database.

Effects on different tables commute, since references are checked at the commit; those on one table keep their order.
So a batch of a thousand turns takes a handful of statements.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, Table

from alarmd.core.effects import (
    DurableEffect,
    QueueDelivery,
    RecordEvent,
    SaveAlarm,
    SaveCommand,
    SaveContacts,
    SaveDevice,
    SaveSite,
    SaveZone,
)
from alarmd.core.records import Alarm, Command, Contact, Delivery, Device, Event, Site, Zone
from alarmd.storage import rows, tables
from alarmd.storage.batches import Batch
from alarmd.storage.interface import Turn
from alarmd.storage.rows import Values


class Kind(NamedTuple):
    """How effects of one class become rows of one table."""

    record: type[Any]
    table: Table
    key: tuple[str, ...]
    replace: bool
    rows: Callable[[Sequence[Any]], list[Values]]


# Parents first: PostgreSQL finds a reference's row faster than it notes down one to look for at the commit.
KINDS: dict[type[DurableEffect], Kind] = {
    SaveSite: Kind(Site, tables.sites, ("id",), True, lambda found: [rows.site_row(each.site) for each in found]),
    SaveZone: Kind(Zone, tables.zones, ("id",), True, lambda found: [rows.zone_row(each.zone) for each in found]),
    SaveDevice: Kind(
        Device, tables.devices, ("id",), True, lambda found: [rows.device_row(each.device) for each in found]
    ),
    SaveContacts: Kind(
        Contact,
        tables.contacts,
        ("device_id",),
        True,
        lambda found: list(map(rows.contact_row, chain.from_iterable(each.contacts for each in found))),
    ),
    SaveAlarm: Kind(Alarm, tables.alarms, ("id",), True, lambda found: [rows.alarm_row(each.alarm) for each in found]),
    SaveCommand: Kind(
        Command, tables.commands, ("id",), True, lambda found: [rows.command_row(each.command) for each in found]
    ),
    RecordEvent: Kind(
        Event,
        tables.events,
        ("origin", "sequence"),
        False,
        lambda found: [rows.event_row(each.event) for each in found],
    ),
    QueueDelivery: Kind(
        Delivery,
        tables.outbox,
        ("identity",),
        False,
        lambda found: [rows.delivery_row(each.delivery) for each in found],
    ),
}


class TurnWriter:
    """Writes turns, in one dialect of SQL."""

    def __init__(self, dialect: Dialect) -> None:
        self._batches = [(effect, kind.rows, _batch(kind, dialect)) for effect, kind in KINDS.items()]

    def write(self, connection: Connection, turns: Sequence[Turn]) -> None:
        found: dict[type[DurableEffect], list[DurableEffect]] = {effect: [] for effect in KINDS}
        for effect in chain.from_iterable(turns):
            found[type(effect)].append(effect)
        for effect_type, rows_of, batch in self._batches:
            effects = found[effect_type]
            if effects:
                batch.write(connection, rows_of(effects))


def _batch(kind: Kind, dialect: Dialect) -> Batch:
    columns = [field.name for field in fields(kind.record)]
    return Batch(kind.table, columns, kind.key, dialect, replace=kind.replace)
