"""The daily proof: a test alarm that went all the way. One that did not is an alarm, until the next that does."""

from alarmd.core import alarms
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import ProofEnded
from alarmd.core.peering import own_alarm
from alarmd.core.records import AlarmKind
from alarmd.core.turn import Turn


def proof_ended(turn: Turn, ended: ProofEnded) -> None:
    turn.record(EventKind.PROOF_PASSED if ended.passed else EventKind.PROOF_FAILED, ended.text)
    alarm = own_alarm(turn.state, AlarmKind.PROOF_FAILED)
    if ended.passed and alarm is not None:
        alarms.clear(turn, alarm, "alarmd", "the daily proof passed")
    elif not ended.passed and alarm is None:
        alarms.raise_alarm(turn, AlarmKind.PROOF_FAILED, None, turn.state.settings.label, ended.text, told=True)
