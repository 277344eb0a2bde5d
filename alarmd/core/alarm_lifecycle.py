"""The table of an alarm: raised, acknowledged, cleared."""

from dataclasses import replace
from enum import Enum, auto

from alarmd.core.records import Alarm, AlarmState


class AlarmSign(Enum):
    RECURRED = auto()  # the same incident goes on
    ACKNOWLEDGED = auto()  # a person knows
    CLEARED = auto()  # a person says it is over, or the cause is gone


TRANSITIONS: dict[tuple[AlarmState, AlarmSign], AlarmState] = {
    (AlarmState.RAISED, AlarmSign.RECURRED): AlarmState.RAISED,
    (AlarmState.RAISED, AlarmSign.ACKNOWLEDGED): AlarmState.ACKNOWLEDGED,
    (AlarmState.RAISED, AlarmSign.CLEARED): AlarmState.CLEARED,
    (AlarmState.ACKNOWLEDGED, AlarmSign.RECURRED): AlarmState.ACKNOWLEDGED,
    (AlarmState.ACKNOWLEDGED, AlarmSign.ACKNOWLEDGED): AlarmState.ACKNOWLEDGED,
    (AlarmState.ACKNOWLEDGED, AlarmSign.CLEARED): AlarmState.CLEARED,
}
ILLEGAL = frozenset((AlarmState.CLEARED, sign) for sign in AlarmSign)  # a cleared alarm is history


def moved(alarm: Alarm, sign: AlarmSign, wall: int, by: str) -> Alarm:
    """The alarm after a sign; unchanged if it says nothing new. KeyError for an illegal sign: a defect of ours."""
    state = TRANSITIONS[alarm.state, sign]
    if state is alarm.state:
        return alarm
    if state is AlarmState.CLEARED:
        return replace(alarm, state=state, cleared_at=wall, cleared_by=by)
    return replace(alarm, state=state, acknowledged_at=wall, acknowledged_by=by)
