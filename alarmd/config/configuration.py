"""The configuration as a whole: its sections, where it comes from, and what the rest of the house asks of it."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from alarmd.adapters.exit_codes import WRONG_CONFIGURATION, StartError
from alarmd.adapters.peer.certificates import PairFiles, load_pair
from alarmd.config.sections import (
    Alarms,
    Archive,
    Cluster,
    Commands,
    Connect,
    Devices,
    Films,
    Http,
    Ingest,
    Lfcp,
    Logging,
    Operator,
    Pair,
    Pictures,
    Rendezvous,
    Server,
    Storage,
    Supervision,
    Watch,
)
from alarmd.core.settings import Pair as PairRules
from alarmd.core.settings import Rendezvous as RendezvousRules
from alarmd.core.settings import Settings
from alarmd.destinations import LOG, MAX_DESTINATIONS, Destination, LogDestination, Name, from_environment, no_bot_twice

PREFIX = "ALARMD_"
DESTINATIONS = "destinations"  # the section that has a section for each name


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
    cluster: Cluster = Cluster()
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
    pair: Pair = Pair()
    watch: Watch = Watch()
    rendezvous: Rendezvous = Rendezvous()
    connect: Connect = Connect()
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
        """What concerns the rules. Raises StartError as pair_files() does, and where members of a cluster cannot be."""
        self._check_cluster()
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
            rendezvous=RendezvousRules(**self.rendezvous.model_dump()),
            pair=self._pair_rules(),
        )

    def _check_cluster(self) -> None:
        """What several servers on one database need."""
        if not self.cluster.members:
            return
        if self.database_url.startswith("sqlite"):
            raise StartError(WRONG_CONFIGURATION, "cluster.members needs a PostgreSQL: set storage.url")
        if not self.archive.directory:
            raise StartError(
                WRONG_CONFIGURATION, "cluster.members needs archive.directory, one that all of the servers share"
            )
        if self.pair_files() is not None:
            raise StartError(WRONG_CONFIGURATION, "a server of a pair has its own database: unset cluster.members")

    def pair_files(self) -> PairFiles | None:
        """The pair that this server is in. Raises StartError if it cannot be read, or is not this server's."""
        files = load_pair(self.state_directory)
        if files is not None and files.label != self.server.label:
            raise StartError(
                WRONG_CONFIGURATION,
                f"server.label is {self.server.label}, but in its pair this server is {files.label}: "
                f'set label = "{files.label}"',
            )
        return files

    def _pair_rules(self) -> PairRules | None:
        files = self.pair_files()
        try:
            return None if files is None else self.pair.rules(files.label, files.peer_label)
        except ValueError as error:
            raise StartError(WRONG_CONFIGURATION, str(error)) from None


def default_state_directory(environ: Mapping[str, str]) -> Path:
    """systemd's StateDirectory=, else the user's own."""
    if environ.get("STATE_DIRECTORY"):
        return Path(environ["STATE_DIRECTORY"].partition(":")[0])
    base = environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "alarmd"
