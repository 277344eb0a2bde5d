"""The 2020 camera as it is: doubled commas, LOG for motion, commands in rows, a detector that needs silence."""

import pytest

from alarmd.core.effects import CacheHeartbeat, SendFrame
from alarmd.core.event_kinds import EventKind
from alarmd.core.records import AlarmKind, CommandState, Dialect, Presence
from alarmd.core.requests import AlarmCleared, CommandRequested, DeviceChanged
from tests.playbook import Playbook, frame, heartbeat

HEARTBEAT_ACK = b"cam1,ACK,0,0,0,26,0,0"
ROWS = b"cam1".ljust(64, b"\0") + b"TLGS"


def seed_camera() -> Playbook:
    play = Playbook().adopt("cam1")
    return play << DeviceChanged("op", "cam1", dialect=Dialect.SEED)


def test_motion_said_by_a_log_is_one_alarm_an_incident_whatever_sticks_to_it() -> None:
    play = seed_camera()
    for text in (
        "cam1,LOG,CAMERA_MOTION_DETECTED,0,0,0,0,0",
        "cam1,LOG,,CAMERA_MOTION_DETECTED,,0,,0,,0,,0,,0",
        "cam1,LOG,CAMERA_MOTION_DETECTED,,,26,0,0,,0",
    ):
        play << frame(text)
        assert play.sent == [b"cam1,ACK,0,0,0,0,0,0"]
    assert play.count(EventKind.MOTION) == 3
    assert play.count(EventKind.ALARM_RAISED) == 1


def test_a_parameter_that_sticks_to_a_heartbeat_is_no_motion() -> None:
    play = seed_camera() << frame("cam1,HEARTBEAT,,CAMERA_MOTION_DETECTED,,0,,0,,0")
    assert play.alarms == []
    assert play.sent == [HEARTBEAT_ACK]


def test_our_own_reply_echoed_is_a_sign_of_life_and_nothing_more() -> None:
    play = seed_camera() << heartbeat()
    play.later(30)
    for echo in ("cam1,,ACK,,0,,0", "cam1,TLGS,0,0,0,0,0,0"):
        play << frame(echo)
        assert (play.sent, play.rejected) == ([], [])
    assert play.engine.state.sessions["cam1"].presence is Presence.ONLINE


def test_a_command_goes_in_rows_right_behind_the_csv_reply() -> None:
    play = seed_camera() << heartbeat()
    play << CommandRequested("op", "cam1", "TLGS")
    play << heartbeat()
    assert play.sent == [HEARTBEAT_ACK, ROWS]
    assert not any(send.promises for send in play.made(SendFrame)), "it listens for 4 ms only"
    play << frame("cam1,ACK,,0,,0")
    assert [command.state for command in play.commands] == [CommandState.ACKED]


def test_rows_are_not_sent_at_the_first_heartbeat_after_a_boot() -> None:
    play = seed_camera() << CommandRequested("op", "cam1", "TLGS")
    play << heartbeat(port=4001)
    assert play.sent == [HEARTBEAT_ACK]
    play << heartbeat(port=4001)
    assert play.sent == [HEARTBEAT_ACK, ROWS]


def test_rows_are_sent_once_in_fifteen_seconds_and_three_times_at_most() -> None:
    play = seed_camera() << heartbeat()
    play << CommandRequested("op", "cam1", "TLGS")
    rows = 0
    for _ in range(12):
        play << heartbeat()
        rows += play.sent.count(ROWS)
        play << heartbeat()
        assert ROWS not in play.sent
        play.later(16)
    assert rows == 3
    assert play.last_command.state is CommandState.FAILED


def test_its_detector_cannot_be_switched_so_that_is_refused() -> None:
    play = seed_camera()
    for verb in ("ENAL", "DSAL"):
        play << CommandRequested("op", "cam1", verb)
        assert play.refusal.reason == "unsupported"


def test_a_secret_is_never_sent_to_it() -> None:
    play = seed_camera() << CommandRequested("op", "cam1", "TLGC", ("token", "chat"), in_clear=True)
    assert play.refusal.reason == "unsupported"


def test_its_habits_suggest_the_dialect_once() -> None:
    play = Playbook().adopt("cam1")
    for _ in range(10):
        play << frame("cam1,HEARTBEAT,,0,,0,,0,,0,,0,,0")
    assert play.count(EventKind.DIALECT_SUGGESTED) == 1
    assert play.engine.state.sessions["cam1"].dialect_suggested


def test_a_device_already_of_the_dialect_gets_no_suggestion() -> None:
    play = seed_camera()
    for _ in range(10):
        play << frame("cam1,HEARTBEAT,,0,,0,,0,,0,,0,,0")
    assert play.count(EventKind.DIALECT_SUGGESTED) == 0


@pytest.fixture
def arming() -> Playbook:
    play = seed_camera() << heartbeat()
    return play << DeviceChanged("op", "cam1", arming_answers=True)


def test_its_detector_is_armed_by_answering_every_fifth_heartbeat(arming: Playbook) -> None:
    answered = []
    for _ in range(15):
        arming.later(18)
        arming << heartbeat()
        answered.append(bool(arming.sent))
        assert arming.made(CacheHeartbeat) == []
    assert answered == ([True] + [False] * 4) * 3
    assert arming.count(EventKind.CONTACT_LOST) == 0, "our silence is no outage"


def test_while_arming_messages_are_stored_but_not_acknowledged(arming: Playbook) -> None:
    arming << frame("cam1,LOG,CAMERA_MOTION_DETECTED,0,0,0,0,0")
    assert arming.sent == []
    assert [alarm.kind for alarm in arming.alarms] == [AlarmKind.MOTION]


def test_a_pending_command_breaks_the_silence(arming: Playbook) -> None:
    arming << heartbeat()
    arming << CommandRequested("op", "cam1", "TLGS")
    arming << heartbeat()
    assert arming.sent == [HEARTBEAT_ACK, ROWS]


def test_an_incident_after_the_alarm_was_cleared_is_told_anew() -> None:
    play = seed_camera() << frame("cam1,LOG,CAMERA_MOTION_DETECTED,0,0,0,0,0")
    play << AlarmCleared("op", play.alarms[0].id)
    play << frame("cam1,LOG,CAMERA_MOTION_DETECTED,0,0,0,0,0")
    assert len(play.told) == 1
