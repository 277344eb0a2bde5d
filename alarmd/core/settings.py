"""What the operator configured, as far as the rules care. Built by alarmd/config; each default stands here once."""

from dataclasses import dataclass
from enum import StrEnum


class UnknownDevices(StrEnum):
    """What happens to a name that nobody has adopted."""

    ADMIT = "admit"
    QUARANTINE = "quarantine"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Route:
    """One way to tell an alarm. destination: its name in the configuration. recipient: whom to tell there, empty where
    there is only one. after: whole seconds without an acknowledgement after which it is told there too."""

    destination: str
    recipient: str = ""
    after: int = 0


@dataclass(frozen=True, slots=True)
class PictureRoute:
    """Where pictures go as they come, alarm or not. devices: those whose pictures go there; empty: all. each: every
    device is a recipient of its own there. apart: least seconds between two of one device; those between are left out.
    """

    destination: str
    devices: frozenset[str] = frozenset()
    each: bool = False
    apart: float = 0.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Two servers watch together. peer: the other's label. preferred: the label of the one that speaks. voice_delay:
    s after which the other speaks if it does not know that something was told. lost_after: s without the peer.
    peer_lost_enables: whether detectors are wanted on while the peer is lost."""

    peer: str
    preferred: str
    voice_delay: float = 5.0
    lost_after: float = 10.0
    peer_lost_enables: bool = False


@dataclass(frozen=True, slots=True)
class Rendezvous:
    """enabled: whether operators' machines may meet devices. birthday: whether two of whom one is behind a hard NAT may
    probe ports by chance. relay_bytes_per_second: of one session; as many at once."""

    enabled: bool = True
    birthday: bool = False
    relay_bytes_per_second: int = 65_536


@dataclass(frozen=True, slots=True)
class Settings:
    label: str = "A"  # of this server; two that meet must differ
    time_zone: str = "UTC"  # IANA name; of the site that a new installation starts with
    unknown_devices: UnknownDevices = UnknownDevices.ADMIT
    report_within: float = 90.0  # s; a device's own setting overrides it
    failover_hysteresis: float = 60.0  # s that contact must hold before failover mode ends
    failover_latched: bool = False  # stay in failover mode until the operator says otherwise
    incident_quiet: float = 60.0  # s without motion that end an incident
    command_time_to_live: float = 3600.0  # s
    max_devices: int = 200_000  # a tenth of them may be devices nobody adopted
    message_rate: float = 2.0  # stored messages per second and device
    message_burst: float = 120.0
    stranger_rate: float = 20.0  # new names per second and address
    stranger_burst: float = 500.0
    routes: tuple[Route, ...] = (Route("log"),)  # where alarms are told
    remind_every: int = 0  # s; of alarms that nobody acknowledged; 0: never
    reminders: int = 6  # of one alarm
    picture_routes: tuple[PictureRoute, ...] = ()
    rendezvous: Rendezvous = Rendezvous()
    pair: Pair | None = None  # None: this server is alone, and meant to be
    member: int | None = (
        None  # its place among those that share one database, see member_numbers.py; None: it has its own
    )
