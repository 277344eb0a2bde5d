"""What happened, in the past tense: everything that can reach the rules; what operators ask for is in requests.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from alarmd.core.paths import Path
from alarmd.core.records import Alarm, Cause, Event, Picture, Site, Told, Trigger, Zone
from alarmd.core.requests import OperatorRequest
from alarmd.core.signed_session import Beginnings
from alarmd.core.snapshot import Snapshot

if TYPE_CHECKING:
    from alarmd.core.device_session import DeviceSession


@dataclass(frozen=True, slots=True)
class FrameReceived:
    """One datagram, or one line of a TCP connection without its line end."""

    payload: bytes
    path: Path


@dataclass(frozen=True, slots=True)
class HeartbeatsRepeated:
    """Plain heartbeats that the listener answered from its cache, see CacheHeartbeat."""

    sessions: Sequence["DeviceSession"]


@dataclass(frozen=True, slots=True)
class ConnectionClosed:
    path: Path


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The one timer. `due`: the monotonic time it was set to; much later than that means the server was blind."""

    due: float


@dataclass(frozen=True, slots=True)
class ServerStarted:
    """The first input. `version`: the program's."""

    version: str


@dataclass(frozen=True, slots=True)
class ServerStopping:
    """The last input of a planned stop."""


@dataclass(frozen=True, slots=True)
class StorageFailed:
    """A commit failed and is being retried; `reason` is for people and holds no secrets."""

    reason: str


@dataclass(frozen=True, slots=True)
class StorageRecovered:
    """Commits succeed again; everything that waited is stored."""


@dataclass(frozen=True, slots=True)
class BacklogFilled:
    """Too many turns wait for a commit: refuse what would need one more."""


@dataclass(frozen=True, slots=True)
class BacklogDrained:
    pass


@dataclass(frozen=True, slots=True)
class TurnQuarantined:
    """The database refused one turn alone, for good; it was set aside and nothing in it was acknowledged. events,
    pictures: those it would have stored."""

    reason: str
    events: tuple[Event, ...] = ()
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class DeliveryAbandoned:
    """A destination refused a message for good, or every attempt failed."""

    identity: str
    destination: str
    alarm_id: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class DeliverySettled:
    """A destination took a message. Made only in a pair."""

    identity: str


@dataclass(frozen=True, slots=True)
class PeerMet:
    """The link to the peer is up, and everything that this server had was told or is being told. last_alarm,
    last_command: the highest ids that the peer knows of. clock_offset: s that its wall clock is ahead of ours."""

    version: str
    last_alarm: int
    last_command: int
    clock_offset: float


@dataclass(frozen=True, slots=True)
class PeerGone:
    """The link is down, or silent for too long. reason: for people. silent: s since the peer's last sign of life."""

    reason: str
    silent: float = 0.0


@dataclass(frozen=True, slots=True)
class PeerLeft:
    """The peer said goodbye: a planned stop."""


@dataclass(frozen=True, slots=True)
class PeerTold:
    """Records of the peer, in the order in which it made them, parents first. Merging them twice is harmless."""

    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class PeerHears:
    """Devices, by name, that the peer hears from now on, and that it hears no longer."""

    heard: tuple[str, ...] = ()
    unheard: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProofEnded:
    """The daily test alarm went all the way, or did not. text: for people."""

    passed: bool
    text: str


@dataclass(frozen=True, slots=True)
class DevicesTaken:
    """This server watches these devices from now on, which another member of its cluster did until now, or nobody.
    part: what storage has of them, and their zones and sites. unheard_since: wall µs, by device, of those that nobody
    may have listened to: from then on their silence counts. counters: of those with a key, where the counters of their
    last custodians began."""

    part: Snapshot
    unheard_since: Mapping[int, int] = field(default_factory=dict)
    counters: Mapping[int, Beginnings] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DevicesReleased:
    """Another member watches these devices, by id: from now on they are nothing to this server."""

    devices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PlacesTold:
    """All sites and zones, and every cause of failover mode, as the members of the cluster stored them."""

    sites: tuple[Site, ...]
    zones: tuple[Zone, ...]
    causes: tuple[Cause, ...] = ()


@dataclass(frozen=True, slots=True)
class JudgeChosen:
    """Whether silence is judged here. alarms: if it is from now on, those that are about no single device."""

    judges: bool
    alarms: tuple[Alarm, ...] = ()


@dataclass(frozen=True, slots=True)
class LinesSeen:
    """Where the other members hear devices, of the addresses that matter; whether they hear anybody; and of the members
    of shared losses those that are lost no longer."""

    hosts: frozenset[str]
    anybody: bool
    found: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PictureReceived:
    """The archive has a new picture. captured_at: wall µs as its source says, None: when it arrived. upload: the id
    that it was asked for or sent by; the same bytes with it are the same picture, sent again. was_announced: its device
    was let send it by an effect TakePart, and it counts among that device's messages already."""

    device: str
    key: str
    captured_at: int | None
    received_at: int
    trigger: Trigger
    upload: str
    digest: str
    size: int
    width: int
    height: int
    repair: str = ""
    was_announced: bool = False


@dataclass(frozen=True, slots=True)
class PictureFound:
    """The archive has an old picture that nobody knows of any more."""

    picture: PictureReceived


@dataclass(frozen=True, slots=True)
class PictureFailed:
    """A camera that was asked for a picture gave none. reason: for people, without secrets."""

    device: str
    upload: str
    reason: str


@dataclass(frozen=True, slots=True)
class PartSettled:
    """What became of a part of a picture, see TakePart. result: a result of uploads. detail: what goes with
    it, the offset or the reason."""

    path: Path
    device: str
    upload: str
    answers: int
    result: int
    detail: str


@dataclass(frozen=True, slots=True)
class LiveRequested:
    """Somebody begins to watch a device whom nobody watched."""

    device: str


@dataclass(frozen=True, slots=True)
class LiveEnded:
    """The last one who watched it went."""

    device: str


@dataclass(frozen=True, slots=True)
class CameraIntroduced:
    """A camera's first upload in PrusaConnect's manner, or news of itself. fingerprint: kept once and for all."""

    device: str
    fingerprint: str
    info: str | None = None  # JSON; None: it says nothing


@dataclass(frozen=True, slots=True)
class FilmMade:
    """A film in the archive. recipients: those that it is sent to, by destination; once, however often it is made.
    asked_by: who asked for it, and gets it again if he asks again."""

    device: str
    key: str
    text: str
    recipients: tuple[tuple[str, str], ...]
    asked_by: str = ""


@dataclass(frozen=True, slots=True)
class ManifestSealed:
    """What the archive has of a camera's days is written down. recipients: those that keep copies of the archive, by
    destination."""

    key: str
    recipients: tuple[tuple[str, str], ...]


# What parts of the server itself report, and wait until it is stored.
Report = PictureReceived | CameraIntroduced | FilmMade | ManifestSealed | PeerTold
Input = (
    FrameReceived
    | HeartbeatsRepeated
    | ConnectionClosed
    | TimerFired
    | ServerStarted
    | ServerStopping
    | StorageFailed
    | StorageRecovered
    | BacklogFilled
    | BacklogDrained
    | TurnQuarantined
    | DeliveryAbandoned
    | DeliverySettled
    | PeerMet
    | PeerGone
    | PeerLeft
    | PeerHears
    | ProofEnded
    | DevicesTaken
    | DevicesReleased
    | PlacesTold
    | JudgeChosen
    | LinesSeen
    | PictureFound
    | PictureFailed
    | PartSettled
    | LiveRequested
    | LiveEnded
    | Report
    | OperatorRequest
)
