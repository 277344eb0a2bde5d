"""What this server knows of its peer, and the table of it."""

from enum import Enum, StrEnum, auto


class Peering(StrEnum):
    AWAITED = "awaited"  # not met since this server started
    MET = "met"  # the link is up
    GONE = "gone"  # the link is down, not for long yet
    LEFT = "left"  # it said goodbye: a planned stop
    LOST = "lost"


class PeerSign(Enum):
    MET = auto()
    GONE = auto()
    LEFT = auto()
    OVERDUE = auto()  # it should have been met by now


TRANSITIONS: dict[tuple[Peering, PeerSign], Peering] = {
    (Peering.AWAITED, PeerSign.MET): Peering.MET,
    (Peering.AWAITED, PeerSign.GONE): Peering.AWAITED,  # a link that came to nothing
    (Peering.AWAITED, PeerSign.LEFT): Peering.LEFT,
    (Peering.AWAITED, PeerSign.OVERDUE): Peering.LOST,
    (Peering.MET, PeerSign.MET): Peering.MET,  # over a new link, before the end of the old one was seen
    (Peering.MET, PeerSign.GONE): Peering.GONE,
    (Peering.MET, PeerSign.LEFT): Peering.LEFT,
    (Peering.GONE, PeerSign.MET): Peering.MET,
    (Peering.GONE, PeerSign.GONE): Peering.GONE,
    (Peering.GONE, PeerSign.LEFT): Peering.LEFT,
    (Peering.GONE, PeerSign.OVERDUE): Peering.LOST,
    (Peering.LEFT, PeerSign.MET): Peering.MET,
    (Peering.LEFT, PeerSign.GONE): Peering.LEFT,  # the link ends behind the goodbye
    (Peering.LEFT, PeerSign.LEFT): Peering.LEFT,
    (Peering.LOST, PeerSign.MET): Peering.MET,
    (Peering.LOST, PeerSign.GONE): Peering.LOST,
    (Peering.LOST, PeerSign.LEFT): Peering.LOST,  # it is lost until it is met
}
ILLEGAL = frozenset((state, PeerSign.OVERDUE) for state in (Peering.MET, Peering.LEFT, Peering.LOST))


class Peer:
    """since: when this began, on the rules' clock. reason: why the link went down, for people."""

    __slots__ = ("peering", "reason", "since")

    def __init__(self, since: float) -> None:
        self.peering = Peering.AWAITED
        self.since = since
        self.reason = ""

    def move(self, sign: PeerSign, mono: float) -> Peering:
        """Follow the table; what it was before. KeyError for an illegal sign: a defect of ours."""
        before = self.peering
        self.peering = TRANSITIONS[before, sign]
        if self.peering is not before:
            self.since = mono
        return before
