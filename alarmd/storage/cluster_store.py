"""The store of one member of a cluster: what it stores holds only while its devices are its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, bindparam, update

from alarmd.core.effects import QueueDelivery, SaveCause, SaveSite, SaveZone
from alarmd.core.instant import SECOND
from alarmd.core.records import Alarm, Cause, Site, Zone
from alarmd.core.signed_session import RESTART_LEAD, UNITS, Beginnings
from alarmd.core.snapshot import Snapshot
from alarmd.storage import cluster_queries, custody, loading, member_queries, outbox_queries, quarantine
from alarmd.storage.cluster_queries import ALL, Taken
from alarmd.storage.database import Database
from alarmd.storage.errors import UNSTORABLE, RefusedError, reason
from alarmd.storage.interface import Claim, Lease, QuarantinedTurn, StorageUnusableError, Turn
from alarmd.storage.member_queries import Joined, Standing
from alarmd.storage.sql_store import SqlStore
from alarmd.storage.tables import contacts, custodies
from alarmd.storage.vault import Vault

NAME_TAKEN = "uq_devices_active_name"  # the index that lets one member introduce a device, and refuses the others
RELEASED = "another server watches its devices"
MAX_BEGINNINGS = 4  # custodians of a device whose counters are told by their age
PLACES, OUTBOX, MEMBERS = "places", "outbox", "members"  # what all members are told of


@dataclass(frozen=True, slots=True)
class TakenDevices:
    """What became of a claim. part: what storage has of the devices taken. unknown: names that nobody has. counters:
    as in DevicesTaken."""

    taken: Taken
    part: Snapshot
    unknown: frozenset[str] = frozenset()
    counters: Mapping[int, Beginnings] = field(default_factory=dict)


class ClusterStore(SqlStore):
    """claims: a connection of its own, so that a claim does not wait behind a commit. Its methods, below close(), are
    called from one thread that is not the writer's."""

    def __init__(self, database: Database, claims: Database, origin: str, vault: Vault, joined: Joined) -> None:
        super().__init__(database, origin, vault)
        self._claims = claims
        self.joined = joined

    def load(self, _ended: int = 0) -> Snapshot:
        with self._database.first_transaction() as connection:
            return loading.load_places(connection, self._origin)

    def commit(self, turns: Sequence[Turn]) -> list[QuarantinedTurn]:
        if not any(turns):
            return []
        try:
            return self._write_ours(turns)
        except (RefusedError, *UNSTORABLE):
            return [refused for index, turn in enumerate(turns) for refused in self._write_one(index, turn)]

    def claim_deliveries(self, wish: Claim) -> list[Lease]:
        with self._database.transaction() as connection:
            return outbox_queries.claim(connection, wish, shared=True)

    def close(self) -> None:
        super().close()
        self._claims.close()

    def renew(self) -> Standing:
        with self._claims.transaction() as connection:
            return member_queries.renew(connection, self.joined.incarnation)

    def bury(self, incarnations: Sequence[int]) -> None:
        with self._claims.transaction() as connection:
            member_queries.bury(connection, incarnations)

    def leave(self) -> None:
        """A planned stop."""
        with self._claims.transaction() as connection:
            member_queries.bury(connection, [self.joined.incarnation])
            cluster_queries.notify(connection, ALL, MEMBERS)

    def take(self, names: Sequence[str], own: Sequence[int], wall: int) -> TakenDevices:
        """names: from whoever has them. own: ids of devices to be read anew, if they are this member's. wall: µs."""
        with self._claims.transaction() as connection:
            known = cluster_queries.named(connection, names) if names else {}
            kept = cluster_queries.held(connection, self.joined.incarnation, own) if own else {}
            wanted = {*known.values(), *kept}
            taken = cluster_queries.take(connection, self.joined.incarnation, wanted, wall)
            return self._taken(connection, taken, wall, frozenset(names) - known.keys())

    def take_abandoned(self, alive: frozenset[int], limit: int, wall: int) -> TakenDevices:
        with self._claims.transaction() as connection:
            taken = cluster_queries.take_abandoned(connection, self.joined.incarnation, alive, limit, wall)
            return self._taken(connection, taken, wall, frozenset())

    def give(self, judge: int, devices: Sequence[int]) -> None:
        with self._claims.transaction() as connection:
            cluster_queries.give(connection, self.joined.incarnation, judge, devices)

    def mine(self) -> dict[int, int]:
        with self._claims.transaction() as connection:
            return cluster_queries.mine(connection, self.joined.incarnation)

    def places(self) -> tuple[tuple[Site, ...], tuple[Zone, ...], tuple[Cause, ...]]:
        with self._claims.transaction() as connection:
            return *loading.load_sites_and_zones(connection), cluster_queries.causes(connection)

    def shared_alarms(self) -> tuple[Alarm, ...]:
        with self._claims.transaction() as connection:
            return loading.load_shared_alarms(connection)

    def members_of(self, target: str, limit: int) -> list[str]:
        """Names of adopted devices, of the zone @NAME or of all."""
        with self._claims.transaction() as connection:
            return cluster_queries.members_of(connection, target, limit)

    def device_of_alarm(self, alarm_id: int) -> list[str]:
        """Its name; nothing if the alarm is about no single device, or there is no such alarm."""
        with self._claims.transaction() as connection:
            return cluster_queries.device_of_alarm(connection, alarm_id)

    def lines(self, hosts: frozenset[str], away: frozenset[int]) -> tuple[frozenset[str], bool, tuple[int, ...]]:
        with self._claims.transaction() as connection:
            return cluster_queries.lines(connection, hosts, away)

    def _taken(self, connection: Connection, taken: Taken, wall: int, unknown: frozenset[str]) -> TakenDevices:
        if not taken.epochs:
            return TakenDevices(taken, Snapshot(), unknown)
        part = loading.load_part(connection, self._vault, sorted(taken.epochs))
        return TakenDevices(taken, part, unknown, _lift_counters(connection, part, taken, wall))

    def _write_ours(self, turns: Sequence[Turn]) -> list[QuarantinedTurn]:
        conditions = custody.conditions(turns)
        with self._database.transaction() as connection:
            member_queries.require_alive(connection, self.joined.incarnation)
            new = {device_id for condition in conditions for device_id in condition.new}
            if new:
                cluster_queries.introduce(connection, self.joined.incarnation, new, 0)
            wanted = {device_id for condition in conditions for device_id in condition.epochs}
            held = cluster_queries.held(connection, self.joined.incarnation, wanted) if wanted else {}
            ours = [custody.still_ours(turn, held) for turn in turns]
            kept = [turn for turn in ours if turn is not None]
            causes = [effect for turn in kept for effect in turn if isinstance(effect, SaveCause)]
            self._writer.write(connection, [[one for one in turn if not isinstance(one, SaveCause)] for turn in kept])
            cluster_queries.save_causes(connection, causes)
            _tell_all(connection, kept)
        return [QuarantinedTurn(index, RELEASED, released=True) for index, turn in enumerate(ours) if turn is None]

    def _write_one(self, index: int, turn: Turn) -> list[QuarantinedTurn]:
        try:
            return [QuarantinedTurn(index, RELEASED, released=True) for _ in self._write_ours([turn])]
        except (RefusedError, *UNSTORABLE) as error:
            if NAME_TAKEN in reason(error) and any(condition.new for condition in custody.conditions([turn])):
                return [QuarantinedTurn(index, RELEASED, released=True)]
            with self._database.transaction() as connection:
                quarantine.keep(connection, custody.still_ours(turn, {}) or turn, reason(error))
            return [QuarantinedTurn(index, reason(error))]


def join(database: Database, claims: Database, origin: str, vault: Vault, name: str) -> ClusterStore:
    """Raises StorageUnusableError where a person must act."""
    try:
        with database.first_transaction() as connection:
            joined = member_queries.join(connection, origin, name)
    except RefusedError as error:
        raise StorageUnusableError(str(error)) from error
    return ClusterStore(database, claims, origin, vault, joined)


def _lift_counters(connection: Connection, part: Snapshot, taken: Taken, wall: int) -> dict[int, Beginnings]:
    """Where a device's counters begin is stored before they are used: the next custodian's begin above them, and knows
    when those of the last ones were sent. Returns where those began."""
    signed = {key.device_id for key in part.keys}
    lifted, before = [], {}
    for one in part.contacts:
        if one.device_id in signed:
            down = max(wall * UNITS // SECOND, one.counter_down + RESTART_LEAD)
            known = before[one.device_id] = _beginnings(taken.counters[one.device_id])
            kept = " ".join(f"{counter:x}:{at}" for counter, at in (*known, (down, wall))[-MAX_BEGINNINGS:])
            lifted.append({"id": one.device_id, "down": f"{down:x}", "counters": kept})
    if lifted:
        moved = update(contacts).where(contacts.c.device_id == bindparam("id"))
        connection.execute(moved.values(counter_down=bindparam("down")), lifted)
        told = update(custodies).where(custodies.c.device_id == bindparam("id"))
        connection.execute(told.values(counters=bindparam("counters")), lifted)
    return before


def _beginnings(text: str) -> Beginnings:
    pairs = (part.split(":") for part in text.split())
    return tuple((int(counter, 16), int(at)) for counter, at in pairs)


def _tell_all(connection: Connection, turns: Sequence[Turn]) -> None:
    kinds = {type(effect) for turn in turns for effect in turn}
    if kinds & {SaveSite, SaveZone, SaveCause}:
        cluster_queries.notify(connection, ALL, PLACES)
    if QueueDelivery in kinds:
        cluster_queries.notify(connection, ALL, OUTBOX)
