"""Which member of a cluster watches which device, on PostgreSQL.

A device has one custodian. Taking the custody raises its epoch, and a turn is stored only with the epoch that it was
made with. Whoever takes waits for the turns of whoever had it, whose rows they hold.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from alarmd.core.effects import SaveCause
from alarmd.core.records import Cause
from alarmd.storage import member_queries

NOBODY = 0  # the custodian of a device that no member ever took
ALL = "alarmd_all"  # the channel that every member listens on
PORTION = 300  # devices in one notification, which ends at 8,000 bytes
HOST = "substring(address from '^[a-z]+:\\[?([^\\]]*)\\]?:[0-9]+$')"  # of a path, see core/paths.py

# S608: made of constants.
_SEEN = text(f"SELECT DISTINCT {HOST} FROM contacts WHERE presence = 'online' AND {HOST} = ANY(:hosts)")  # noqa: S608


@dataclass(frozen=True, slots=True)
class Taken:
    """device_id → epoch, and those of them that nobody may have listened to, with the wall µs from which somebody
    does. counters: as the column has them."""

    epochs: dict[int, int]
    unheard_since: dict[int, int]
    counters: dict[int, str] = field(default_factory=dict)


def channel(incarnation: int) -> str:
    """The one that only this member listens on."""
    return f"alarmd_{incarnation}"


def held(connection: Connection, incarnation: int, devices: Iterable[int]) -> dict[int, int]:
    """Those of the devices that are this member's, with their epochs. Nobody takes them before the transaction ends."""
    query = text(
        "SELECT device_id, epoch FROM custodies WHERE device_id = ANY(:ids) AND member = :me "
        "ORDER BY device_id FOR SHARE"
    )
    found = connection.execute(query, {"ids": sorted(devices), "me": incarnation})
    return _pairs(found)


def introduce(connection: Connection, incarnation: int, devices: Iterable[int], wall: int) -> None:
    rows = [{"id": device_id, "me": incarnation, "wall": wall} for device_id in sorted(devices)]
    connection.execute(
        text("INSERT INTO custodies VALUES (:id, :me, 1, '', :wall) ON CONFLICT (device_id) DO NOTHING"), rows
    )


def named(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    """name → id of those that are there."""
    query = text("SELECT name, id FROM devices WHERE forgotten_at IS NULL AND name = ANY(:names)")
    return _pairs(connection.execute(query, {"names": list(names)}))


def take(connection: Connection, incarnation: int, devices: Iterable[int], wall: int) -> Taken:
    """Waits for the turns of those that have them now, and tells them."""
    query = text(
        "SELECT device_id, member FROM custodies WHERE device_id = ANY(:ids) ORDER BY device_id FOR NO KEY UPDATE"
    )
    before = connection.execute(query, {"ids": sorted(devices)}).all()
    return _take(connection, incarnation, before, wall, abandoned=False)


def take_abandoned(connection: Connection, incarnation: int, alive: Iterable[int], limit: int, wall: int) -> Taken:
    """Up to `limit` devices of nobody, or of members that are buried or forgotten; those that another member is taking
    at this moment are left to it. Buried members that have none left are forgotten."""
    gone = [one for one in _custodians(connection) if one not in set(alive)]
    if not gone:
        member_queries.forget(connection)
        return Taken({}, {})
    query = text(
        "SELECT device_id, member FROM custodies WHERE member = ANY(:gone) LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED"
    )
    before = connection.execute(query, {"gone": gone, "limit": limit}).all()
    return _take(connection, incarnation, before, wall, abandoned=True)


def give(connection: Connection, incarnation: int, judge: int, devices: Iterable[int]) -> None:
    """Hand devices over, if they are this member's still."""
    moved = text(
        "UPDATE custodies SET member = :judge, epoch = epoch + 1 WHERE device_id = ANY(:ids) AND member = :me "
        "RETURNING device_id, epoch"
    )
    rows = connection.execute(moved, {"judge": judge, "ids": sorted(devices), "me": incarnation}).all()
    for channel_ in (channel(incarnation), channel(judge)):
        _tell(connection, channel_, "taken" if channel_ == channel(incarnation) else "given", rows)


def mine(connection: Connection, incarnation: int) -> dict[int, int]:
    """Every device that is this member's, with its epoch."""
    query = text("SELECT device_id, epoch FROM custodies WHERE member = :me")
    return _pairs(connection.execute(query, {"me": incarnation}))


def notify(connection: Connection, channel_: str, payload: str) -> None:
    """Heard by those who listen once the transaction is stored."""
    connection.execute(text("SELECT pg_notify(:channel, :payload)"), {"channel": channel_, "payload": payload})


def _take(connection: Connection, incarnation: int, before: Sequence[Any], wall: int, *, abandoned: bool) -> Taken:
    if not before:
        return Taken({}, {})
    taken = text(
        "UPDATE custodies SET member = :me, epoch = epoch + 1, watched_from = CASE WHEN coalesce("
        "(SELECT last_contact FROM contacts WHERE contacts.device_id = custodies.device_id), 0) >= watched_from "
        "THEN :wall ELSE watched_from END "
        "WHERE device_id = ANY(:ids) RETURNING device_id, epoch, counters, watched_from, "
        "coalesce((SELECT presence FROM contacts WHERE contacts.device_id = custodies.device_id), '')"
    )
    rows = connection.execute(taken, {"me": incarnation, "wall": wall, "ids": [row[0] for row in before]}).all()
    epochs = {row[0]: row[1] for row in rows}
    counters = {row[0]: row[2] for row in rows}
    losers: dict[int, list[tuple[int, int]]] = {}
    for device_id, member in before:
        if member not in (incarnation, NOBODY):
            losers.setdefault(member, []).append((device_id, epochs[device_id]))
    if not abandoned:
        for member, lost in losers.items():
            _tell(connection, channel(member), "taken", lost)
    exact = "" if abandoned else "late"  # whoever hands over what is late has stored when it was heard last
    unheard = {device_id: since for device_id, _, _, since, presence in rows if presence != exact}
    return Taken(epochs, unheard, counters)


def _pairs(found: Iterable[Any]) -> dict[Any, Any]:
    return {key: value for key, value in found}  # noqa: C416  rows are no pairs to mypy


def _tell(connection: Connection, channel_: str, what: str, devices: Sequence[Any]) -> None:
    for start in range(0, len(devices), PORTION):
        portion = " ".join(f"{device_id}:{epoch}" for device_id, epoch in devices[start : start + PORTION])
        notify(connection, channel_, f"{what} {portion}")


def _custodians(connection: Connection) -> list[int]:
    """Everybody who has a device. The index is looked at once for each, rather than at every row."""
    query = text(
        "WITH RECURSIVE found AS (SELECT min(member) AS member FROM custodies UNION ALL "
        "SELECT (SELECT min(member) FROM custodies WHERE custodies.member > found.member) FROM found "
        "WHERE found.member IS NOT NULL) SELECT member FROM found WHERE member IS NOT NULL"
    )
    return list(connection.scalars(query))


def lines(
    connection: Connection, hosts: Iterable[str], away: Iterable[int]
) -> tuple[frozenset[str], bool, tuple[int, ...]]:
    """What the judge asks, see LinesSeen: hosts where devices are online, whether any is, and which of `away` are lost
    no longer."""
    found = text("SELECT device_id FROM contacts WHERE device_id = ANY(:away) AND presence <> 'lost'")
    anybody = connection.scalar(text("SELECT EXISTS (SELECT 1 FROM contacts WHERE presence = 'online')"))
    return (
        frozenset(connection.scalars(_SEEN, {"hosts": sorted(hosts)})),
        bool(anybody),
        tuple(connection.scalars(found, {"away": sorted(away)})),
    )


def device_of_alarm(connection: Connection, alarm_id: int) -> list[str]:
    query = text("SELECT name FROM devices WHERE id = (SELECT device_id FROM alarms WHERE id = :id)")
    return list(connection.scalars(query, {"id": alarm_id}))


def members_of(connection: Connection, target: str, limit: int) -> list[str]:
    query = text(
        "SELECT name FROM devices WHERE forgotten_at IS NULL AND standing = 'adopted' "
        "AND (:target = '*' OR zone_id = (SELECT id FROM zones WHERE '@' || name = :target)) LIMIT :limit"
    )
    return list(connection.scalars(query, {"target": target, "limit": limit}))


def save_causes(connection: Connection, changes: Iterable[SaveCause]) -> None:
    """In order."""
    kept = text(
        "INSERT INTO failover_causes VALUES (:zone_id, :cause, :ends_at) "
        "ON CONFLICT (zone_id, cause) DO UPDATE SET ends_at = excluded.ends_at"
    )
    gone = text("DELETE FROM failover_causes WHERE zone_id = :zone_id AND cause = :cause")
    for change in changes:
        key = {"zone_id": change.cause.zone_id, "cause": change.cause.cause}
        if change.over:
            connection.execute(gone, key)
        else:
            connection.execute(kept, {**key, "ends_at": change.cause.ends_at})


def causes(connection: Connection) -> tuple[Cause, ...]:
    found = connection.execute(text("SELECT zone_id, cause, ends_at FROM failover_causes ORDER BY zone_id, cause"))
    return tuple(Cause(*row) for row in found)
