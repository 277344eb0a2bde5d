"""The sections of alarmd.toml but for [destinations.NAME]. What concerns the rules has its default in
core/settings.py, everything else here; alarmd.toml.example repeats them and a test compares.
"""

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from alarmd.adapters.addresses import ALL
from alarmd.config.values import (
    Loopback,
    Port,
    Seconds,
    is_database,
    is_listen_address,
    is_network,
    is_ping_url,
    is_plain_secret,
    is_time_zone,
)
from alarmd.core.device_session import MAX_REPORT_WITHIN, MIN_REPORT_WITHIN
from alarmd.core.settings import Pair as PairRules
from alarmd.core.settings import Settings, UnknownDevices
from alarmd.destinations import LOG, MAX_DESTINATIONS, split
from alarmd.web.ingest.limits import MAX_UNDER_WAY, UploadLimits
from lfcp.client.session import MAX_SERVERS
from lfcp.tunnel import MAX_TUNNEL_DATAGRAM

_RULES = Settings()
_PAIR = PairRules(peer="", preferred="")
_UPLOADS = UploadLimits()


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)


class Server(Section):
    """label: tells two servers apart. time_zone: of the site that a new installation starts with.
    state_directory: empty for systemd's, else the user's."""

    label: Annotated[str, Field(pattern=r"^[A-Z]$")] = _RULES.label
    time_zone: Annotated[str, AfterValidator(is_time_zone)] = _RULES.time_zone
    state_directory: str = ""


class Lfcp(Section):
    """Where devices reach the server, over UDP and TCP on one port number."""

    addresses: Annotated[
        tuple[Annotated[str, AfterValidator(is_listen_address)], ...],
        BeforeValidator(split),
        Field(min_length=1, max_length=16),
    ] = (ALL,)
    port: Port = 8443
    connections: Annotated[int, Field(ge=1, le=100_000)] = 1000
    connections_per_address: Annotated[int, Field(ge=1, le=100_000)] = 200
    line_timeout: Seconds = 10.0
    idle_timeout: Seconds = 3600.0


class Operator(Section):
    """The operator's port, UDP and TCP, for netcat and scripts."""

    address: Loopback = "127.0.0.1"
    port: Port = 8445
    secret: Annotated[SecretStr, Field(max_length=62), AfterValidator(is_plain_secret)] = SecretStr("")


class Http(Section):
    """The operator's API, /metrics and /healthz. hosts: further names it may be asked by, in the Host header."""

    address: Loopback = "127.0.0.1"
    port: Port = 8080
    hosts: Annotated[tuple[str, ...], BeforeValidator(split), Field(max_length=64)] = ()


class Ingest(Section):
    """Where cameras upload pictures over HTTP. addresses: empty: nowhere. http_port, tls_port: 0: none."""

    addresses: Annotated[
        tuple[Annotated[str, AfterValidator(is_listen_address)], ...], BeforeValidator(split), Field(max_length=16)
    ] = (ALL,)
    port: Port = 8081
    http_port: Port = 0
    tls_port: Port = 0
    certificate: str = ""
    key: Annotated[str, Field(validate_default=True)] = ""
    trusted_proxies: Annotated[
        tuple[Annotated[str, AfterValidator(is_network)], ...], BeforeValidator(split), Field(max_length=64)
    ] = ()
    connections: Annotated[int, Field(ge=1, le=10_000)] = _UPLOADS.connections
    connections_per_address: Annotated[int, Field(ge=1, le=10_000)] = _UPLOADS.connections_per_address
    head_timeout: Seconds = _UPLOADS.head_timeout
    body_idle_timeout: Seconds = _UPLOADS.body_idle_timeout
    total_timeout: Seconds = _UPLOADS.total_timeout
    max_body: Annotated[int, Field(ge=10_000, le=MAX_UNDER_WAY)] = _UPLOADS.max_body

    @field_validator("key")
    @classmethod
    def _is_complete(cls, key: str, others: ValidationInfo) -> str:
        certificate = others.data.get("certificate", "")
        if bool(certificate) != bool(key) or (others.data.get("tls_port") and not key):
            raise ValueError(
                "set ingest.certificate and ingest.key, two PEM files, together, and both for ingest.tls_port"
            )
        return key

    def limits(self) -> UploadLimits:
        return UploadLimits(
            connections=self.connections,
            connections_per_address=self.connections_per_address,
            head_timeout=self.head_timeout,
            body_idle_timeout=self.body_idle_timeout,
            total_timeout=self.total_timeout,
            max_body=self.max_body,
        )


class Storage(Section):
    """url: empty for an SQLite file in the state directory."""

    url: Annotated[SecretStr, AfterValidator(is_database)] = SecretStr("")
    retention_days: Annotated[int, Field(ge=1, le=36_500)] = 365


class Cluster(Section):
    """members: whether this server shares its PostgreSQL, and the work, with others that have the same settings."""

    members: bool = False


class Devices(Section):
    unknown: UnknownDevices = _RULES.unknown_devices
    limit: Annotated[int, Field(ge=1, le=1_000_000)] = _RULES.max_devices
    message_rate: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = _RULES.message_rate
    message_burst: Annotated[float, Field(ge=1, le=100_000, allow_inf_nan=False)] = _RULES.message_burst
    stranger_rate: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)] = _RULES.stranger_rate
    stranger_burst: Annotated[float, Field(ge=1, le=100_000, allow_inf_nan=False)] = _RULES.stranger_burst


class Supervision(Section):
    report_within: Annotated[float, Field(ge=MIN_REPORT_WITHIN, le=MAX_REPORT_WITHIN, allow_inf_nan=False)] = (
        _RULES.report_within
    )
    failover_hysteresis: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = _RULES.failover_hysteresis
    failover_latched: bool = _RULES.failover_latched


class Alarms(Section):
    incident_quiet: Seconds = _RULES.incident_quiet
    remind_every: Annotated[int, Field(ge=0, le=86_400)] = _RULES.remind_every
    reminders: Annotated[int, Field(ge=0, le=1000)] = _RULES.reminders
    destinations: Annotated[tuple[str, ...], BeforeValidator(split), Field(max_length=MAX_DESTINATIONS)] = (LOG,)


class Archive(Section):
    """Pictures on this machine. directory: empty for one in the state directory. reserve: bytes of its disk that are
    kept free for alarms. keep_bytes, keep_pictures: 0 for as many as fit; the oldest go first."""

    directory: str = ""
    reserve: Annotated[int, Field(ge=0, le=10**15)] = 500_000_000
    keep_days: Annotated[int, Field(ge=1, le=36_500)] = 90
    keep_alarm_days: Annotated[int, Field(ge=1, le=36_500)] = 365
    keep_bytes: Annotated[int, Field(ge=0, le=10**18)] = 0
    keep_pictures: Annotated[int, Field(ge=0, le=10**12)] = 0


class Pictures(Section):
    """destinations: where every picture goes as it comes, beside the archive."""

    destinations: Annotated[tuple[str, ...], BeforeValidator(split), Field(max_length=MAX_DESTINATIONS)] = ()


class Films(Section):
    """cameras: of which a film is made every night, of the day before; "*" for all. destinations: where it is sent."""

    cameras: Annotated[tuple[str, ...], BeforeValidator(split), Field(max_length=10_000)] = ()
    destinations: Annotated[tuple[str, ...], BeforeValidator(split), Field(max_length=MAX_DESTINATIONS)] = ()


class Commands(Section):
    time_to_live: Seconds = _RULES.command_time_to_live


class Pair(Section):
    """Of two servers that watch together; who they are is in the state directory, see `alarmd peer`. addresses, port:
    where the one that does not dial is reached. preferred: the label of the one that tells the alarms."""

    addresses: Annotated[
        tuple[Annotated[str, AfterValidator(is_listen_address)], ...],
        BeforeValidator(split),
        Field(min_length=1, max_length=16),
    ] = (ALL,)
    port: Port = 8446
    preferred: Annotated[str, Field(pattern=r"^[A-Z]?$")] = ""
    voice_delay: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)] = _PAIR.voice_delay
    lost_after: Annotated[float, Field(ge=1, le=3600, allow_inf_nan=False)] = _PAIR.lost_after
    peer_lost_enables: bool = _PAIR.peer_lost_enables

    def rules(self, label: str, peer: str) -> PairRules:
        """Raises ValueError with what to do."""
        if self.preferred not in ("", label, peer):
            raise ValueError(f"pair.preferred: the servers of this pair are {label} and {peer}, not {self.preferred}")
        return PairRules(
            peer=peer,
            preferred=self.preferred or min(label, peer),
            voice_delay=self.voice_delay,
            lost_after=self.lost_after,
            peer_lost_enables=self.peer_lost_enables,
        )


class Watch(Section):
    """Who watches the watchman. ping_url: told every ping_every seconds that all is well, as Healthchecks does it.
    daily_proof: local time of the site `home` at which `alarmd drill` runs by itself; empty: never."""

    ping_url: Annotated[SecretStr, AfterValidator(is_ping_url)] = SecretStr("")
    ping_every: Annotated[int, Field(ge=10, le=86_400)] = 60
    daily_proof: Annotated[str, Field(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9])?$")] = ""


class Rendezvous(Section):
    """Operators' machines that connect to devices. relay_bytes_per_second: of one session; the least lets the longest
    datagram pass."""

    enabled: bool = _RULES.rendezvous.enabled
    birthday: bool = _RULES.rendezvous.birthday
    relay_bytes_per_second: Annotated[int, Field(ge=MAX_TUNNEL_DATAGRAM, le=100_000_000)] = (
        _RULES.rendezvous.relay_bytes_per_second
    )


class Connect(Section):
    """Of `alarmd connect`, on an operator's machine. servers: [LABEL=]HOST[:PORT]. name: the operator's. key_file: with
    its key. listen: the local port; 0: any that is free."""

    servers: Annotated[tuple[str, ...], BeforeValidator(split), Field(max_length=MAX_SERVERS)] = ()
    name: str = ""
    key_file: str = ""
    listen: Port = 0


class Logging(Section):
    """format: `auto` is for people on a terminal and JSON otherwise."""

    format: Literal["auto", "console", "json"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"
