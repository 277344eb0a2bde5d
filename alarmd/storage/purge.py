"""Retention: history older than a moment goes, in portions, and nothing that something kept refers to."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, Row, Table, delete, exists, not_, select

from alarmd.storage import high_water, sealed_keys
from alarmd.storage.high_water import ALARM, COMMAND, DEVICE, EVENT, Counter
from alarmd.storage.tables import (
    alarms,
    cameras,
    commands,
    contacts,
    custodies,
    device_keys,
    devices,
    events,
    marks,
    messages,
    outbox,
    pictures,
)


class History(NamedTuple):
    """Rows of a table that are history from `since` on, unless a column of `referring` still names them."""

    table: Table
    since: Column[int]
    referring: tuple[Column[int], ...] = ()
    counted: str = ""  # what high_water.py calls the table's ids


# Those that refer to others first.
HISTORIES = (
    History(events, events.c.received_at, counted=EVENT),
    History(outbox, outbox.c.settled_at),
    History(marks, marks.c.settled_at),
    History(commands, commands.c.finished_at, counted=COMMAND),
    History(
        alarms,
        alarms.c.cleared_at,
        referring=(events.c.alarm_id, outbox.c.alarm_id, pictures.c.alarm_id),
        counted=ALARM,
    ),
    History(
        devices,
        devices.c.forgotten_at,
        referring=(events.c.device_id, alarms.c.device_id, commands.c.device_id, pictures.c.device_id),
        counted=DEVICE,
    ),
)


def purge(connection: Connection, before: int, limit: int) -> int:
    """Delete up to `limit` rows older than `before` (wall µs), the oldest first. Returns how many."""
    left = limit
    for history in HISTORIES:
        if left > 0:
            left -= _purge_table(connection, history, before, left)
    return limit - left


def _purge_table(connection: Connection, history: History, before: int, limit: int) -> int:
    (key,) = history.table.primary_key
    unreferred = [not_(exists().where(column == key)) for column in history.referring]
    old = select(key).where(history.since < before, *unreferred)
    doomed = old.order_by(history.since, key).limit(limit).scalar_subquery()
    if history.table is alarms:
        connection.execute(delete(messages).where(messages.c.alarm_id.in_(doomed)))
    if history.table is devices:
        connection.execute(delete(contacts).where(contacts.c.device_id.in_(doomed)))
        _drop_cameras(connection, cameras.c.device_id.in_(doomed))
        connection.execute(delete(custodies).where(custodies.c.device_id.in_(doomed)))
        sealed_keys.drop(connection, [device_keys.c.device_id.in_(doomed)])
    gone = connection.execute(delete(history.table).where(key.in_(doomed)).returning(history.table)).all()
    high_water.note(connection, (counter for row in gone for counter in _counters(history, row)))
    return len(gone)


def _drop_cameras(connection: Connection, doomed: ColumnElement[bool]) -> None:
    gone = connection.execute(delete(cameras).where(doomed).returning(cameras.c.origin, cameras.c.hlc))
    high_water.note(connection, [(high_water.stamp(cameras, row.origin), row.hlc) for row in gone])


def _counters(history: History, row: Row[Any]) -> Iterator[tuple[Counter, int]]:
    yield high_water.stamp(history.table, row.origin), row.hlc
    if history.counted == EVENT:
        yield (EVENT, row.origin), row.sequence
    elif history.counted:
        yield (history.counted, ""), row.id
