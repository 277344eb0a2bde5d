"""What the rules decide, in the imperative. Durable effects are committed before the others of the same turn leave.

One `engine.handle(input, now)` is one turn; its effects are one unit: stored together or not at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from alarmd.core.paths import Path
from alarmd.core.records import (
    Alarm,
    Camera,
    Cause,
    Command,
    Contact,
    Delivery,
    Device,
    DeviceKey,
    Event,
    Mark,
    Picture,
    Record,
    Site,
    Trigger,
    Zone,
)
from lfcp import Part

if TYPE_CHECKING:
    from alarmd.core.device_session import DeviceSession

COPY_PATIENCE = 0.15  # s that the ACK of an alarm waits for the peer's copy


@dataclass(frozen=True, slots=True)
class RecordEvent:
    event: Event


@dataclass(frozen=True, slots=True)
class SaveSite:
    site: Site


@dataclass(frozen=True, slots=True)
class SaveZone:
    zone: Zone


@dataclass(frozen=True, slots=True)
class SaveDevice:
    device: Device


@dataclass(frozen=True, slots=True)
class SaveContacts:
    contacts: tuple[Contact, ...]


@dataclass(frozen=True, slots=True)
class SaveKey:
    key: DeviceKey


@dataclass(frozen=True, slots=True)
class DropKey:
    """The device uses a newer one, or is forgotten. Nothing if there is no such key."""

    device_id: int
    epoch: int


@dataclass(frozen=True, slots=True)
class SaveAlarm:
    alarm: Alarm


@dataclass(frozen=True, slots=True)
class SaveCommand:
    command: Command


@dataclass(frozen=True, slots=True)
class SaveCamera:
    camera: Camera


@dataclass(frozen=True, slots=True)
class SavePicture:
    picture: Picture


@dataclass(frozen=True, slots=True)
class QueueDelivery:
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class RetryDelivery:
    """One that was given up is due again, as if for the first time; one that waits for another try is due at once.
    Nothing if it was delivered or dropped."""

    identity: str
    due_at: int


@dataclass(frozen=True, slots=True)
class DropDelivery:
    """It is never told. Nothing if it was delivered."""

    identity: str
    dropped_at: int


@dataclass(frozen=True, slots=True)
class CopyEvent:
    """An event that the peer recorded. Its alarm may be one that a purge took here: then it names none."""

    event: Event


@dataclass(frozen=True, slots=True)
class SaveMark:
    """A delivery is settled, here or at the peer: its row, if there is one that is open, counts as delivered, and one
    that comes later with CopyDelivery is born so."""

    mark: Mark


@dataclass(frozen=True, slots=True)
class CopyDelivery:
    """A message that the peer is to tell: told here when it is due, unless a mark settled it before. Nothing if it is
    known."""

    delivery: Delivery


@dataclass(frozen=True, slots=True)
class HushAlarm:
    """What is still to be told of this alarm is dropped: another one tells of the same incident."""

    alarm_id: int
    dropped_at: int


@dataclass(frozen=True, slots=True)
class TellPeer:
    """Devices, by name, that this server hears from now on, and that it hears no longer. Lost if the link is down:
    PeerMet is answered with all that it hears."""

    heard: tuple[str, ...] = ()
    unheard: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SendFrame:
    """Bytes for a device. `promises`: the frame says that something is stored, so it waits for the commit;
    a heartbeat's ACK and a command promise nothing and leave at once. One with a secret waits too, for the counter that
    sealed it. `doubled`: sent in its place if the peer has stored the turn too within COPY_PATIENCE; None: do not wait
    for the peer."""

    path: Path
    payload: bytes
    promises: bool
    doubled: bytes | None = None


@dataclass(frozen=True, slots=True)
class HandOver:
    """Devices, by id, whose silence the judge of the cluster is to watch: they are late, and that is stored."""

    devices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FetchPicture:
    """Ask a camera that the server can reach. url: of a JPEG or an MJPEG stream; may hold a password. upload: what the
    picture is to come back with."""

    device: str
    url: str = field(repr=False)
    trigger: Trigger
    upload: str


@dataclass(frozen=True, slots=True)
class TakePart:
    """Take the bytes of a picture that stand behind a line, or say what is there of it; PartSettled tells how it went.
    answers: the line's counter, 0: it is not signed."""

    path: Path
    device: str
    part: Part
    answers: int


@dataclass(frozen=True, slots=True)
class CloseConnection:
    path: Path


@dataclass(frozen=True, slots=True)
class RejectFrame:
    """Garbage, or more than a limit allows: counted by reason, sampled in the log, never answered."""

    path: Path
    reason: str  # a reason code of lfcp or of core/rejections.py; doubles as a metric label
    sample: bytes


@dataclass(frozen=True, slots=True)
class CacheHeartbeat:
    """The same payload from the same path is a plain heartbeat of this session until EvictHeartbeat says otherwise."""

    session: "DeviceSession"
    path: Path
    payload: bytes
    reply: bytes


@dataclass(frozen=True, slots=True)
class EvictHeartbeat:
    session: "DeviceSession"


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of an operator's request, given after the commit."""

    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Refuse:
    """An operator's request that changes nothing. `message` names the field, the limit and the fix."""

    reason: str  # unknown_device, unknown_zone, unknown_alarm, invalid, queue_full, unavailable …
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class SaveCause:
    """In a cluster only: all members follow the mode of a zone. over: there is no such cause any more."""

    cause: Cause
    over: bool = False


@dataclass(frozen=True, slots=True)
class Custody:
    """A condition: the effects of this turn on these devices are stored only while this member of the cluster has the
    custody of them, by the epoch that it knows. new: those that it introduces. divisible: what concerns the others is
    stored all the same; else all or nothing."""

    epochs: Mapping[int, int]
    new: frozenset[int]
    divisible: bool


DurableEffect = (
    RecordEvent
    | SaveSite
    | SaveZone
    | SaveDevice
    | SaveContacts
    | SaveKey
    | DropKey
    | SaveAlarm
    | SaveCommand
    | SaveCamera
    | SavePicture
    | QueueDelivery
    | RetryDelivery
    | DropDelivery
    | CopyEvent
    | SaveMark
    | CopyDelivery
    | HushAlarm
    | SaveCause
    | Custody
)
Performed = (
    TellPeer
    | HandOver
    | SendFrame
    | FetchPicture
    | TakePart
    | CloseConnection
    | RejectFrame
    | CacheHeartbeat
    | EvictHeartbeat
)
OutgoingEffect = Performed | Answer | Refuse
Effect = DurableEffect | OutgoingEffect

DURABLE = (
    RecordEvent,
    SaveSite,
    SaveZone,
    SaveDevice,
    SaveContacts,
    SaveKey,
    DropKey,
    SaveAlarm,
    SaveCommand,
    SaveCamera,
    SavePicture,
    QueueDelivery,
    RetryDelivery,
    DropDelivery,
    CopyEvent,
    SaveMark,
    CopyDelivery,
    HushAlarm,
    SaveCause,
)
