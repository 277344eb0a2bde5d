"""Which servers share a PostgreSQL, and which of them are alive.

A member is alive while it renews its lease, on the database's clock. Once it is buried it can store nothing: each
transaction of its turns holds its own row, and whoever buries it waits for that.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, text

from alarmd.core.member_numbers import MEMBERS
from alarmd.storage.errors import RefusedError
from alarmd.storage.interface import StorageUnavailableError

LEASE = 6.0  # s
CLOCK = "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"

# S608: made of constants, all of them.
_FOUND = text(
    f"SELECT incarnation, slot, label, lease_until < {CLOCK} FROM members WHERE NOT buried ORDER BY lease_until"  # noqa: S608
)
_JOIN = text(
    f"INSERT INTO members (slot, label, name, lease_until, buried) "  # noqa: S608
    f"VALUES (:slot, :label, :name, {CLOCK} + {LEASE}, FALSE) RETURNING incarnation"
)
_RENEW = text(
    f"UPDATE members SET lease_until = {CLOCK} + {LEASE} WHERE incarnation = :me AND NOT buried RETURNING slot"  # noqa: S608
)
_ALIVE = text(f"SELECT incarnation, lease_until >= {CLOCK} FROM members WHERE NOT buried")  # noqa: S608
_FORGET = text(
    "DELETE FROM members WHERE buried AND NOT EXISTS (SELECT 1 FROM custodies WHERE member = members.incarnation)"
)


class BuriedError(StorageUnavailableError):
    """The others took this member for dead. It may store nothing any more; a new process may join."""


class Joined(NamedTuple):
    """incarnation: this process, never given twice. slot: its place among the members, 0 to MEMBERS - 1."""

    incarnation: int
    slot: int


class Standing(NamedTuple):
    """judge: the incarnation of the member that has been there longest. expired: members whose lease has ended."""

    judge: int
    alive: frozenset[int]
    expired: frozenset[int]


def join(connection: Connection, label: str, name: str) -> Joined:
    """Raises RefusedError if the members have another label, or all places are taken."""
    connection.execute(text("LOCK TABLE members IN SHARE ROW EXCLUSIVE MODE"))
    rows = connection.execute(_FOUND).all()
    others = {other for _, _, other, gone in rows if not gone and other != label}
    if others:
        raise RefusedError(
            f"the servers on this database have the label {others.pop()}; members of a cluster share one"
        )
    free = sorted(set(range(MEMBERS)) - {slot for _, slot, _, _ in rows})
    if not free:
        gone = [(incarnation, slot) for incarnation, slot, _, expired in rows if expired]
        if not gone:
            raise RefusedError(f"{MEMBERS} servers use this database, the limit")
        bury(connection, [gone[0][0]])
        free = [gone[0][1]]
    connection.execute(
        text(
            "INSERT INTO custodies SELECT id, 0, 0, '', 0 FROM devices WHERE forgotten_at IS NULL "
            "AND NOT EXISTS (SELECT 1 FROM custodies WHERE device_id = devices.id) ON CONFLICT DO NOTHING"
        )
    )
    made = connection.execute(_JOIN, {"slot": free[0], "label": label, "name": name})
    return Joined(made.scalar_one(), free[0])


def renew(connection: Connection, incarnation: int) -> Standing:
    """Raises BuriedError."""
    if connection.execute(_RENEW, {"me": incarnation}).one_or_none() is None:
        raise BuriedError("the other members took this server for dead")
    found = connection.execute(_ALIVE).all()
    alive = frozenset(one for one, lives in found if lives)
    return Standing(min(alive), alive, frozenset(one for one, lives in found if not lives))


def bury(connection: Connection, incarnations: Iterable[int]) -> None:
    """What they watched is free for the others to take."""
    gone = text("UPDATE members SET buried = TRUE WHERE incarnation = ANY(:gone)")
    connection.execute(gone, {"gone": sorted(incarnations)})


def require_alive(connection: Connection, incarnation: int) -> None:
    """Holds off whoever would bury this member until the transaction ends. Raises BuriedError."""
    mine = text("SELECT 1 FROM members WHERE incarnation = :me AND NOT buried FOR SHARE")
    if connection.execute(mine, {"me": incarnation}).one_or_none() is None:
        raise BuriedError("the other members took this server for dead")


def forget(connection: Connection) -> None:
    """Buried members that have no device left."""
    connection.execute(_FORGET)
