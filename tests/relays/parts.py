"""Parts for tests of relays."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, tzinfo
from typing import Any

from alarmd.core.inputs import FilmMade
from alarmd.core.instant import SECOND, Instant
from alarmd.core.records import Alarm, Record
from alarmd.core.requests import OperatorRequest
from alarmd.frames.archive import Archive
from alarmd.relays.desk import Desk
from alarmd.storage.interface import EventFilter, Lease, StoredAlarm, StoredEvent
from tests.contracts.records import ALARM, DELIVERY
from tests.playbook import Playbook

SECRET = "a secret of the receiver's"
RAISED = replace(ALARM, acknowledged_at=None, acknowledged_by=None)


def lease(alarm: Alarm = RAISED, attempt: int = 1, **changes: Any) -> Lease:
    """A delivery that is to be told, with its alarm."""
    return Lease(replace(DELIVERY, **changes), attempt, StoredAlarm(alarm, "cam1", "garden"))


def desk(now: Callable[[], Instant], moved: Mapping[str, str], archive: Archive) -> Desk:
    """Where nobody asks for anything."""

    async def submit(_request: OperatorRequest | FilmMade) -> tuple[Record, ...]:
        raise AssertionError("nobody asked for anything")

    async def read_events(_wanted: EventFilter) -> list[StoredEvent]:
        raise AssertionError("nobody asked for anything")

    async def film(_device: str, _day: date, _zone: tzinfo) -> str | None:
        raise AssertionError("nobody asked for anything")

    state = Playbook().engine.state
    return Desk("A", submit, read_events, state, now, in_utc, lambda _destination: moved, archive, film)


def in_utc(_zone: int | None, wall: int) -> datetime:
    return datetime.fromtimestamp(wall / SECOND, UTC)
