"""What a peer does not have yet: rows with newer stamps, read in one snapshot, with the names that go with their ids.

Each kind of each server is one statement whose rows are fetched as they are wanted, so that a catch-up of any length
takes the memory of a page.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from itertools import chain, islice
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, Table, null, select

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
from alarmd.storage import high_water, rows, sealed_cameras, sealed_commands, sealed_keys
from alarmd.storage.interface import Vector
from alarmd.storage.named import Query
from alarmd.storage.rows import Row
from alarmd.storage.tables import DELIVERY_OPEN, REPLICATED, devices, events, outbox, sites, zones
from alarmd.storage.vault import Vault

Make = Callable[[Vault, Iterable[Row]], Iterable[Replicated]]

NAMED = {"device_id": devices, "zone_id": zones, "site_id": sites}  # in the order of Told


class Source(NamedTuple):
    """How rows of a kind become records, and which of them are told."""

    record: type[Any]
    make: Make
    wanted: ColumnElement[bool] | None = None


def _plain(make: Callable[[Row], Replicated]) -> Make:
    return lambda _, found: rows.read(make, found)


SOURCES = {
    "site": Source(Site, _plain(rows.site_of)),
    "zone": Source(Zone, _plain(rows.zone_of)),
    "device": Source(Device, _plain(rows.device_of)),
    # A name may have passed to another device: what the one that is forgotten left behind is not that one's.
    "key": Source(DeviceKey, sealed_keys.opened, devices.c.forgotten_at.is_(None)),
    "camera": Source(Camera, sealed_cameras.opened, devices.c.forgotten_at.is_(None)),
    "mark": Source(Mark, _plain(rows.mark_of)),
    "alarm": Source(Alarm, _plain(rows.alarm_of)),
    "command": Source(Command, sealed_commands.opened),
    "event": Source(Event, _plain(rows.event_of)),
    "delivery": Source(Delivery, _plain(rows.delivery_of), DELIVERY_OPEN & (outbox.c.attachment == "")),
}


def changes(connection: Connection, vault: Vault, since: Vector, page: int) -> Iterator[tuple[Told, ...]]:
    """See interface.Reader."""
    newest = high_water.vector(connection)
    newer = sorted(key for key, stamp in newest.items() if stamp > since.get(key, 0))
    parents_first = [key for kind in REPLICATED for key in newer if key[0] == kind]
    told = chain.from_iterable(_told(connection, vault, key, since.get(key, 0), page) for key in parents_first)
    while found := tuple(islice(told, page)):
        yield found


def _told(connection: Connection, vault: Vault, key: tuple[str, str], stamp: int, page: int) -> Iterator[Told]:
    kind, origin = key
    make = SOURCES[kind].make
    found = connection.execute(_newer(connection, kind, origin, stamp).execution_options(yield_per=page))
    for part in found.partitions():
        for names, record in zip(part, make(vault, [row[len(NAMED) :] for row in part]), strict=True):
            yield Told(record, *names[: len(NAMED)])


def _newer(connection: Connection, kind: str, origin: str, stamp: int) -> Query:
    table, source = REPLICATED[kind], SOURCES[kind]
    columns = [table.c[field.name] for field in fields(source.record)]
    names, joined = _named(table)
    grows = events.c.sequence if table is events else table.c.hlc
    after = _last_known(connection, origin, stamp) if table is events else stamp
    query = select(*names, *columns).select_from(joined).where(table.c.origin == origin, grows > after).order_by(grows)
    return query if source.wanted is None else query.where(source.wanted)


def _named(table: Table) -> tuple[list[ColumnElement[Any]], FromClause]:
    """The names that a Told carries, and what to select them from."""
    names: list[ColumnElement[Any]] = []
    joined: FromClause = table
    for column, named in NAMED.items():
        if column in table.c:
            joined = joined.outerjoin(named, table.c[column] == named.c.id)
        names.append(named.c.name if column in table.c else null())
    return names, joined


def _last_known(connection: Connection, origin: str, stamp: int) -> int:
    """The sequence of the newest event that the peer has. Events have no index of stamps, which would cost every one of
    them: this walks back over those that are to be told anyway."""
    if stamp == 0:
        return 0
    known = select(events.c.sequence).where(events.c.origin == origin, events.c.hlc <= stamp)
    return connection.scalar(known.order_by(events.c.sequence.desc()).limit(1)) or 0
