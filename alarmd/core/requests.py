"""What operators ask for, in the past tense: inputs of the rules like all others, whichever way they were asked."""

from dataclasses import dataclass, field

from alarmd.core.records import Arming, Dialect, Signing


@dataclass(frozen=True, slots=True)
class CommandRequested:
    """target: a device's name, "*" for every adopted device, or "@zone"."""

    operator: str
    target: str
    verb: str
    params: tuple[str, ...] = ()
    time_to_live: float | None = None  # s; None: the configured default
    in_clear: bool = False  # the operator accepts that a secret travels unencrypted


@dataclass(frozen=True, slots=True)
class ArmingRequested:
    """zone: a name, or "*". schedule: kept as it is when None."""

    operator: str
    zone: str
    arming: Arming
    schedule: str | None = None


@dataclass(frozen=True, slots=True)
class SiteRequested:
    """Makes a site, or changes the one of this name."""

    operator: str
    name: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class ZoneRequested:
    """Makes a zone, or moves the one of this name to another site."""

    operator: str
    name: str
    site: str


@dataclass(frozen=True, slots=True)
class DeviceAdopted:
    """Makes a device the operator's own, before it is first seen or after."""

    operator: str
    device: str
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class KeyGiven:
    """A device's first key, which also adopts it, or with `renew` one that takes the place of those it has. key: 32
    random bytes. mixed: unsigned motion still counts, see Signing."""

    operator: str
    device: str
    key: bytes = field(repr=False)
    zone: str | None = None
    mixed: bool = False
    renew: bool = False


@dataclass(frozen=True, slots=True)
class OperatorAdded:
    """A machine from which somebody connects to devices. key: 32 random bytes. KeyGiven(renew=True) gives another."""

    operator: str
    machine: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class OperatorRemoved:
    """Its key opens nothing any more, and its sessions are over."""

    operator: str
    machine: str


@dataclass(frozen=True, slots=True)
class DeviceForgotten:
    operator: str
    device: str


@dataclass(frozen=True, slots=True)
class DeviceChanged:
    """Settings of one device; None leaves a setting as it is. muted: s from now in which its motion is told nobody; 0
    ends that."""

    operator: str
    device: str
    zone: str | None = None
    dialect: Dialect | None = None
    report_within: float | None = None
    arming_answers: bool | None = None
    quarantined: bool | None = None
    signing: Signing | None = None
    muted: float | None = None


@dataclass(frozen=True, slots=True)
class CameraChanged:
    """How pictures come from a device; None leaves a setting as it is. upload_digest: a new one takes the fingerprint
    with it; empty takes both away."""

    operator: str
    device: str
    source_networks: tuple[str, ...] | None = None
    by_address: bool | None = None
    upload_digest: str | None = None
    pull_url: str | None = field(default=None, repr=False)
    every: int | None = None
    on_alarm: bool | None = None


@dataclass(frozen=True, slots=True)
class PictureRequested:
    """reply_to: the destination and the recipient that the picture is sent to when it comes; None: only to where every
    picture goes."""

    operator: str
    device: str
    reply_to: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class AlarmAcknowledged:
    operator: str
    alarm_id: int


@dataclass(frozen=True, slots=True)
class AlarmCleared:
    operator: str
    alarm_id: int


@dataclass(frozen=True, slots=True)
class DeliveryRetried:
    """A message that waits or was given up is to be tried again now."""

    operator: str
    identity: str


@dataclass(frozen=True, slots=True)
class DeliveryDropped:
    """A message that waits or was given up is not to be told any more."""

    operator: str
    identity: str


OperatorRequest = (
    CommandRequested
    | ArmingRequested
    | SiteRequested
    | ZoneRequested
    | DeviceAdopted
    | KeyGiven
    | OperatorAdded
    | OperatorRemoved
    | DeviceForgotten
    | DeviceChanged
    | CameraChanged
    | PictureRequested
    | AlarmAcknowledged
    | AlarmCleared
    | DeliveryRetried
    | DeliveryDropped
)
