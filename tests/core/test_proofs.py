"""The daily proof, as the rules hear of it."""

from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import ProofEnded
from alarmd.core.records import AlarmKind, AlarmState
from tests.playbook import Playbook

PASSED = ProofEnded(True, "9 steps in 1.2 s")
FAILED = ProofEnded(False, "the alarm is told: not within 30 s")


def test_a_proof_that_passed_is_an_event_and_nobody_is_told() -> None:
    play = Playbook() << PASSED
    assert [(event.kind, event.text) for event in play.events] == [(EventKind.PROOF_PASSED, "9 steps in 1.2 s")]
    assert play.told == []


def test_a_proof_that_failed_is_an_alarm_that_says_why() -> None:
    play = Playbook() << FAILED
    assert play.kinds == [EventKind.PROOF_FAILED, EventKind.ALARM_RAISED]
    (told,) = play.told
    assert told.text == "server A: the daily proof failed: the alarm is told: not within 30 s"


def test_while_the_alarm_is_open_another_failure_is_an_event_only() -> None:
    play = Playbook() << FAILED << FAILED
    assert play.kinds == [EventKind.PROOF_FAILED]
    assert len(play.engine.state.alarms) == 1


def test_the_next_proof_that_passes_clears_the_alarm() -> None:
    play = Playbook() << FAILED << PASSED
    assert play.kinds == [EventKind.PROOF_PASSED, EventKind.ALARM_CLEARED]
    (alarm,) = play.alarms
    assert (alarm.kind, alarm.state, alarm.cleared_by) == (AlarmKind.PROOF_FAILED, AlarmState.CLEARED, "alarmd")
