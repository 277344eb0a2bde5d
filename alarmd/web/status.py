"""/status: the server at a glance."""

import asyncio

from fastapi import APIRouter
from pydantic import BaseModel, Field

from alarmd import __version__
from alarmd.core import views
from alarmd.core.records import Presence
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.settings import UnknownDevices
from alarmd.storage.interface import StorageError
from alarmd.web.dependencies import Dependencies, House
from alarmd.web.health import PATIENCE
from alarmd.web.history_schemas import Shape
from alarmd.web.times import Moment

router = APIRouter(prefix="/status", tags=["the server"])


class Outbox(Shape):
    """Messages about alarms, on their way to where they are told."""

    pending: int
    leased: int = Field(description="Being sent.")
    dead: int = Field(description="Given up.")
    oldest_pending_at: Moment | None


class Status(BaseModel):
    version: str
    label: str = Field(description="Of this server, among those that work together.")
    started_at: Moment
    uptime: float = Field(description="Seconds.")
    unknown_devices: UnknownDevices = Field(description="What happens to a name that nobody adopted.")
    devices: dict[Presence, int] = Field(description="How many, by presence.")
    open_alarms: int
    open_commands: int
    backlog: int = Field(description="Decisions that are not stored yet.")
    outbox: Outbox | None = Field(description="null: the database does not answer.")


@router.get("", summary="The server at a glance")
async def show_status(house: House) -> Status:
    state, now = house.state, house.now()
    counts = views.presence_counts(state)
    return Status(
        version=__version__,
        label=state.settings.label,
        started_at=house.started.wall,  # type: ignore[arg-type]  # Moment reads microseconds
        uptime=round(now.mono - house.started.mono, 3),
        unknown_devices=state.settings.unknown_devices,
        devices={presence: counts[presence] for presence in Presence},
        open_alarms=len(state.alarms),
        open_commands=len(state.open_commands),
        backlog=house.condition().waiting,
        outbox=await _outbox(house),
    )


async def _outbox(house: Dependencies) -> Outbox | None:
    try:
        return Outbox.copied(await asyncio.wait_for(house.read(house.reader.outbox), PATIENCE))
    except (TimeoutError, StorageError, RequestRefusedError):
        return None
