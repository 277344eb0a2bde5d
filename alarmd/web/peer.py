"""/peer: the other server of a pair, as this one sees it."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from alarmd.core import standby
from alarmd.core.link_condition import PeerStanding, peer_standing
from alarmd.web.dependencies import House
from alarmd.web.times import Moment

router = APIRouter(prefix="/peer", tags=["the server"])


class Peer(BaseModel):
    standing: PeerStanding = Field(description="alone: this server is in no pair, and nothing else is said then.")
    label: str = Field(description="Of this server.")
    speaks: bool = Field(description="This server tells the alarms at once; else it waits for the other one.")
    peer: str = Field(default="", description="The other server's label.")
    preferred: str = Field(default="", description="The label of the server that tells the alarms while both are well.")
    since: Moment | None = Field(default=None, description="When it became so.")
    seen_at: Moment | None = Field(default=None, description="Its last sign of life since this server's start.")
    address: str = Field(default="", description="On the link.")
    lfcp_port: int = Field(default=0, description="Where devices reach it there.")
    version: str = Field(default="", description="The program's, there.")
    clock_offset: float = Field(default=0.0, description="Seconds that its clock is ahead of ours.")
    waiting: int = Field(default=0, description="Records that it has not said it stored.")
    reason: str = Field(default="", description="Why the link is gone.")


@router.get("", summary="The other server of the pair")
async def show_peer(house: House) -> Peer:
    state, condition = house.state, house.link()
    pair = state.settings.pair
    alone = Peer(standing=peer_standing(state, condition), label=state.settings.label, speaks=standby.speaks(state))
    if condition is None or pair is None:
        return alone
    return Peer(
        **alone.model_dump(include={"standing", "label", "speaks"}),
        peer=pair.peer,
        preferred=pair.preferred,
        since=condition.since,  # type: ignore[arg-type]  # Moment reads microseconds
        seen_at=condition.seen_at,  # type: ignore[arg-type]
        address=condition.address,
        lfcp_port=condition.lfcp_port,
        version=condition.version,
        clock_offset=round(condition.clock_offset, 3),
        waiting=condition.waiting,
        reason=condition.reason,
    )
