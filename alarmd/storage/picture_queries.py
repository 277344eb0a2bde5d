"""Pictures in the database: which there are, and which may go."""

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, or_, select

from alarmd.core.records import Picture
from alarmd.storage import high_water, rows
from alarmd.storage.high_water import PICTURE, PICTURE_STAMP
from alarmd.storage.interface import (
    MAX_PAGE,
    CameraTotals,
    Expendable,
    PictureFilter,
    ReceivedFilter,
    StoredPicture,
    page,
)
from alarmd.storage.named import stored_picture, with_device
from alarmd.storage.tables import ALARM_OPEN, DELIVERY_OPEN, alarms, devices, outbox, pictures

_OF_OPEN_ALARM = exists().where(alarms.c.id == pictures.c.alarm_id, ALARM_OPEN)
_ON_ITS_WAY = exists().where(outbox.c.attachment == pictures.c.key, DELIVERY_OPEN)


def found(connection: Connection, wanted: PictureFilter) -> list[StoredPicture]:
    order = pictures.c.id.desc() if wanted.newest_first else pictures.c.id
    query = with_device(pictures).where(*_conditions(wanted)).order_by(order).limit(page(wanted.limit))
    return list(rows.read(stored_picture, connection.execute(query)))


def expendable(connection: Connection, wish: Expendable) -> list[Picture]:
    """The oldest first. Never one of an open alarm."""
    received, seen = wish.after
    old = and_(
        pictures.c.received_at < wish.before,
        or_(pictures.c.alarm_id.is_(None), pictures.c.received_at < wish.alarms_before),
    )
    further = and_(
        pictures.c.received_at >= received,
        or_(pictures.c.received_at > received, pictures.c.id > seen),
    )
    query = select(pictures).where(old, further, ~_OF_OPEN_ALARM)
    if not wish.awaited:
        query = query.where(~_ON_ITS_WAY)
    query = query.order_by(pictures.c.received_at, pictures.c.id).limit(page(wish.limit))
    return list(rows.read(rows.picture_of, connection.execute(query)))


def drop(connection: Connection, ids: Sequence[int]) -> None:
    """Their files are gone. The ids are never given out again."""
    gone = connection.execute(
        delete(pictures).where(pictures.c.id.in_(ids)).returning(pictures.c.id, pictures.c.hlc)
    ).all()
    high_water.note(
        connection, [*(((PICTURE, ""), row.id) for row in gone), *(((PICTURE_STAMP, ""), row.hlc) for row in gone)]
    )


def totals(connection: Connection) -> list[CameraTotals]:
    received = pictures.c.received_at
    query = select(
        devices.c.name, func.count(), func.sum(pictures.c.size), func.min(received), func.max(received)
    ).join_from(pictures, devices)
    found = connection.execute(query.group_by(devices.c.name))
    return sorted((CameraTotals(name, count, int(size), *span) for name, count, size, *span in found), key=_device)


def received(connection: Connection, wanted: ReceivedFilter) -> list[Picture]:
    """Ids grow as pictures come, so the day's first and last ones bound what is looked at in a device's index."""
    of_day = pictures.c.received_at.between(wanted.since, wanted.until - 1)
    first, last = (select(edge(pictures.c.id)).where(of_day).scalar_subquery() for edge in (func.min, func.max))
    of_device = pictures.c.device_id.in_(select(devices.c.id).where(devices.c.name == wanted.device))
    ids = and_(pictures.c.id > wanted.after_id, pictures.c.id.between(first, last))
    query = select(pictures).where(of_device, ids, of_day).order_by(pictures.c.id).limit(MAX_PAGE)
    return list(rows.read(rows.picture_of, connection.execute(query)))


def known(connection: Connection, keys: Sequence[str]) -> set[str]:
    return set(connection.scalars(select(pictures.c.key).where(pictures.c.key.in_(keys))))


def awaited(connection: Connection, keys: Sequence[str]) -> set[str]:
    return set(connection.scalars(select(outbox.c.attachment).where(outbox.c.attachment.in_(keys), DELIVERY_OPEN)))


def _device(totals: CameraTotals) -> str:
    return totals.device


def _conditions(wanted: PictureFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.device is not None:
        yield pictures.c.device_id.in_(select(devices.c.id).where(devices.c.name == wanted.device))
    if wanted.alarm_id is not None:
        yield pictures.c.alarm_id == wanted.alarm_id
    if wanted.since is not None:
        yield pictures.c.captured_at >= wanted.since
    if wanted.until is not None:
        yield pictures.c.captured_at < wanted.until
    if wanted.after_id is not None:
        yield pictures.c.id > wanted.after_id
    if wanted.picture_id is not None:
        yield pictures.c.id == wanted.picture_id
