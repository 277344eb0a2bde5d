"""The highest of what was ever given out, also after a purge took the row that had it.

An id given twice would tie a person's old link, or a message that was told long ago, to a new alarm. A stamp that falls
would have the peer tell again what was purged here.
"""

from collections.abc import Iterable

from sqlalchemy import Column, Connection, Table, func, select

from alarmd.storage.batches import INSERT
from alarmd.storage.interface import Vector
from alarmd.storage.tables import (
    REPLICATED,
    alarms,
    commands,
    devices,
    events,
    high_water,
    pictures,
    sites,
    zones,
)

DEVICE, ALARM, COMMAND, PICTURE, EVENT = "device", "alarm", "command", "picture", "event"
STAMP = "hlc of "  # and of what
PICTURE_STAMP = STAMP + PICTURE
KIND_OF = {table: kind for kind, table in REPLICATED.items()}
Counter = tuple[str, str]  # what it counts, and the server's label where each counts for itself


def last_given(connection: Connection, origin: str) -> dict[str, int]:
    """Snapshot's last_* for the server of this label."""
    purged = read(connection)
    own_events = connection.scalar(select(func.max(events.c.sequence)).where(events.c.origin == origin)) or 0
    return {
        "last_site_id": _highest(connection, sites.c.id),
        "last_zone_id": _highest(connection, zones.c.id),
        "last_device_id": max(_highest(connection, devices.c.id), purged.get((DEVICE, ""), 0)),
        "last_alarm_id": max(_highest(connection, alarms.c.id), purged.get((ALARM, ""), 0)),
        "last_command_id": max(_highest(connection, commands.c.id), purged.get((COMMAND, ""), 0)),
        "last_picture_id": max(_highest(connection, pictures.c.id), purged.get((PICTURE, ""), 0)),
        "last_event_sequence": max(own_events, purged.get((EVENT, origin), 0)),
        "last_hlc": max(_highest_stamps(connection, purged)),
    }


def vector(connection: Connection) -> Vector:
    """See interface.Reader. Takes microseconds for ten million rows."""
    purged = read(connection)
    return {key: stamp for key, stamp in _stamps(connection, purged).items() if stamp > 0}


def read(connection: Connection) -> dict[Counter, int]:
    return {(kind, origin): value for kind, origin, value in connection.execute(select(high_water))}


def stamp(table: Table, origin: str) -> Counter:
    """What counts the stamps of one server's rows."""
    return STAMP + KIND_OF[table], origin


def note(connection: Connection, purged: Iterable[tuple[Counter, int]]) -> None:
    """Remember what rows that are being deleted were the last to hold."""
    highest: dict[Counter, int] = {}
    for counter, value in purged:
        highest[counter] = max(highest.get(counter, 0), value)
    known = read(connection) if highest else {}
    insert = INSERT[connection.dialect.name](high_water)
    statement = insert.on_conflict_do_update(index_elements=["kind", "origin"], set_={"value": insert.excluded.value})
    for (kind, origin), value in highest.items():
        if value > known.get((kind, origin), 0):
            connection.execute(statement, {"kind": kind, "origin": origin, "value": value})


def _highest(connection: Connection, column: Column[int]) -> int:
    return connection.scalar(select(func.max(column))) or 0


def _highest_stamps(connection: Connection, purged: dict[Counter, int]) -> Iterable[int]:
    newest_picture = select(pictures.c.hlc).order_by(pictures.c.id.desc()).limit(1)  # stamps grow with the ids
    pictured = connection.scalar(newest_picture) or 0, purged.get((PICTURE_STAMP, ""), 0)
    return *pictured, *_stamps(connection, purged).values()


def _stamps(connection: Connection, purged: dict[Counter, int]) -> dict[Counter, int]:
    """By kind and origin."""
    counted = {STAMP + kind: kind for kind in REPLICATED}
    found = {(counted[what], origin): value for (what, origin), value in purged.items() if what in counted}
    for kind, table in REPLICATED.items():
        for origin, newest in _newest(connection, table):
            found[kind, origin] = max(newest, found.get((kind, origin), 0))
    return found


def _newest(connection: Connection, table: Table) -> Iterable[tuple[str, int]]:
    """By origin. An index answers in microseconds where a look at ten million rows would delay the start by seconds.
    Events are never changed, so the stamps of one server grow with its sequence."""
    grows = events.c.sequence if table is events else table.c.hlc
    first = select(func.min(table.c.origin).label("origin")).cte("origins", recursive=True)
    following = select(func.min(table.c.origin)).where(table.c.origin > first.c.origin).scalar_subquery()
    origins = first.union_all(select(following).where(first.c.origin.is_not(None)))
    newest = select(table.c.hlc).where(table.c.origin == origins.c.origin).order_by(grows.desc()).limit(1)
    query = select(origins.c.origin, newest.scalar_subquery()).where(origins.c.origin.is_not(None))
    return [(origin, stamp) for origin, stamp in connection.execute(query)]
