"""What the two ends of the simulated link say to each other."""

from dataclasses import dataclass

from alarmd.core.inputs import PeerHears
from alarmd.core.records import Told
from alarmd.storage.interface import Vector


@dataclass(frozen=True, slots=True)
class Hello:
    wall: int
    vector: Vector
    last_alarm: int
    last_command: int


@dataclass(frozen=True, slots=True)
class Page:
    told: tuple[Told, ...]
    live: bool


@dataclass(frozen=True, slots=True)
class Stored:
    live: int  # records of the page, if it was a live one


@dataclass(frozen=True, slots=True)
class Beat:
    """Nothing else to say."""


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What the other end missed was told."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What have you by now? This end was too slow to tell everything as it came."""


@dataclass(frozen=True, slots=True)
class Has:
    vector: Vector


@dataclass(frozen=True, slots=True)
class Goodbye:
    """A planned stop."""


Message = Hello | Page | Stored | CaughtUp | Ask | Has | Beat | Goodbye | PeerHears
