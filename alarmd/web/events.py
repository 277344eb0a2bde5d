"""/events: everything that happened, and a stream of it as it happens."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from alarmd.core.event_kinds import EventKind
from alarmd.core.refusals import RequestRefusedError
from alarmd.storage.interface import MAX_PAGE, EventFilter, StorageError, StoredEvent
from alarmd.web.dependencies import Dependencies, House
from alarmd.web.history_schemas import Event, Events
from alarmd.web.paging import MAX_NUMBER, OfDevice
from alarmd.web.times import AnyMoment, to_wall_or_none

FOLLOW_PAGE = 200  # events read at a time for one follower

router = APIRouter(prefix="/events", tags=["events"])

Row = Annotated[int | None, Query(ge=0, le=MAX_NUMBER, description="Only rows stored later, oldest first.")]
OfKind = Annotated[EventKind | None, Query(description="Only of this kind.")]


@router.get("", summary="List events")
async def list_events(
    house: House,
    device: OfDevice = None,
    kind: OfKind = None,
    since: Annotated[AnyMoment | None, Query(description="Received at this time or later.")] = None,
    until: Annotated[AnyMoment | None, Query(description="Received before this time.")] = None,
    after_row: Row = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> Events:
    """The newest first; with `after_row` the oldest first."""
    since_wall, until_wall = to_wall_or_none(since), to_wall_or_none(until)
    wanted = EventFilter(device, kind, since_wall, until_wall, after_row, limit)
    found = await house.read(house.reader.events, wanted)
    return Events(events=[Event.of(stored) for stored in found])


def _seat(house: House) -> Iterator[None]:
    with house.wakeups.seat():
        yield


@router.get("/stream", response_class=EventSourceResponse, dependencies=[Depends(_seat)], summary="Follow events")
async def follow_events(
    house: House,
    device: OfDevice = None,
    kind: OfKind = None,
    after_row: Row = None,
    last_event_id: Annotated[int | None, Header(ge=0, le=MAX_NUMBER)] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events; each `id` is the row, each `data` an event as /events gives it. Without `after_row` or
    `Last-Event-ID`, what is stored from now on."""
    row = last_event_id if last_event_id is not None else after_row
    wanted = EventFilter(device, kind, after_row=row, limit=FOLLOW_PAGE)
    async for stored in _follow(house, wanted):
        yield ServerSentEvent(event="event", id=str(stored.row), raw_data=Event.of(stored).model_dump_json())


async def _follow(house: Dependencies, wanted: EventFilter) -> AsyncIterator[StoredEvent]:
    """Until the server stops. A database that is away for a while does not end the stream."""
    while not house.wakeups.closed:
        generation = house.wakeups.generation
        try:
            if wanted.after_row is None:
                wanted = replace(wanted, after_row=await _newest_row(house))
            found = await house.read(house.reader.events, wanted)
        except (StorageError, RequestRefusedError):
            found = []
        for stored in found:
            yield stored
        if found:
            wanted = replace(wanted, after_row=found[-1].row)
        if len(found) < FOLLOW_PAGE:
            await house.wakeups.wait(generation)


async def _newest_row(house: Dependencies) -> int:
    newest = await house.read(house.reader.events, EventFilter(limit=1))
    return newest[0].row if newest else 0
