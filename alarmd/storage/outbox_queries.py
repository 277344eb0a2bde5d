"""The outbox: which delivery may be tried now, by whom and until when, and what became of it.

A lease names the process that holds it (its incarnation id), so a restarted server takes over its own old leases at
once. It ends on the monotonic clock of that process; on PostgreSQL on the database's clock, which two would share.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Select,
    Text,
    Update,
    and_,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    update,
)

from alarmd.core.effects import DropDelivery, HushAlarm, RetryDelivery
from alarmd.storage import rows, told_messages
from alarmd.storage.interface import (
    FRESH,
    Claim,
    DeliveryFilter,
    DeliveryState,
    Lease,
    OutboxState,
    StoredDelivery,
    page,
)
from alarmd.storage.rows import Row
from alarmd.storage.tables import DELIVERY_DEAD, DELIVERY_OPEN, marks, members, outbox

PENDING, DELIVERED, DEAD, DROPPED = map(str, DeliveryState)  # as plain strings, see rows.py
PICTURE = "picture"  # the subject of those that may go together
MAX_ERROR = 500  # characters kept of why an attempt failed
LOOKED_UP = 500  # identities in one statement

DELIVERY_COLUMNS = tuple(outbox.columns)[1:13]  # those of the record
_INDEXED = {DeliveryState.PENDING: DELIVERY_OPEN, DeliveryState.DEAD: DELIVERY_DEAD}
_UNCERTAIN = or_(outbox.c.uncertain, outbox.c.lease_owner.is_not(None))  # a lease that is left over was never settled
_earlier = outbox.alias("earlier")
_BLOCKED = exists().where(
    _earlier.c.alarm_id == outbox.c.alarm_id,
    _earlier.c.destination == outbox.c.destination,
    _earlier.c.recipient == outbox.c.recipient,
    _earlier.c.state == PENDING,
    _earlier.c.row < outbox.c.row,
    or_(_earlier.c.subject != PICTURE, outbox.c.subject != PICTURE),
)


def claim(connection: Connection, wish: Claim, *, shared: bool = False) -> list[Lease]:
    """shared: other members of a cluster lease too, and each is left alone while it lives.

    The attempt counts from here, so that a message on which the process dies is not tried for ever as if for the
    first time."""
    now = _lease_clock(connection, wish.now.mono)
    found: list[Row] = []
    for sort, most in _sorts(wish):
        room = min(page(wish.limit) - len(found), most)
        if room > 0:
            due = _due(wish, now, shared).where(sort).limit(room)
            found += connection.execute(due.with_for_update(of=outbox, skip_locked=True)).all()
    if not found:
        return []
    leased = update(outbox).where(outbox.c.row.in_([row[0] for row in found]))
    values = {"lease_owner": wish.owner, "lease_until": now + wish.seconds, "uncertain": _UNCERTAIN}
    connection.execute(leased.values(attempts=outbox.c.attempts + 1, **values))
    return told_messages.leases(connection, [(row[1] + 1, bool(row[2]), rows.delivery_of(row[3:])) for row in found])


def finish(connection: Connection, identity: str, owner: str, now_wall: int, reference: str, moved_to: str) -> None:
    key = outbox.c.destination, outbox.c.recipient, outbox.c.alarm_id
    held = connection.execute(select(*key).where(_held(identity, owner))).one_or_none()
    if held is not None:
        told_messages.remember(connection, *held, reference, moved_to)
        _close_lease(connection, identity, owner, state=DELIVERED, settled_at=now_wall)


def retry(connection: Connection, identity: str, owner: str, due_wall: int, reason: str, uncertain: bool) -> None:
    doubt = {"uncertain": True} if uncertain else {}
    _close_lease(connection, identity, owner, due_at=due_wall, last_error=_storable(reason), **doubt)


def postpone(connection: Connection, identity: str, owner: str, due_wall: int) -> None:
    _close_lease(connection, identity, owner, due_at=due_wall, attempts=outbox.c.attempts - 1)


def abandon(connection: Connection, identity: str, owner: str, now_wall: int, reason: str) -> None:
    _close_lease(connection, identity, owner, state=DEAD, settled_at=now_wall, last_error=_storable(reason))


def drop(connection: Connection, identity: str, owner: str, now_wall: int, reason: str) -> None:
    _close_lease(connection, identity, owner, state=DROPPED, settled_at=now_wall, last_error=_storable(reason))


def drop_attached(connection: Connection, keys: Sequence[str], now_wall: int, reason: str) -> Counter[str]:
    gone = update(outbox).where(outbox.c.attachment.in_(keys), DELIVERY_OPEN).returning(outbox.c.destination)
    return Counter(connection.scalars(gone.values(last_error=reason, **_settled(DROPPED, now_wall))))


def change(connection: Connection, changes: Iterable[RetryDelivery | DropDelivery | HushAlarm]) -> None:
    """In order. What is being tried is not tried again beside it, but it can be dropped."""
    for one in changes:
        connection.execute(_changed(one))


def settle_marked(connection: Connection, identities: Collection[str]) -> None:
    """Those of these deliveries that are open and have a mark."""
    mark = select(marks.c.settled_at).where(marks.c.identity == outbox.c.identity)
    told = update(outbox).where(DELIVERY_OPEN, mark.exists()).values(_settled(DELIVERED, mark.scalar_subquery()))
    wanted = sorted(identities)
    for start in range(0, len(wanted), LOOKED_UP):
        connection.execute(told.where(outbox.c.identity.in_(wanted[start : start + LOOKED_UP])))


def found(connection: Connection, wanted: DeliveryFilter) -> list[StoredDelivery]:
    """A query for each state: what waits and what is dead is few and has an index, beside years of what was told."""
    merged = [one for state in wanted.states for one in _in_state(connection, state, wanted)]
    return sorted(merged, key=lambda one: -one.row)[: page(wanted.limit)]


def _changed(one: RetryDelivery | DropDelivery | HushAlarm) -> Update:
    if isinstance(one, HushAlarm):
        waiting = update(outbox).where(outbox.c.alarm_id == one.alarm_id, outbox.c.attachment == "", DELIVERY_OPEN)
        return waiting.values(_settled(DROPPED, one.dropped_at))
    unsettled = update(outbox).where(outbox.c.identity == one.identity, outbox.c.state.in_((PENDING, DEAD)))
    if isinstance(one, DropDelivery):
        return unsettled.values(_settled(DROPPED, one.dropped_at))
    again = {"state": PENDING, "attempts": 0, "due_at": one.due_at, "settled_at": None}
    return unsettled.where(outbox.c.lease_owner.is_(None)).values(again)


def _settled(state: str, at: Any) -> dict[str, Any]:
    return {"state": state, "settled_at": at, "lease_owner": None, "lease_until": None}


def _in_state(connection: Connection, state: DeliveryState, wanted: DeliveryFilter) -> list[StoredDelivery]:
    c = outbox.c
    query = select(c.row, c.attempts, c.last_error, c.settled_at, *DELIVERY_COLUMNS)
    few = _INDEXED.get(state)
    row = c.row if few is None else c.row + 0  # a sum, so that SQLite sorts the few rather than walk through all rows
    query = query.where(c.state == str(state) if few is None else few).order_by(row.desc()).limit(page(wanted.limit))
    if wanted.destination is not None:
        query = query.where(c.destination == wanted.destination)
    if wanted.row is not None:
        query = query.where(c.row == wanted.row)
    return [
        StoredDelivery(row, rows.delivery_of(delivery), state, attempts, error, settled)
        for row, attempts, error, settled, *delivery in connection.execute(query)
    ]


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
    yield and_(urgent, outbox.c.due_at > fresh, outbox.c.created_at > fresh, _not(wish.busy)), wish.limit
    yield and_(urgent, outbox.c.created_at <= fresh, _not(wish.busy)), wish.limit
    may_upload = or_(outbox.c.attachment == "", _not(wish.upload_busy))
    yield and_(outbox.c.urgent == literal(False), _not(wish.busy | wish.calm_busy), may_upload), wish.calm


def _not(recipients: frozenset[str]) -> ColumnElement[bool]:
    return outbox.c.recipient.not_in(sorted(recipients)) if recipients else true()


def _due(wish: Claim, now: ColumnElement[float], shared: bool) -> Select[*tuple[Any, ...]]:
    return (
        select(outbox.c.row, outbox.c.attempts, _UNCERTAIN, *DELIVERY_COLUMNS)
        .where(DELIVERY_OPEN, outbox.c.destination == wish.destination, outbox.c.due_at <= wish.now.wall)
        .where(_free(wish.owner, now, shared), ~_BLOCKED)
        .order_by(outbox.c.due_at, outbox.c.row)
    )


def _free(owner: str, now: ColumnElement[float], shared: bool) -> ColumnElement[bool]:
    alive = select(cast(members.c.incarnation, Text())).where(~members.c.buried)
    gone = outbox.c.lease_owner.not_in(alive) if shared else outbox.c.lease_owner != owner
    return or_(outbox.c.lease_owner.is_(None), gone, outbox.c.lease_until <= now)


def _lease_clock(connection: Connection, now_mono: float) -> ColumnElement[float]:
    if connection.dialect.name == "postgresql":
        return cast(func.extract("epoch", func.clock_timestamp()), Double())
    return literal(now_mono, Double())


def _storable(reason: str) -> str:
    """What a destination said may hold anything; it must not get in the way of noting that it failed."""
    return reason[:MAX_ERROR].encode("utf-8", "replace").decode().replace("\0", "")


def _close_lease(connection: Connection, identity: str, owner: str, **changes: Any) -> None:
    """Nothing happens when the lease went to somebody else, or ended and was settled meanwhile."""
    held = update(outbox).where(_held(identity, owner))
    connection.execute(held.values(lease_owner=None, lease_until=None, **changes))


def _held(identity: str, owner: str) -> ColumnElement[bool]:
    return and_(outbox.c.identity == identity, outbox.c.lease_owner == owner, DELIVERY_OPEN)
