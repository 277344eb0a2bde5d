"""The configuration: the only reader of its file and of the environment.

`alarmd.toml` below, `ALARMD_SECTION_SETTING` above it, every mistake told at once. What concerns the rules has its
default in core/settings.py, everything else here; alarmd.toml.example repeats them and a test compares.
"""

import difflib
import ipaddress
import json
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from alarmd.adapters.addresses import ALL
from alarmd.adapters.time_zones import time_zone
from alarmd.core.device_session import MAX_REPORT_WITHIN, MIN_REPORT_WITHIN
from alarmd.core.settings import Settings, UnknownDevices
from alarmd.destinations import (
    LISTS,
    LOG,
    MAX_DESTINATIONS,
    Destination,
    LogDestination,
    Name,
    from_environment,
    misplaced,
    mistake,
    no_bot_twice,
    split,
)
from alarmd.storage.interface import StorageUnusableError
from alarmd.web.ingest.limits import MAX_UNDER_WAY, UploadLimits

PREFIX = "ALARMD_"
CONFIG_VARIABLE = "ALARMD_CONFIG"
NOT_SETTINGS = (CONFIG_VARIABLE, "ALARMD_TEST_", "ALARMD_PROVE", "ALARMD_SEEDS")  # of tests; they begin like settings
FILE_NAME = "alarmd.toml"
SYSTEM_FILE = Path("/etc/alarmd") / FILE_NAME
MAX_FILE = 1_000_000  # bytes; a file larger than this is not a configuration

DESTINATIONS = "destinations"  # the section that has a section for each name

_RULES = Settings()
_UPLOADS = UploadLimits()


class ConfigError(Exception):
    """The configuration cannot be used; mistakes: all of them, one line each, without secrets."""

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


def _is_address(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        raise ValueError("this is no IP address; names are not looked up") from None
    return value


def _is_listen_address(value: str) -> str:
    return value if value == ALL else _is_address(value)


def _is_network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        raise ValueError("this is no address or network; write for example 192.0.2.0/24") from None


def _is_loopback(value: str) -> str:
    if not ipaddress.ip_address(_is_address(value)).is_loopback:
        raise ValueError(
            "there is no login here, so only this machine may reach it; use 127.0.0.1 or ::1, "
            "and an SSH tunnel from elsewhere"
        )
    return value


def _is_time_zone(value: str) -> str:
    try:
        time_zone(value)
    except KeyError:
        raise ValueError("this is no IANA time zone; write for example Europe/Prague") from None
    return value


def _is_database(value: SecretStr) -> SecretStr:
    if value.get_secret_value():
        from alarmd.storage import database_url  # not before: only who has a URL waits for SQLAlchemy to load

        try:
            database_url.parse(value.get_secret_value())
        except StorageUnusableError as error:
            raise ValueError(str(error)) from None
    return value


def _is_plain_secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text == "0" or not (text.isascii() and text.isprintable()) or set(text) & set(", \"'"):
        raise ValueError('write ASCII letters, digits and signs, without comma, quote or blank, and not "0"')
    return value


Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=31_536_000, allow_inf_nan=False)]
Loopback = Annotated[str, AfterValidator(_is_loopback)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)


class Server(Section):
    """label: tells two servers apart. time_zone: of the site that a new installation starts with.
    state_directory: empty for systemd's, else the user's."""

    label: Annotated[str, Field(pattern=r"^[A-Z]$")] = _RULES.label
    time_zone: Annotated[str, AfterValidator(_is_time_zone)] = _RULES.time_zone
    state_directory: str = ""


class Lfcp(Section):
    """Where devices reach the server, over UDP and TCP on one port number."""

    addresses: Annotated[
        tuple[Annotated[str, AfterValidator(_is_listen_address)], ...],
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
    secret: Annotated[SecretStr, Field(max_length=62), AfterValidator(_is_plain_secret)] = SecretStr("")


class Http(Section):
    """The operator's API, /metrics and /healthz. hosts: further names it may be asked by, in the Host header."""

    address: Loopback = "127.0.0.1"
    port: Port = 8080
    hosts: Annotated[tuple[str, ...], BeforeValidator(split), Field(max_length=64)] = ()


class Ingest(Section):
    """Where cameras upload pictures over HTTP. addresses: empty: nowhere. http_port, tls_port: 0: none."""

    addresses: Annotated[
        tuple[Annotated[str, AfterValidator(_is_listen_address)], ...], BeforeValidator(split), Field(max_length=16)
    ] = (ALL,)
    port: Port = 8081
    http_port: Port = 0
    tls_port: Port = 0
    certificate: str = ""
    key: Annotated[str, Field(validate_default=True)] = ""
    trusted_proxies: Annotated[
        tuple[Annotated[str, AfterValidator(_is_network)], ...], BeforeValidator(split), Field(max_length=64)
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

    url: Annotated[SecretStr, AfterValidator(_is_database)] = SecretStr("")
    retention_days: Annotated[int, Field(ge=1, le=36_500)] = 365


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


class Logging(Section):
    """format: `auto` is for people on a terminal and JSON otherwise."""

    format: Literal["auto", "console", "json"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


class _Environment(EnvSettingsSource):
    """Its sections have fixed names but for [destinations.NAME], where the name is part of the variable's."""

    def explode_env_vars(self, field_name: str, field: FieldInfo, env_vars: Mapping[str, str | None]) -> dict[str, Any]:
        if field_name == DESTINATIONS:
            return dict(from_environment(env_vars, f"{PREFIX}{DESTINATIONS}_"))
        return super().explode_env_vars(field_name, field, env_vars)


class Config(BaseSettings):
    """Everything the operator may set, checked."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        enable_decoding=False,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    server: Server = Server()
    lfcp: Lfcp = Lfcp()
    operator: Operator = Operator()
    http: Http = Http()
    ingest: Ingest = Ingest()
    storage: Storage = Storage()
    devices: Devices = Devices()
    supervision: Supervision = Supervision()
    alarms: Alarms = Alarms()
    destinations: Annotated[
        dict[Name, Destination], Field(max_length=MAX_DESTINATIONS), AfterValidator(no_bot_twice)
    ] = {}
    archive: Archive = Archive()
    pictures: Pictures = Pictures()
    films: Films = Films()
    commands: Commands = Commands()
    logging: Logging = Logging()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return _Environment(settings_cls), init_settings  # the environment beats the file

    @property
    def state_directory(self) -> Path:
        return Path(self.server.state_directory or default_state_directory(os.environ)).absolute()

    @property
    def archive_directory(self) -> Path:
        return Path(self.archive.directory or self.state_directory / "archive").absolute()

    @property
    def control_socket(self) -> Path:
        return self.state_directory / "control.sock"

    @property
    def database_url(self) -> str:
        """With its password: for the database only. log_setup.without_password makes it fit to be shown."""
        return self.storage.url.get_secret_value() or f"sqlite:///{self.state_directory / 'alarmd.sqlite'}"

    def told(self) -> dict[str, Destination]:
        """Where alarms are told, by name."""
        return self._named(self.alarms.destinations)

    def pictured(self) -> dict[str, Destination]:
        """Where every picture goes, by name."""
        return self._named(self.pictures.destinations)

    def filmed(self) -> dict[str, Destination]:
        """Where films go, by name."""
        return self._named(self.films.destinations)

    def used(self) -> dict[str, Destination]:
        """All of them, by name."""
        return {**self.told(), **self.pictured(), **self.filmed()}

    def _named(self, names: Iterable[str]) -> dict[str, Destination]:
        known = {LOG: LogDestination(kind="log"), **self.destinations}
        return {name: known[name] for name in names}

    def film_recipients(self) -> list[tuple[str, str]]:
        """Who gets the films: those who hear of alarms at once."""
        routes = (route for name, one in self.filmed().items() for route in one.routes(name))
        return [(route.destination, route.recipient) for route in routes if not route.after]

    def copy_recipients(self) -> list[tuple[str, str]]:
        """Who keeps copies of the archive, with its manifests."""
        return [(name, "") for name, one in self.pictured().items() if one.keeps]

    def rules(self) -> Settings:
        """What concerns the rules."""
        return Settings(
            label=self.server.label,
            time_zone=self.server.time_zone,
            unknown_devices=self.devices.unknown,
            report_within=self.supervision.report_within,
            failover_hysteresis=self.supervision.failover_hysteresis,
            failover_latched=self.supervision.failover_latched,
            incident_quiet=self.alarms.incident_quiet,
            command_time_to_live=self.commands.time_to_live,
            max_devices=self.devices.limit,
            message_rate=self.devices.message_rate,
            message_burst=self.devices.message_burst,
            stranger_rate=self.devices.stranger_rate,
            stranger_burst=self.devices.stranger_burst,
            routes=tuple(route for name, one in self.told().items() for route in one.routes(name)),
            picture_routes=tuple(route for name, one in self.pictured().items() for route in one.picture_routes(name)),
            remind_every=self.alarms.remind_every,
            reminders=self.alarms.reminders,
        )


def default_state_directory(environ: Mapping[str, str]) -> Path:
    """systemd's StateDirectory=, else the user's own."""
    if environ.get("STATE_DIRECTORY"):
        return Path(environ["STATE_DIRECTORY"].partition(":")[0])
    base = environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "alarmd"


def find_config(given: Path | None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The file to read: --config, $ALARMD_CONFIG, ./alarmd.toml, the user's, the system's; None: there is none."""
    if given is not None:
        return given
    if environ.get(CONFIG_VARIABLE):
        return Path(environ[CONFIG_VARIABLE])
    home = Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    candidates = (Path(FILE_NAME), home / "alarmd" / FILE_NAME, SYSTEM_FILE)
    return next((path for path in candidates if path.is_file()), None)


def load_config(given: Path | None = None) -> Config:
    """Read, check and return the configuration. Raises ConfigError with every mistake in it."""
    path = find_config(given)
    values = _read(path) if path is not None else {}
    mistakes = [*_unknown_sections(values), *_unknown_variables(os.environ), *_destination_names(values, os.environ)]
    known = {name: value for name, value in values.items() if name in Config.model_fields}
    try:
        config = Config(**known)
    except ValidationError as error:
        raise ConfigError([*mistakes, *map(_mistake, error.errors(include_url=False, include_input=False))]) from None
    if mistakes:
        raise ConfigError(mistakes)
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE + 1)
        if len(text) > MAX_FILE:
            raise ConfigError([f"{path}: larger than {MAX_FILE} bytes; this is no configuration"])
        return tomllib.loads(text.decode())
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: is not UTF-8 text"]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path}: is not TOML: {error}"]) from None


def _unknown_sections(values: Mapping[str, Any]) -> Iterator[str]:
    for name in values:
        if name not in Config.model_fields:
            yield f"{name}: no such section{_suggestion(name, Config.model_fields)}"


def _destination_names(values: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[str]:
    """Told even if other mistakes keep the configuration from being made."""
    sections = values.get(DESTINATIONS, {})
    listed = {section: _listed(values, environ, section) for section in LISTS}
    if isinstance(sections, dict) and all(isinstance(names, list | tuple) for names in listed.values()):
        kinds = {name: str(one.get("kind", "")) for name, one in sections.items() if isinstance(one, dict)}
        told = from_environment(environ, f"{PREFIX}{DESTINATIONS}_")
        kinds |= {name: one.get("kind", kinds.get(name, "")) for name, one in told.items()}
        yield from misplaced(kinds, {section: map(str, names) for section, names in listed.items()})


def _listed(values: Mapping[str, Any], environ: Mapping[str, str], section: str) -> Any:
    """What its `destinations` names, if that is a list."""
    given = values.get(section, {})
    default = Config.model_fields[section].default.destinations
    listed = given.get(DESTINATIONS, default) if isinstance(given, dict) else ()
    return split(environ.get(_variable(section, DESTINATIONS), listed))


def _unknown_variables(environ: Mapping[str, str]) -> Iterator[str]:
    """Unknown settings of a known section are pydantic's to find."""
    for name in sorted(environ):
        section, separator, setting = name.removeprefix(PREFIX).partition("_")
        if not name.startswith(PREFIX) or name.startswith(NOT_SETTINGS):
            continue
        nameless = section.lower() == DESTINATIONS and "_" not in setting
        if section.lower() not in Config.model_fields or not separator or nameless:
            known = [_variable(*place) for place in _all_settings()]
            yield f"{name}: no such setting{_suggestion(name, known)}"


def _mistake(error: Any) -> str:
    """One line: the setting, what is wrong, what is allowed."""
    place = [str(part) for part in error["loc"]]
    if place[0] == DESTINATIONS:
        return mistake(error)
    section = Config.model_fields[place[0]].annotation
    settings = section.model_fields if isinstance(section, type) and issubclass(section, BaseModel) else {}
    name = ".".join(place)
    if error["type"] == "extra_forbidden":
        return f"{name}: no such setting{_suggestion(place[-1], settings)}"
    what = error["msg"].removeprefix("Value error, ").replace("Input should", "should")
    if len(place) < 2 or place[1] not in settings:
        return f"{name}: {what}; write a section [{place[0]}]"
    default = settings[place[1]].default
    shown = default.get_secret_value() if isinstance(default, SecretStr) else default
    return f"{name}: {what} (default: {json.dumps(shown)}; environment: {_variable(place[0], place[1])})"


def _suggestion(wrong: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(wrong.lower(), {one.lower(): one for one in known}, n=1)
    right = {one.lower(): one for one in known}
    if close:
        return f"; did you mean {right[close[0]]}?"
    return f"; known are {', '.join(known)}" if len(right) < 20 else "; alarmd.toml.example lists them all"


def _all_settings() -> Iterator[tuple[str, str]]:
    for name, section in Config.model_fields.items():
        if isinstance(section.annotation, type) and issubclass(section.annotation, Section):
            for setting in section.annotation.model_fields:
                yield name, setting


def _variable(section: str, setting: str) -> str:
    return f"{PREFIX}{section}_{setting}".upper()
