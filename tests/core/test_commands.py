"""Commands: queued in order, one in flight, three sends, one outcome."""

import pytest

from alarmd.core.command_queue import ERROR_BELONGS, MAX_QUEUED, MAX_SENDS
from alarmd.core.event_kinds import EventKind
from alarmd.core.records import CommandState, Dialect
from alarmd.core.requests import CommandRequested, DeviceChanged, DeviceForgotten
from tests.playbook import Playbook, frame, heartbeat

HEARTBEAT_ACK = b"cam1,ACK,0,0,0,26,0,0"
TLGS = b"cam1,TLGS,0,0,0,0,0,0"
ACK = frame("cam1,ACK,0,0,0,0,0,0")


@pytest.fixture
def play() -> Playbook:
    return Playbook().adopt("cam1") << heartbeat()


def test_the_next_heartbeat_gets_the_command_instead_of_an_ack(play: Playbook) -> None:
    play << CommandRequested("op", "cam1", "TLGS")
    assert [command.state for command in play.answer] == [CommandState.QUEUED]
    assert play.sent == [], "the server never starts an exchange"
    play << heartbeat()
    assert play.sent == [TLGS]
    play << ACK
    assert (play.last_command.state, play.last_command.attempts) == (CommandState.ACKED, 1)


def test_commands_go_in_order_with_a_quiet_heartbeat_after_each_ack(play: Playbook) -> None:
    for verb in ("TLGS", "WCAM"):
        play << CommandRequested("op", "cam1", verb)
    sent = []
    for _ in range(4):
        play << heartbeat()
        sent += play.sent
        play << ACK
    assert sent == [TLGS, HEARTBEAT_ACK, b"cam1,WCAM,0,0,0,0,0,0", HEARTBEAT_ACK]


def test_a_command_without_an_ack_is_sent_three_times_and_failed_once(play: Playbook) -> None:
    play << CommandRequested("op", "cam1", "TLGS")
    for _ in range(MAX_SENDS):
        play << heartbeat()
        assert play.sent == [TLGS]
    play << heartbeat()
    assert play.sent == [HEARTBEAT_ACK]
    assert play.last_command.state is CommandState.FAILED
    assert play.last_command.outcome == "no acknowledgement after 3 sends"
    assert play.count(EventKind.COMMAND_FINISHED) == 1


def test_a_second_ack_acknowledges_nothing(play: Playbook) -> None:
    for verb in ("TLGS", "WCAM"):
        play << CommandRequested("op", "cam1", verb)
    play << heartbeat()
    play << ACK
    play << ACK
    assert play.commands == []
    play << heartbeat()
    play << ACK
    assert play.commands == []


def test_an_ack_from_another_address_acknowledges_nothing(play: Playbook) -> None:
    play << CommandRequested("op", "cam1", "TLGS")
    play << heartbeat()
    play << frame("cam1,ACK,0,0,0,0,0,0", host="198.51.100.66")
    assert play.commands == []


def test_a_late_ack_of_a_command_that_failed_does_not_acknowledge_the_next_one(play: Playbook) -> None:
    for verb in ("TLGS", "WCAM"):
        play << CommandRequested("op", "cam1", verb)
    for _ in range(MAX_SENDS + 1):
        play << heartbeat()
    assert play.sent == [HEARTBEAT_ACK], "one quiet heartbeat after a failure too"
    play << ACK
    play << heartbeat()
    assert play.sent == [b"cam1,WCAM,0,0,0,0,0,0"]


def test_after_a_command_in_flight_expired_one_heartbeat_stays_quiet(play: Playbook) -> None:
    play << CommandRequested("op", "cam1", "TLGS", time_to_live=30.0)
    play << heartbeat()
    play.later(31)
    play << CommandRequested("op", "cam1", "WCAM")
    play << heartbeat()
    assert play.sent == [HEARTBEAT_ACK]
    play << heartbeat()
    assert play.sent == [b"cam1,WCAM,0,0,0,0,0,0"]


def test_an_error_long_after_the_ack_blames_nobody(play: Playbook) -> None:
    play << CommandRequested("op", "cam1", "TLGS")
    play << heartbeat()
    play << ACK
    play.later(ERROR_BELONGS + 1)
    play << frame("cam1,ERR,no camera,0,0,0,0,0")
    assert play.commands == []


def test_an_error_from_another_address_blames_nobody(play: Playbook) -> None:
    play << CommandRequested("op", "cam1", "TLGS")
    play << heartbeat()
    play << ACK
    play << frame("cam1,ERR,no camera,0,0,0,0,0", "198.51.100.66")
    assert play.commands == []


def test_an_error_after_the_ack_is_the_commands_failure(play: Playbook) -> None:
    play << CommandRequested("op", "cam1", "TLGS")
    play << heartbeat()
    play << ACK
    play << frame("cam1,ERR,no camera,0,0,0,0,0")
    assert (play.last_command.state, play.last_command.outcome) == (CommandState.FAILED, "no camera")
    play << frame("cam1,ERR,again,0,0,0,0,0")
    assert play.commands == []


def test_an_error_after_the_next_command_went_out_blames_nobody(play: Playbook) -> None:
    for verb in ("TLGS", "WCAM"):
        play << CommandRequested("op", "cam1", verb)
    for _ in range(3):
        play << heartbeat()
        play << ACK
    play << CommandRequested("op", "cam1", "SCAM")
    play << heartbeat()
    play << heartbeat()
    play << frame("cam1,ERR,late,0,0,0,0,0")
    assert play.commands == []


def test_a_command_expires_when_its_time_to_live_ran_out(play: Playbook) -> None:
    play << CommandRequested("op", "cam1", "TLGS", time_to_live=30.0)
    play.later(31)
    assert [command.state for command in play.commands] == [CommandState.EXPIRED]
    play << heartbeat()
    assert play.sent == [HEARTBEAT_ACK]


def test_a_command_in_flight_expires_too(play: Playbook) -> None:
    play << CommandRequested("op", "cam1", "TLGS", time_to_live=30.0)
    play << heartbeat()
    play.later(31)
    assert [command.state for command in play.commands] == [CommandState.EXPIRED]
    play << ACK
    assert play.commands == []


def test_a_command_that_was_acknowledged_does_not_expire(play: Playbook) -> None:
    play << CommandRequested("op", "cam1", "TLGS", time_to_live=30.0)
    play << heartbeat()
    play << ACK
    play.later(31)
    assert play.commands == []


def test_a_reset_is_confirmed_by_the_reboot(play: Playbook) -> None:
    play << CommandRequested("op", "cam1", "RST")
    play << heartbeat()
    play << ACK
    assert play.commands == []
    play << heartbeat(port=4001)
    assert (play.last_command.state, play.last_command.outcome) == (CommandState.ACKED, "rebooted")


def test_a_device_that_reboots_without_an_ack_is_not_reset_again(play: Playbook) -> None:
    play << CommandRequested("op", "cam1", "RST")
    play << heartbeat()
    play << heartbeat(port=4001)
    assert play.last_command.outcome == "rebooted"
    assert play.sent == [HEARTBEAT_ACK]


def test_a_reset_acknowledged_but_not_seen_is_said_so(play: Playbook) -> None:
    play << CommandRequested("op", "cam1", "RST")
    play << heartbeat()
    play << ACK
    play << heartbeat()
    assert play.last_command.outcome == "acknowledged, no reboot seen"


def test_a_reset_nobody_answers_is_sent_three_times(play: Playbook) -> None:
    play << CommandRequested("op", "cam1", "RST")
    for _ in range(4):
        play << heartbeat()
    assert play.last_command.state is CommandState.FAILED


def test_the_queue_of_a_device_is_bounded_and_says_so(play: Playbook) -> None:
    for _ in range(MAX_QUEUED):
        play << CommandRequested("op", "cam1", "TLGS")
    play << CommandRequested("op", "cam1", "TLGS")
    assert (play.refusal.reason, play.refusal.field) == ("queue_full", "device")
    play << CommandRequested("op", "cam1", "DSAL")
    assert play.answer[0].verb == "DSAL", "switching the detector takes the place of what waited"


def test_a_command_for_everybody_goes_to_each_adopted_device(play: Playbook) -> None:
    play.adopt("cam2")
    play << heartbeat("stranger")
    play << CommandRequested("op", "*", "TLGS")
    assert [command.device_id for command in play.answer] == [1, 2]
    play << CommandRequested("op", "@home", "WCAM")
    assert len(play.answer) == 2


def test_a_command_for_a_zone_is_for_all_of_it_or_none(play: Playbook) -> None:
    play.adopt("cam2")
    for _ in range(MAX_QUEUED):
        play << CommandRequested("op", "cam2", "TLGS")
    play << CommandRequested("op", "@home", "TLGS")
    assert play.refusal.reason == "queue_full"
    play << heartbeat()
    assert play.sent == [HEARTBEAT_ACK]


@pytest.mark.parametrize(
    ("request_", "reason", "field"),
    [
        (CommandRequested("op", "nobody", "TLGS"), "unknown_device", "device"),
        (CommandRequested("op", "@nowhere", "TLGS"), "unknown_zone", "zone"),
        (CommandRequested("op", "@unassigned", "TLGS"), "no_devices", "target"),
        (CommandRequested("op", "cam1", "MOAL"), "invalid", "verb"),
        (CommandRequested("op", "cam1", "FLY"), "invalid", "verb"),
        (CommandRequested("op", "cam1", "TLGS", ("x",)), "invalid", "params"),
        (CommandRequested("op", "cam1", "TLGC", ("a,b", "c"), in_clear=True), "invalid", "params"),
        (CommandRequested("op", "cam1", "TLGC", ("x" * 63, "c"), in_clear=True), "invalid", "params"),
        (CommandRequested("op", "cam1", "TLGC", ("token", "chat")), "in_clear", "in_clear"),
        (CommandRequested("op", "cam1", "TLGS", time_to_live=0.0), "invalid", "time_to_live"),
        (CommandRequested("op", "cam1", "TLGS", time_to_live=1e9), "invalid", "time_to_live"),
    ],
)
def test_a_command_that_cannot_be_is_refused_with_the_field(
    play: Playbook, request_: CommandRequested, reason: str, field: str
) -> None:
    play << request_
    assert (play.refusal.reason, play.refusal.field) == (reason, field)
    assert play.refusal.message


def test_a_secret_is_dropped_once_it_was_delivered(play: Playbook) -> None:
    play << CommandRequested("op", "cam1", "TLGC", ("token", "chat"), in_clear=True)
    play << heartbeat()
    assert play.sent == [b"cam1,TLGC,token,chat,0,0,0,0"]
    play << ACK
    assert play.last_command.params == ()
    assert not any("token" in event.text for event in play.events)


def test_a_quarantined_device_takes_no_commands(play: Playbook) -> None:
    play << CommandRequested("op", "cam1", "TLGS")
    play << DeviceChanged("op", "cam1", quarantined=True)
    play << heartbeat()
    assert play.sent == [HEARTBEAT_ACK]
    play << CommandRequested("op", "cam1", "TLGS")
    assert play.refusal.reason == "quarantined"


def test_the_commands_of_a_forgotten_device_end_with_it(play: Playbook) -> None:
    for verb in ("TLGS", "WCAM"):
        play << CommandRequested("op", "cam1", verb)
    play << heartbeat()
    play << DeviceForgotten("op", "cam1")
    assert [command.state for command in play.commands] == [CommandState.EXPIRED] * 2
    play.later(4000)
    assert play.commands == []


def test_commands_survive_a_restart_in_order_and_in_flight(play: Playbook) -> None:
    for verb in ("TLGS", "WCAM"):
        play << CommandRequested("op", "cam1", verb, time_to_live=100.0)
    play << heartbeat()
    play = play.restart(after=5)
    play << ACK
    assert play.last_command.state is CommandState.ACKED
    play << heartbeat()
    play << heartbeat()
    assert play.sent == [b"cam1,WCAM,0,0,0,0,0,0"]
    play.later(96)
    assert play.last_command.state is CommandState.EXPIRED


def test_a_command_whose_time_ran_out_while_the_server_was_down_is_expired_at_once(play: Playbook) -> None:
    play << CommandRequested("op", "cam1", "TLGS", time_to_live=100.0)
    play = play.restart(after=200)
    play.later(1)
    assert play.last_command.state is CommandState.EXPIRED


@pytest.mark.parametrize("heartbeats", [0, 1])
def test_a_secret_that_waits_never_goes_to_a_device_that_turns_out_to_be_a_seed_camera(
    play: Playbook, heartbeats: int
) -> None:
    play << CommandRequested("op", "cam1", "TLGS") << CommandRequested("op", "cam1", "TLGC", ("t", "c"), in_clear=True)
    for _ in range(heartbeats):
        play << heartbeat() << ACK << heartbeat() << heartbeat()
    play << DeviceChanged("op", "cam1", dialect=Dialect.SEED)
    assert (play.last_command.state, play.last_command.params) == (CommandState.EXPIRED, ())
    for _ in range(3):
        play.later(20)
        play << heartbeat()
        assert not any(b"TLGC" in sent for sent in play.sent)


def test_a_reset_is_not_confirmed_by_a_restart_of_the_server(play: Playbook) -> None:
    play << CommandRequested("op", "cam1", "RST")
    play << heartbeat()
    play = play.restart()
    play << heartbeat()
    assert play.sent == [b"cam1,RST,0,0,0,0,0,0"]
