"""/connections: who is connected with a device now; see docs/protocol.md, "Rendezvous"."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from alarmd.core.meeting_views import connections
from alarmd.web.dependencies import House
from alarmd.web.history_schemas import Shape
from alarmd.web.times import Moment

router = APIRouter(prefix="/connections", tags=["operators"])


class Connection(Shape):
    session: str = Field(description="Its id, in hexadecimal, as events have it.")
    operator: str
    device: str
    port: int = Field(description="UDP port at the device; 0: its LFCP.")
    since: Moment
    established: bool = Field(description="Both sides have taken the invitation.")
    relayed_bytes: int = Field(description="Through this server; what goes directly nobody counts.")


class Connections(BaseModel):
    """The oldest first."""

    connections: list[Connection]


@router.get("", summary="List connections")
async def list_connections(house: House) -> Connections:
    """Those that this server made; of servers that share their work each knows its own."""
    return Connections(connections=[Connection.copied(view) for view in connections(house.state)])
