"""The outbox: which delivery may be tried now, by whom and until when, and what became of it.

A lease names the process that holds it (its incarnation id), so a restarted server takes over its own old leases at
once. It ends on the monotonic clock of that process; on PostgreSQL on the database's clock, which two would share.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Double, Select, and_, cast, exists, func, literal, or_, select, update

from alarmd.storage import rows
from alarmd.storage.interface import FRESH, Claim, Lease, OutboxState, StoredAlarm, page
from alarmd.storage.named import stored_alarm, with_device_and_zone
from alarmd.storage.rows import Row
from alarmd.storage.tables import DELIVERY_DEAD, DELIVERY_OPEN, alarms, outbox

PENDING, DELIVERED, DEAD = "pending", "delivered", "dead"
MAX_ERROR = 500  # characters kept of why an attempt failed

DELIVERY_COLUMNS = tuple(outbox.columns)[1:11]  # those of the record
_earlier = outbox.alias("earlier")
_BLOCKED = exists().where(
    _earlier.c.alarm_id == outbox.c.alarm_id,
    _earlier.c.destination == outbox.c.destination,
    _earlier.c.state == PENDING,
    _earlier.c.row < outbox.c.row,
)


def claim(connection: Connection, wish: Claim) -> list[Lease]:
    """The attempt counts from here, so that a message on which the process dies is not tried for ever as if for the
    first time."""
    now = _lease_clock(connection, wish.now.mono)
    found: list[Row] = []
    for sort, most in _sorts(wish):
        room = min(page(wish.limit) - len(found), most)
        if room > 0:
            due = _due(wish, now).where(sort).limit(room)
            found += connection.execute(due.with_for_update(of=outbox, skip_locked=True)).all()
    if not found:
        return []
    leased = update(outbox).where(outbox.c.row.in_([row[0] for row in found]))
    values = {"lease_owner": wish.owner, "lease_until": now + wish.seconds, "attempts": outbox.c.attempts + 1}
    connection.execute(leased.values(values))
    deliveries = [rows.delivery_of(row[2:]) for row in found]
    about = _alarms(connection, {delivery.alarm_id for delivery in deliveries})
    return [
        Lease(delivery, row[1] + 1, about[delivery.alarm_id]) for delivery, row in zip(deliveries, found, strict=True)
    ]


def finish(connection: Connection, identity: str, owner: str, now_wall: int) -> None:
    _close_lease(connection, identity, owner, state=DELIVERED, settled_at=now_wall)


def retry(connection: Connection, identity: str, owner: str, due_wall: int, reason: str) -> None:
    _close_lease(connection, identity, owner, due_at=due_wall, last_error=_storable(reason))


def abandon(connection: Connection, identity: str, owner: str, now_wall: int, reason: str) -> None:
    _close_lease(connection, identity, owner, state=DEAD, settled_at=now_wall, last_error=_storable(reason))


def destinations(connection: Connection) -> list[str]:
    found = select(outbox.c.destination).where(DELIVERY_OPEN).distinct()
    return sorted(connection.scalars(found))


def state(connection: Connection) -> OutboxState:
    leased = outbox.c.lease_owner.is_not(None)
    is_open = select(func.count().filter(~leased), func.count().filter(leased), func.min(outbox.c.created_at))
    pending, held, oldest = connection.execute(is_open.where(DELIVERY_OPEN)).one()
    dead = connection.scalar(select(func.count()).select_from(outbox).where(DELIVERY_DEAD)) or 0
    return OutboxState(pending, held, dead, oldest)


def _sorts(wish: Claim) -> Iterator[tuple[ColumnElement[bool], int]]:
    """Those that go first, and how many of a sort at most. Each is a range of ix_outbox_open, so that ten thousand
    that wait are not looked through for one that is new."""
    fresh = wish.now.wall - FRESH
    urgent = outbox.c.urgent == literal(True)
    yield and_(urgent, outbox.c.due_at > fresh, outbox.c.created_at > fresh), wish.limit
    yield and_(urgent, outbox.c.created_at <= fresh), wish.limit
    yield outbox.c.urgent == literal(False), wish.calm


def _due(wish: Claim, now: ColumnElement[float]) -> Select[*tuple[Any, ...]]:
    return (
        select(outbox.c.row, outbox.c.attempts, *DELIVERY_COLUMNS)
        .where(DELIVERY_OPEN, outbox.c.destination == wish.destination, outbox.c.due_at <= wish.now.wall)
        .where(_free(wish.owner, now), ~_BLOCKED)
        .order_by(outbox.c.due_at, outbox.c.row)
    )


def _alarms(connection: Connection, ids: set[int]) -> dict[int, StoredAlarm]:
    found = connection.execute(with_device_and_zone(alarms, alarms.c.zone_id).where(alarms.c.id.in_(ids)))
    return {stored.alarm.id: stored for stored in rows.read(stored_alarm, found)}


def _free(owner: str, now: ColumnElement[float]) -> ColumnElement[bool]:
    return or_(outbox.c.lease_owner.is_(None), outbox.c.lease_owner != owner, outbox.c.lease_until <= now)


def _lease_clock(connection: Connection, now_mono: float) -> ColumnElement[float]:
    if connection.dialect.name == "postgresql":
        return cast(func.extract("epoch", func.clock_timestamp()), Double())
    return literal(now_mono, Double())


def _storable(reason: str) -> str:
    """What a destination said may hold anything; it must not get in the way of noting that it failed."""
    return reason[:MAX_ERROR].encode("utf-8", "replace").decode().replace("\0", "")


def _close_lease(connection: Connection, identity: str, owner: str, **changes: Any) -> None:
    """Nothing happens when the lease went to somebody else, or ended and was settled meanwhile."""
    held = update(outbox).where(outbox.c.identity == identity, outbox.c.lease_owner == owner, DELIVERY_OPEN)
    connection.execute(held.values(lease_owner=None, lease_until=None, **changes))
