"""What the rest of the house may ask of storage; memory, SQLite and PostgreSQL answer alike (tests/contracts)."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path as FilePath
from typing import Protocol, Self

from alarmd.core.effects import DurableEffect
from alarmd.core.instant import SECOND, Instant
from alarmd.core.names import device_name, zone_name
from alarmd.core.records import Alarm, Command, Contact, Delivery, Device, Event, Picture, Site, Told, Zone
from alarmd.core.snapshot import Snapshot
from alarmd.core.state import State
from lfcp.constants import VERBS

Turn = Sequence[DurableEffect]

# By kind and origin, the highest stamp of the records that a server has; kinds are those of REPLICATED in tables.py.
Vector = Mapping[tuple[str, str], int]

MAX_PAGE = 1000  # rows in one answer to a reader, or deliveries claimed at once
FRESH = 120 * SECOND  # µs in which an alarm goes before older ones: whoever it is about may still be there


HIDDEN = "(hidden)"  # in place of a secret


def is_secret(command: Command) -> bool:
    """Whether its parameters are. A verb that this program does not know may carry anything."""
    verb = VERBS.get(command.verb)
    return verb is None or verb.secret


def page(limit: int) -> int:
    """What a caller asked for, within what may be asked."""
    return max(0, min(limit, MAX_PAGE))


class StorageError(Exception):
    """Base of what storage reports. The text is for people and never holds a password."""


class StorageUnavailableError(StorageError):
    """Not stored, as far as is known; the same turns, in the same order, may succeed later and do no harm if they were
    stored after all (locked, full, read-only, connection lost)."""


class StorageUnusableError(StorageError):
    """This database cannot be served by this program (newer schema, corrupt file, wrong URL); a person must act."""


@dataclass(frozen=True, slots=True)
class QuarantinedTurn:
    """A turn that the database refused alone, for good: its place in the batch, and why. released: nothing is wrong
    with it, but another member of the cluster watches its devices meanwhile; it is not kept in quarantine."""

    index: int
    reason: str
    released: bool = False


@dataclass(frozen=True, slots=True)
class OutboxState:
    pending: int
    leased: int
    dead: int
    oldest_pending_at: int | None  # wall µs


class DeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"  # refused for good, or tried too often
    DROPPED = "dropped"  # by an operator, or nobody needs it any more, or there is nothing left to deliver


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """The newest first. states: any of these."""

    states: tuple[DeliveryState, ...] = (DeliveryState.PENDING, DeliveryState.DEAD)
    destination: str | None = None
    row: int | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """A delivery with its row id, and what became of it. last_error: why the last attempt failed."""

    row: int
    delivery: Delivery
    state: DeliveryState
    attempts: int
    last_error: str
    settled_at: int | None


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Newest first. `since` is included, `until` is not. A device's name also finds forgotten devices that had it."""

    device: str | None = None
    kind: str | None = None
    since: int | None = None  # wall µs, of received_at
    until: int | None = None
    after_row: int | None = None  # for --follow: rows stored later than this one, oldest first
    limit: int = 100


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event with its row id (grows in commit order) and the device's and zone's names at the time of asking."""

    row: int
    event: Event
    device: str | None
    zone: str | None


@dataclass(frozen=True, slots=True)
class StoredAlarm:
    alarm: Alarm
    device: str | None
    zone: str | None

    @classmethod
    def live(cls, state: State, alarm: Alarm) -> Self:
        """With the names of the live state, of which only the loop's thread may ask."""
        return cls(alarm, device_name(state, alarm.device_id), zone_name(state, alarm.zone_id))


@dataclass(frozen=True, slots=True)
class StoredCommand:
    """Without its secrets."""

    command: Command
    device: str | None

    @classmethod
    def shown(cls, command: Command, device: str | None) -> Self:
        if is_secret(command):
            command = replace(command, params=(HIDDEN,) * len(command.params))
        return cls(command, device)


@dataclass(frozen=True, slots=True)
class StoredPicture:
    picture: Picture
    device: str | None


@dataclass(frozen=True, slots=True)
class PictureFilter:
    """The newest first, or in the order in which they came. `since` is included, `until` is not."""

    device: str | None = None
    alarm_id: int | None = None
    since: int | None = None  # wall µs, of captured_at
    until: int | None = None
    after_id: int | None = None  # ids later than this one
    picture_id: int | None = None
    newest_first: bool = True
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Expendable:
    """Pictures that may go. before, alarms_before: wall µs that they were received before, and that those of alarms
    were; the oldest first, up to `limit`. after: received_at and id of the last one that was seen already. awaited:
    also those that a destination waits for."""

    before: int
    alarms_before: int
    after: tuple[int, int] = (0, 0)
    awaited: bool = False
    limit: int = MAX_PAGE


@dataclass(frozen=True, slots=True)
class CameraTotals:
    """oldest, newest: wall µs, of received_at."""

    device: str
    pictures: int
    bytes: int
    oldest: int
    newest: int


@dataclass(frozen=True, slots=True)
class ReceivedFilter:
    """Pictures of a device by the moment when they were received, wall µs, in the order of their ids: up to MAX_PAGE
    with ids later than after_id. `since` is included, `until` is not."""

    device: str
    since: int
    until: int
    after_id: int = 0


@dataclass(frozen=True, slots=True)
class StoredDevice:
    device: Device
    contact: Contact | None
    zone: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What a worker asks for. owner: the process's incarnation id. seconds: how long it may try, on the monotonic
    clock. limit: at most so many; calm: at most so many that are not urgent. busy: recipients to leave alone;
    calm_busy: those to leave alone but for what is urgent; upload_busy: those that get nothing with an attachment."""

    owner: str
    destination: str
    now: Instant
    seconds: float
    limit: int
    calm: int
    busy: frozenset[str] = frozenset()
    calm_busy: frozenset[str] = frozenset()
    upload_busy: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Message:
    """What a recipient has been told and can be changed. reference: the destination's own words for where it is.
    alarms: all that it tells of, as they are now, by id."""

    reference: str
    alarms: tuple[StoredAlarm, ...]


@dataclass(frozen=True, slots=True)
class Lease:
    """A delivery that its claimer alone may try, with the alarm as it is now, if it tells of one, and the picture that
    goes with it, if that is one. uncertain: nobody knows what became of an earlier attempt. message: the one that told
    the recipient of the alarm."""

    delivery: Delivery
    attempt: int  # 1 for the first
    alarm: StoredAlarm | None
    picture: StoredPicture | None = None
    uncertain: bool = False
    message: Message | None = None


class Store(Protocol):
    """The one writer. Every call may block: the turn runner and the delivery worker call from the writer thread."""

    def load(self, ended: int = 0) -> Snapshot:
        """ended: how many alarms, commands and devices that are over, of each the latest by number, a pair needs."""
        ...

    def commit(self, turns: Sequence[Turn]) -> list[QuarantinedTurn]:
        """One transaction for all turns, in order; empty when all are stored. If the database refuses the batch
        for what is in it, each turn is tried alone and the refused ones are returned (and kept in the quarantine
        table if possible). Committing an effect a second time is harmless. Raises StorageUnavailableError."""
        ...

    def claim_deliveries(self, wish: Claim) -> list[Lease]:
        """Due deliveries of one destination: urgent ones of the last FRESH first, then older urgent ones, then the
        rest; each by due time. Of one alarm only the earliest that is open, so that nobody hears of its end before its
        beginning; but pictures do not wait for each other. A lease of another incarnation, or one that ran out, is
        claimable again."""
        ...

    def waiting_destinations(self) -> list[str]:
        """The names of those that open deliveries are for, in order."""
        ...

    def finish_delivery(
        self, identity: str, owner: str, now_wall: int, reference: str = "", moved_to: str = ""
    ) -> None:
        """reference: of the message that tells the recipient of this alarm from now on. moved_to: where the recipient
        is from now on."""
        ...

    def retry_delivery(
        self, identity: str, owner: str, due_wall: int, reason: str, uncertain: bool = False
    ) -> None: ...

    def postpone_delivery(self, identity: str, owner: str, due_wall: int) -> None:
        """It was not tried after all, so the attempt does not count."""
        ...

    def abandon_delivery(self, identity: str, owner: str, now_wall: int, reason: str) -> None: ...

    def drop_delivery(self, identity: str, owner: str, now_wall: int, reason: str) -> None:
        """Nobody needs it any more."""
        ...

    def drop_pictures(self, ids: Sequence[int]) -> None:
        """Forget them; whoever calls this has deleted their files."""
        ...

    def drop_attached(self, keys: Sequence[str], now_wall: int, reason: str) -> Mapping[str, int]:
        """Settles what would deliver these files, which are gone. Returns how many deliveries, by destination."""
        ...

    def purge(self, before_wall: int, limit: int) -> int:
        """Delete up to `limit` rows of history older than this: events, cleared alarms, finished commands, settled
        deliveries, marks, forgotten devices nothing refers to (with contacts, cameras and keys, which are not counted).
        Returns how many went; call again while it equals limit."""
        ...

    def backup(self, target: FilePath) -> None:
        """A consistent copy while running (SQLite only; PostgreSQL raises StorageError naming pg_dump)."""
        ...

    def close(self) -> None: ...


class Reader(Protocol):
    """Reads for people: from any thread, beside the writer, also when no server runs."""

    def events(self, wanted: EventFilter) -> list[StoredEvent]: ...

    def alarms(
        self, *, include_cleared: bool = False, device: str | None = None, limit: int = 100
    ) -> list[StoredAlarm]: ...

    def commands(
        self, *, device: str | None = None, command_id: int | None = None, limit: int = 100
    ) -> list[StoredCommand]: ...

    def pictures(self, wanted: PictureFilter) -> list[StoredPicture]: ...

    def received_pictures(self, wanted: ReceivedFilter) -> list[Picture]: ...

    def expendable_pictures(self, wish: Expendable) -> list[Picture]:
        """None of an open alarm, and none that a destination waits for unless that is wished."""
        ...

    def picture_totals(self) -> list[CameraTotals]:
        """Of every device that has some, in the order of the names. Looks at every row: seconds for ten million."""
        ...

    def known_pictures(self, keys: Sequence[str]) -> set[str]:
        """Those of the keys that are pictures'."""
        ...

    def awaited(self, keys: Sequence[str]) -> set[str]:
        """Those of the keys that a destination waits for."""
        ...

    def devices(self) -> list[StoredDevice]:
        """By name; none of operators' machines, nor does any other query for devices find these."""
        ...

    def operators(self) -> list[StoredDevice]:
        """Operators' machines, by name."""
        ...

    def sites(self) -> list[Site]: ...

    def zones(self) -> list[Zone]: ...

    def outbox(self) -> OutboxState: ...

    def deliveries(self, wanted: DeliveryFilter) -> list[StoredDelivery]: ...

    def moved(self, destination: str) -> dict[str, str]:
        """Recipients of a destination that moved, and where they are now."""
        ...

    def vector(self) -> Vector:
        """What this database has of which server; the rows themselves are the cursor."""
        ...

    def changes(self, since: Vector, page: int) -> Generator[tuple[Told, ...], None, None]:
        """Everything that may be told to a peer and is newer than `since`, in one snapshot of the database: parents
        first, each kind of each origin by its stamps, up to `page` records at once. Deliveries: those that are open and
        carry no file. Close it early with close()."""
        ...

    def healthy(self) -> bool: ...

    def close(self) -> None: ...
