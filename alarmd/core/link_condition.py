"""How the link to the peer fares, and what that means with what the rules know."""

from dataclasses import dataclass
from enum import StrEnum

from alarmd.core.peer_lifecycle import Peering
from alarmd.core.state import State


class Link(StrEnum):
    MET = "met"
    GONE = "gone"  # also: never there since the start
    LEFT = "left"  # the peer said goodbye: a planned stop


class PeerStanding(StrEnum):
    """As people are told."""

    ALONE = "alone"  # there is no pair
    MET = "met"
    GONE = "gone"  # not for long yet
    LOST = "lost"  # that is an alarm
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class LinkCondition:
    """since: wall µs when it became so. seen_at: wall µs of the peer's last sign of life, None: none since the start.
    clock_offset: s that the peer's wall clock is ahead. waiting: records that the peer has not said it stored. reason:
    why the link is gone, for people. address: the peer's, on the link. lfcp_port: where devices reach it there."""

    link: Link
    since: int
    seen_at: int | None = None
    version: str = ""
    clock_offset: float = 0.0
    waiting: int = 0
    reason: str = ""
    address: str = ""
    lfcp_port: int = 0


def peer_standing(state: State, condition: LinkCondition | None) -> PeerStanding:
    """condition: None if this server is alone, and meant to be."""
    if condition is None:
        return PeerStanding.ALONE
    if condition.link is Link.GONE and state.peer.peering is Peering.LOST:
        return PeerStanding.LOST
    return PeerStanding(condition.link)
