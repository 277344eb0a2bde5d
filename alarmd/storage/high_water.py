"""The highest of what was ever given out, also after a purge took the row that had it.

An id given twice would tie a person's old link, or a message that was told long ago, to a new alarm.
"""

from collections.abc import Iterable

from sqlalchemy import Column, Connection, func, select

from alarmd.storage.batches import INSERT
from alarmd.storage.tables import (
    alarms,
    cameras,
    commands,
    device_keys,
    devices,
    events,
    high_water,
    outbox,
    pictures,
    sites,
    zones,
)

DEVICE, ALARM, COMMAND, PICTURE, EVENT, STAMP = "device", "alarm", "command", "picture", "event", "hlc"
Mark = tuple[str, str]  # what it counts, and the server's label where each counts for itself


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
        "last_hlc": max(_highest_stamp(connection), purged.get((STAMP, ""), 0)),
    }


def read(connection: Connection) -> dict[Mark, int]:
    return {(kind, origin): value for kind, origin, value in connection.execute(select(high_water))}


def note(connection: Connection, purged: Iterable[tuple[Mark, int]]) -> None:
    """Remember what rows that are being deleted were the last to hold."""
    marks: dict[Mark, int] = {}
    for mark, value in purged:
        marks[mark] = max(marks.get(mark, 0), value)
    known = read(connection)
    insert = INSERT[connection.dialect.name](high_water)
    statement = insert.on_conflict_do_update(index_elements=["kind", "origin"], set_={"value": insert.excluded.value})
    for (kind, origin), value in marks.items():
        if value > known.get((kind, origin), 0):
            connection.execute(statement, {"kind": kind, "origin": origin, "value": value})


def _highest(connection: Connection, column: Column[int]) -> int:
    return connection.scalar(select(func.max(column))) or 0


def _highest_stamp(connection: Connection) -> int:
    tables = (sites, zones, devices, device_keys, alarms, commands, cameras, outbox)
    newest_picture = select(pictures.c.hlc).order_by(pictures.c.id.desc()).limit(1)  # stamps grow with the ids
    others = _highest_event_stamp(connection), connection.scalar(newest_picture) or 0
    return max(*others, *(_highest(connection, table.c.hlc) for table in tables))


def _highest_event_stamp(connection: Connection) -> int:
    """Stamps of one server grow with its sequence, so the newest event of each is enough: the index answers in
    microseconds where a look at ten million rows would delay the start by seconds."""
    first = select(func.min(events.c.origin).label("origin")).cte("origins", recursive=True)
    following = select(func.min(events.c.origin)).where(events.c.origin > first.c.origin).scalar_subquery()
    origins = first.union_all(select(following).where(first.c.origin.is_not(None)))
    newest = (
        select(events.c.hlc)
        .where(events.c.origin == origins.c.origin)
        .order_by(events.c.sequence.desc())
        .limit(1)
        .scalar_subquery()
    )
    return connection.scalar(select(func.max(newest)).select_from(origins)) or 0
