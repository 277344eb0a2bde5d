"""Turns to rows, and rows into the database.

Effects on different tables commute, since references are checked at the commit; those on one table keep their order.
So a batch of a thousand turns takes a handful of statements.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from functools import partial
from itertools import chain
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Dialect, Table

from alarmd.core.effects import (
    CopyDelivery,
    CopyEvent,
    DropDelivery,
    DropKey,
    DurableEffect,
    HushAlarm,
    QueueDelivery,
    RecordEvent,
    RetryDelivery,
    SaveAlarm,
    SaveCamera,
    SaveCommand,
    SaveContacts,
    SaveDevice,
    SaveKey,
    SaveMark,
    SavePicture,
    SaveSite,
    SaveZone,
)
from alarmd.core.records import (
    Alarm,
    Camera,
    Command,
    Contact,
    Delivery,
    Device,
    DeviceKey,
    Event,
    Mark,
    Picture,
    Site,
    Zone,
)
from alarmd.storage import outbox_queries, rows, sealed_cameras, sealed_commands, sealed_keys, tables
from alarmd.storage.batches import Batch
from alarmd.storage.interface import Turn
from alarmd.storage.rows import Values
from alarmd.storage.vault import Vault


class Kind(NamedTuple):
    """Where effects of one class go. replace: a later record takes the place of the one with its key. weak: columns
    that name nothing where what they should name is not there."""

    record: type[Any]
    table: Table
    key: tuple[str, ...]
    replace: bool
    weak: Mapping[str, Column[Any]] = MappingProxyType({})


OF_ALARM = {"alarm_id": tables.alarms.c.id}

# Parents first: PostgreSQL finds a reference's row faster than it notes down one to look for at the commit.
KINDS: dict[type[DurableEffect], Kind] = {
    SaveSite: Kind(Site, tables.sites, ("id",), True),
    SaveZone: Kind(Zone, tables.zones, ("id",), True),
    SaveDevice: Kind(Device, tables.devices, ("id",), True),
    SaveContacts: Kind(Contact, tables.contacts, ("device_id",), True),
    SaveKey: Kind(DeviceKey, tables.device_keys, ("device_id", "epoch"), True),
    SaveAlarm: Kind(Alarm, tables.alarms, ("id",), True),
    SaveCommand: Kind(Command, tables.commands, ("id",), True),
    SaveCamera: Kind(Camera, tables.cameras, ("device_id",), True),
    SavePicture: Kind(Picture, tables.pictures, ("id",), True),
    RecordEvent: Kind(Event, tables.events, ("origin", "sequence"), False),
    CopyEvent: Kind(Event, tables.events, ("origin", "sequence"), False, OF_ALARM),
    SaveMark: Kind(Mark, tables.marks, ("identity",), True),
    QueueDelivery: Kind(Delivery, tables.outbox, ("identity",), False),
    CopyDelivery: Kind(Delivery, tables.outbox, ("identity",), False, OF_ALARM),
}

RowsOf = Callable[[Sequence[Any]], list[Values]]


def _rows_of(vault: Vault) -> dict[type[DurableEffect], RowsOf]:
    """How effects of one class become rows."""
    return {
        SaveSite: lambda found: [rows.site_row(each.site) for each in found],
        SaveZone: lambda found: [rows.zone_row(each.zone) for each in found],
        SaveDevice: lambda found: [rows.device_row(each.device) for each in found],
        SaveContacts: lambda found: list(map(rows.contact_row, chain.from_iterable(each.contacts for each in found))),
        SaveKey: partial(sealed_keys.rows_to_save, vault),
        SaveAlarm: lambda found: [rows.alarm_row(each.alarm) for each in found],
        SaveCommand: partial(sealed_commands.rows_to_save, vault),
        SaveCamera: partial(sealed_cameras.rows_to_save, vault),
        SavePicture: lambda found: [rows.picture_row(each.picture) for each in found],
        RecordEvent: lambda found: [rows.event_row(each.event) for each in found],
        CopyEvent: lambda found: [rows.event_row(each.event) for each in found],
        SaveMark: lambda found: [rows.mark_row(each.mark) for each in found],
        QueueDelivery: lambda found: [rows.delivery_row(each.delivery) for each in found],
        CopyDelivery: lambda found: [rows.delivery_row(each.delivery) for each in found],
    }


class TurnWriter:
    """Writes turns, in one dialect of SQL."""

    def __init__(self, dialect: Dialect, vault: Vault) -> None:
        rows_of = _rows_of(vault)
        self._batches = [(effect, rows_of[effect], _batch(kind, dialect)) for effect, kind in KINDS.items()]

    def write(self, connection: Connection, turns: Sequence[Turn]) -> None:
        found: dict[type[DurableEffect], list[Any]] = {effect: [] for effect in KINDS}
        found[DropKey] = found[SaveKey]  # one list: they change one table, so their order counts
        found[RetryDelivery] = found[DropDelivery] = found[HushAlarm] = []  # of messages of earlier turns
        for effect in chain.from_iterable(turns):
            found[type(effect)].append(effect)
        for effect_type, rows_of, batch in self._batches:
            made = rows_of(found[effect_type])
            if made:
                batch.write(connection, made)
        sealed_keys.drop_changed(connection, found[DropKey])
        outbox_queries.change(connection, found[DropDelivery])
        outbox_queries.settle_marked(connection, marked(found[SaveMark] + found[CopyDelivery]))


def marked(effects: Iterable[SaveMark | CopyDelivery]) -> set[str]:
    """The identities of deliveries that a mark may settle now: either of the two may have come first."""
    return {(each.mark if isinstance(each, SaveMark) else each.delivery).identity for each in effects}


def _batch(kind: Kind, dialect: Dialect) -> Batch:
    columns = [field.name for field in fields(kind.record)]
    return Batch(kind.table, columns, kind.key, dialect, replace=kind.replace, weak=kind.weak)
