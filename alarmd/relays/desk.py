"""What a destination that people answer from may ask of the house, and have it do."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Protocol, runtime_checkable

from alarmd.core.inputs import FilmMade
from alarmd.core.instant import Instant
from alarmd.core.records import Record
from alarmd.core.requests import OperatorRequest
from alarmd.core.state import State
from alarmd.frames.archive import Archive
from alarmd.storage.interface import EventFilter, StoredEvent


@dataclass(frozen=True, slots=True)
class Desk:
    """submit: an operator's request → the records it made, once they are stored; raises RequestRefusedError.
    read_events: asks the database; raises RequestRefusedError or StorageError. state: the engine's, read on the loop's
    thread only. local: the wall time of a zone, by its id. moved: recipients of a destination that are not where the
    configuration says, and where they are. label: of this server. archive: has what deliveries have attached; call it
    in a worker thread. film: makes the film of a device's day in a time zone; its key in the archive, or None if there
    are no pictures; raises FilmError, ArchiveError, StorageError, OSError."""

    label: str
    submit: Callable[[OperatorRequest | FilmMade], Awaitable[tuple[Record, ...]]]
    read_events: Callable[[EventFilter], Awaitable[list[StoredEvent]]]
    state: State
    now: Callable[[], Instant]
    local: Callable[[int | None, int], datetime]
    moved: Callable[[str], Mapping[str, str]]
    archive: Archive
    film: Callable[[str, date, tzinfo], Awaitable[str | None]]


@runtime_checkable
class Listens(Protocol):
    """A relay that people answer."""

    async def listen(self) -> None:
        """Until cancelled."""
        ...
