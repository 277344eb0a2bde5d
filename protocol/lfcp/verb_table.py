"""The form of the verb table; its content is generated into constants.py from verbs.toml."""

from dataclasses import dataclass
from enum import StrEnum


class Direction(StrEnum):
    """Who may send a verb."""

    DEVICE = "device"
    SERVER = "server"
    BOTH = "both"


class Port(StrEnum):
    """Where an operator may ask for a command."""

    OPERATOR_PORT = "operator_port"  # the CSV port; the HTTP port on loopback is held to the same
    CONTROL_SOCKET = "control_socket"


@dataclass(frozen=True, slots=True)
class Parameter:
    at: int  # 1 to 6
    name: str
    limit: int  # bytes that may be sent
    server: bool = False  # of a command: the operator does not give it


@dataclass(frozen=True, slots=True)
class Setting:
    """What CONF may set: whole numbers from least to greatest."""

    least: int
    greatest: int


@dataclass(frozen=True, slots=True)
class VerbEntry:
    direction: Direction
    params: tuple[Parameter, ...] = ()
    signed_params: tuple[Parameter, ...] = ()  # what only signed frames have besides
    ports: frozenset[Port] = frozenset()
    secret: bool = False  # a parameter must never reach a log, an error or a metric

    @property
    def asked(self) -> tuple[Parameter, ...]:
        """What an operator gives with the command."""
        return tuple(parameter for parameter in self.params if not parameter.server)

    @property
    def command(self) -> bool:
        """Whether an operator may have a device told this."""
        return bool(self.ports)
