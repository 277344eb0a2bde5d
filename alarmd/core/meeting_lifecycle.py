"""The table of a rendezvous: both sides are invited, each takes it by itself, and it ends."""

from enum import Enum, StrEnum, auto


class MeetingState(StrEnum):
    INVITED = "invited"  # neither side has acknowledged its invitation
    HALF_TAKEN = "half_taken"
    MET = "met"  # both have
    OVER = "over"


class MeetingSign(Enum):
    TAKEN = auto()  # by one more side
    ENDED = auto()  # refused, unanswered, idle, or a side ended it or is gone


TRANSITIONS: dict[tuple[MeetingState, MeetingSign], MeetingState] = {
    (MeetingState.INVITED, MeetingSign.TAKEN): MeetingState.HALF_TAKEN,
    (MeetingState.INVITED, MeetingSign.ENDED): MeetingState.OVER,
    (MeetingState.HALF_TAKEN, MeetingSign.TAKEN): MeetingState.MET,
    (MeetingState.HALF_TAKEN, MeetingSign.ENDED): MeetingState.OVER,
    (MeetingState.MET, MeetingSign.ENDED): MeetingState.OVER,
}
ILLEGAL = frozenset(
    {
        (MeetingState.MET, MeetingSign.TAKEN),  # there is no third side
        (MeetingState.OVER, MeetingSign.TAKEN),
        (MeetingState.OVER, MeetingSign.ENDED),
    }
)
