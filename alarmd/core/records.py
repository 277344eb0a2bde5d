"""What is kept: immutable records that the rules make and storage writes. One class, one table.

Times are wall-clock microseconds UTC. `id` is a surrogate: names are attributes and may be reused.
A record that a second server will one day replicate carries where it was made: `origin` (the server's label)
and `hlc` (hybrid logical clock, see hybrid_clock.py); events and alarms have an identity both servers compute alike.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Standing(StrEnum):
    """What the operator has said of a device, or that it is none."""

    ADMITTED = "admitted"  # seen, served, not yet the operator's own
    QUARANTINED = "quarantined"  # recorded and shown; nothing acts on it
    ADOPTED = "adopted"  # the operator's own: never evicted, fully supervised
    OPERATOR = "operator"  # an operator's machine: it has a name and keys as a device has, and meets devices


NOT_ADOPTED = frozenset({Standing.ADMITTED, Standing.QUARANTINED})  # devices that share limits of their own


class Dialect(StrEnum):
    """How a device's frames are read and how commands are written to it."""

    AUTO = "auto"  # read tolerantly, answered by the book, watched for habits of `seed`
    LFCP1 = "lfcp1"  # by the book; anything else from it is malformed
    SEED = "seed"  # the 2020 camera: commands in rows after the CSV reply


class Signing(StrEnum):
    """Which of a device's frames count; without a key it is open."""

    OPEN = "open"
    MIXED = "mixed"  # while it migrates: unsigned motion raises alarms, and nothing else unsigned counts
    SIGNED = "signed"


class Presence(StrEnum):
    NEW = "new"  # seen, not yet regular enough to be supervised
    ONLINE = "online"
    LATE = "late"
    LOST = "lost"
    ELSEWHERE = "elsewhere"  # this server does not hear it, its peer does
    ASLEEP = "asleep"


class Arming(StrEnum):
    ARMED = "armed"
    DISARMED = "disarmed"
    SCHEDULE = "schedule"  # armed inside the zone's schedule, in the time zone of its site


class AlarmKind(StrEnum):
    MOTION = "motion"
    CONTACT_LOST = "contact_lost"  # one device
    SITE_LOST = "site_lost"  # every device behind one public address
    UPLINK_LOST = "uplink_lost"  # every device there is: our own line, most likely
    PATH_LOST = "path_lost"  # devices that this server does not hear and its peer does
    PEER_LOST = "peer_lost"  # the other server of the pair
    PROOF_FAILED = "proof_failed"  # the daily test alarm did not go all the way
    TAMPER = "tamper"  # two devices have one key


class AlarmState(StrEnum):
    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared"


class Trigger(StrEnum):
    """Why a picture was taken."""

    ALARM = "alarm"
    COMMAND = "command"  # a person asked
    SCHEDULE = "schedule"  # the server asks every so often
    DEVICE = "device"  # the camera sends them by itself


class CommandState(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    ACKED = "acked"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Site:
    id: int
    name: str
    time_zone: str  # IANA name
    origin: str
    hlc: int


@dataclass(frozen=True, slots=True)
class Zone:
    id: int
    site_id: int
    name: str
    arming: Arming
    schedule: str  # empty: always; grammar in core/schedule.py
    origin: str
    hlc: int


@dataclass(frozen=True, slots=True)
class Device:
    """What the operator and the rules decided about a device; rarely written. Its whereabouts are a Contact."""

    id: int
    name: str
    zone_id: int
    standing: Standing
    dialect: Dialect
    report_within: float  # s: a loss is told within it
    arming_answers: bool  # silence on purpose, so that a seed device's own detector runs
    detector_wish: bool | None  # the operator's ENAL/DSAL; None: never said
    wanted_detector: bool | None  # wish OR failover causes; None: leave it alone
    wanted_version: int  # counts up with every change of what is wanted
    camera_wish: bool | None  # the operator's WCAM/SCAM; None: never said
    settings: tuple[str, ...]  # the operator's CONF, "name=value", in the order of the table of settings
    signing: Signing
    muted_until: int | None  # its motion is told nobody until then
    first_seen: int
    forgotten_at: int | None  # the row stays for the history's sake; the name is free again
    origin: str
    hlc: int


@dataclass(frozen=True, slots=True)
class Contact:
    """Where and when a device was last seen; written often, and in batches, hence a table of its own."""

    device_id: int
    presence: Presence
    last_contact: int
    address: str  # str(Path)
    asleep_until: int | None
    counter_up: int = 0  # LFCP/2: the highest taken from the device
    counter_down: int = 0  # and the last sent to it
    boots: str = ""  # identities of its latest messages, see core/boots.py


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """One key of a device; storage seals the secret. Identity: (device_id, epoch)."""

    device_id: int
    epoch: int  # counts up with every new key
    secret: bytes = field(repr=False)  # 32 bytes
    created_at: int
    origin: str
    hlc: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; never changed. Identity: (origin, sequence)."""

    origin: str
    sequence: int
    hlc: int
    happened_at: int  # received_at less the age that the device states
    received_at: int
    device_id: int | None
    zone_id: int | None
    kind: str  # an EventKind of core/event_kinds.py
    text: str
    boot_id: str | None  # the device's own identity of the event: (boot_id, boot_event), LFCP/2
    boot_event: int | None
    alarm_id: int | None


@dataclass(frozen=True, slots=True)
class Alarm:
    """An incident that somebody must know of. `identity` is computed alike on both servers."""

    id: int
    identity: str
    kind: AlarmKind
    state: AlarmState
    device_id: int | None  # None: it concerns a site or the server itself
    zone_id: int | None
    text: str
    raised_at: int
    last_event_at: int
    event_count: int
    ended_at: int | None  # when the incident went quiet (motion) or contact was back (loss)
    told: bool  # False: the zone was disarmed, so it is kept but told nobody
    acknowledged_at: int | None
    acknowledged_by: str | None
    cleared_at: int | None
    cleared_by: str | None
    followed_up: int  # s; the age at which it was last followed up, see core/follow_ups.py
    follow_up_at: int | None  # when it is next, if nobody acknowledges it
    picture_by: int | None  # a picture was asked for and is missing after this; None: nobody asked for one
    picture: str  # the key of its first picture in the archive; empty: none yet
    pictures: int  # how many it has
    origin: str
    hlc: int


@dataclass(frozen=True, slots=True)
class Command:
    id: int
    identity: str  # shared over retries and servers: the id that LFCP/2 sends
    device_id: int
    verb: str
    params: tuple[str, ...]  # emptied once finished when the verb carries a secret
    state: CommandState
    requested_by: str
    created_at: int
    expires_at: int
    attempts: int
    sent_at: int | None
    finished_at: int | None
    outcome: str  # why it failed, or what the device said; empty while open
    origin: str
    hlc: int


@dataclass(frozen=True, slots=True)
class Camera:
    """How pictures come from a device beside LFCP, for those that the operator set up. Identity: device_id."""

    device_id: int
    source_networks: tuple[str, ...]  # uploads over HTTP from elsewhere are refused; empty: from anywhere
    by_address: bool  # uploads from these networks that name nobody are this device's
    upload_digest: str  # SHA-256 of its upload secret, in hexadecimal; empty: it has none
    fingerprint: str  # that its first upload in PrusaConnect's manner came with; empty: none yet
    info: str  # what it said of itself then, JSON; empty: nothing
    pull_url: str = field(repr=False)  # answers with a JPEG or an MJPEG stream; may hold a password; empty: none
    every: int  # s between pictures that the server asks for; 0: it does not
    on_alarm: bool  # a picture is asked for when an alarm is raised
    origin: str
    hlc: int


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture in the archive; never changed."""

    id: int
    device_id: int
    sequence: int  # counts the device's
    key: str  # in the archive, see frames/keys.py
    captured_at: int  # as its source says, else as received
    received_at: int
    trigger: Trigger
    upload: str  # the id that it was asked for or sent by; empty: none
    alarm_id: int | None
    digest: str  # SHA-256 of the bytes in the archive, in hexadecimal
    size: int  # bytes
    width: int  # pixels
    height: int
    repair: str  # what was mended; empty: nothing
    origin: str
    hlc: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one destination. The outbox keeps its attempts and lease; `identity` makes resends harmless."""

    identity: str  # destination and recipient + ":" + the alarm's identity, the key or the upload + ":" + what is told
    destination: str  # a name in the configuration
    recipient: str  # whom to tell there, a chat for example; empty where there is only one
    subject: str  # raised, reminder, acknowledged, cleared, changed, picture, snapshot, film or manifest
    alarm_id: int | None  # None: it tells of no alarm
    text: str
    attachment: str  # the key in the archive of what goes with it; empty: nothing
    urgent: bool  # may use the emergency outbox while the database is away
    created_at: int
    due_at: int
    origin: str
    hlc: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A delivery that is settled: told, or dropped by a person. Whoever has a copy of it leaves it untold."""

    identity: str  # of the delivery
    settled_at: int
    origin: str
    hlc: int


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a zone is in failover mode, as the members of a cluster tell each other. Identity: (zone_id, cause)."""

    zone_id: int
    cause: str  # see core/failover.py
    ends_at: int | None  # wall µs; None: it goes on


Record = Site | Zone | Device | Contact | DeviceKey | Event | Alarm | Command | Camera | Picture | Delivery | Mark
Replicated = Site | Zone | Device | DeviceKey | Camera | Mark | Alarm | Command | Event | Delivery


@dataclass(frozen=True, slots=True)
class Told:
    """A record as one server tells it to the other. Ids of devices, zones and sites are each server's own, so their
    names go with it; those of alarms and commands are the same at both, see core/numbering.py."""

    record: Replicated
    device: str | None = None
    zone: str | None = None
    site: str | None = None
