"""The outbox: which delivery may be tried now, by whom and until when, and what became of it.

A lease names the process that holds it (its incarnation id), so a restarted server takes over its own old leases at
once. It ends on the monotonic clock of that process; on PostgreSQL on the database's clock, which two would share.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Double, cast, func, literal, or_, select, update

from alarmd.storage import rows
from alarmd.storage.interface import Lease, OutboxState, page
from alarmd.storage.tables import DELIVERY_DEAD, DELIVERY_OPEN, outbox

PENDING, DELIVERED, DEAD = "pending", "delivered", "dead"
MAX_ERROR = 500  # characters kept of why an attempt failed

DELIVERY_COLUMNS = tuple(outbox.columns)[1:11]  # those of the record


def claim(
    connection: Connection, owner: str, now_wall: int, now_mono: float, seconds: float, limit: int
) -> list[Lease]:
    """Lease up to `limit` due deliveries to `owner`, the urgent ones first, then by due time. The attempt counts
    from here, so that a message on which the process dies is not tried for ever as if for the first time."""
    now = _lease_clock(connection, now_mono)
    due = (
        select(outbox.c.row, outbox.c.attempts, *DELIVERY_COLUMNS)
        .where(DELIVERY_OPEN, outbox.c.due_at <= now_wall, _free(owner, now))
        .order_by(outbox.c.urgent.desc(), outbox.c.due_at, outbox.c.row)
        .limit(page(limit))
        .with_for_update(skip_locked=True)
    )
    found = connection.execute(due).all()
    if found:
        leased = update(outbox).where(outbox.c.row.in_([row[0] for row in found]))
        connection.execute(leased.values(lease_owner=owner, lease_until=now + seconds, attempts=outbox.c.attempts + 1))
    return [Lease(rows.delivery_of(row[2:]), row[1] + 1) for row in found]


def finish(connection: Connection, identity: str, owner: str, now_wall: int) -> None:
    _close_lease(connection, identity, owner, state=DELIVERED, settled_at=now_wall)


def retry(connection: Connection, identity: str, owner: str, due_wall: int, reason: str) -> None:
    _close_lease(connection, identity, owner, due_at=due_wall, last_error=_storable(reason))


def abandon(connection: Connection, identity: str, owner: str, now_wall: int, reason: str) -> None:
    _close_lease(connection, identity, owner, state=DEAD, settled_at=now_wall, last_error=_storable(reason))


def state(connection: Connection) -> OutboxState:
    leased = outbox.c.lease_owner.is_not(None)
    is_open = select(func.count().filter(~leased), func.count().filter(leased), func.min(outbox.c.created_at))
    pending, held, oldest = connection.execute(is_open.where(DELIVERY_OPEN)).one()
    dead = connection.scalar(select(func.count()).select_from(outbox).where(DELIVERY_DEAD)) or 0
    return OutboxState(pending, held, dead, oldest)


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
