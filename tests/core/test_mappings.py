"""Heartbeats that come too seldom for a NAT: what the server is told, sees, says and asks for."""

from typing import Any

import pytest

from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import FrameReceived
from alarmd.core.mappings import CERTAIN, HALVED_FOR, LEAST_INTERVAL
from alarmd.core.paths import MAX_FORMER, Path, Way, safe_interval
from alarmd.core.records import CommandState
from alarmd.core.requests import CommandRequested, DeviceChanged, DeviceForgotten
from alarmd.core.turn import SOMETIMES
from lfcp.candidates import Mapping
from tests.playbook import NOON, Playbook, frame, heartbeat, path
from tests.signed_camera import SignedCamera

TLGS = CommandRequested("op", "cam1", "TLGS")
PUSHED = 30.0  # s after which no push is left
DAY = 86_400.0


@pytest.fixture
def camera() -> SignedCamera:
    made = SignedCamera()
    made.report = made.report._replace(interval=100, mapping=Mapping.INDEPENDENT, life=115)
    return made


@pytest.fixture
def play(camera: SignedCamera) -> Playbook:
    made = Playbook(report_within=600.0).give_key(camera.name, camera.key)
    camera.meet(made)
    return made


def way(play: Playbook) -> Way:
    known = play.engine.state.sessions["cam1"].way
    assert known is not None
    return known


def stated(play: Playbook, camera: SignedCamera) -> str:
    return camera.beat(play).params[3]


def miss_a_push(play: Playbook, camera: SignedCamera, at: Path | None = None) -> None:
    """Its NAT forgot the device; the heartbeat's answer comes through the new mapping, which has the same port."""
    play << TLGS
    pushes = camera.hear(play.later(PUSHED))
    assert len(pushes) == 5
    camera.echo = pushes[0].signature.counter - 1 if pushes[0].signature else 0  # it heard none of them
    play << camera.heartbeat()
    command = camera.hear(play)[-1]
    assert command.verb == "TLGS"
    play << FrameReceived(camera.ack(command).payload, at or camera.path)
    assert play.last_command.state is CommandState.ACKED


def test_what_a_device_reports_of_its_nat_is_known_and_gives_its_safe_interval(
    play: Playbook, camera: SignedCamera
) -> None:
    assert (way(play).mapping, way(play).life, way(play).interval) == ("e", 115, 100)
    assert way(play).safe_interval == 105
    camera.report = camera.report._replace(mapping=Mapping.HARD, life=0)
    camera.beat(play)
    assert (way(play).mapping, way(play).life, way(play).safe_interval) == ("h", 0, None)


def test_a_device_that_reports_nothing_of_it_costs_nothing() -> None:
    camera = SignedCamera()
    play = Playbook().give_key("cam1", camera.key)
    camera.meet(play)
    camera.beat(play)
    assert play.engine.state.sessions["cam1"].way is None


@pytest.mark.parametrize(("life", "interval"), [(12, 15), (25, 15), (55, 45), (115, 105), (175, 165), (295, 170)])
def test_the_safe_interval_is_a_life_less_a_margin_within_bounds(life: int, interval: int) -> None:
    assert safe_interval(life) == interval


# Missed pushes


def test_a_missed_push_halves_the_interval_that_the_device_is_told(play: Playbook, camera: SignedCamera) -> None:
    assert stated(play, camera) == "196"
    miss_a_push(play, camera)
    assert play.count(EventKind.PUSH_MISSED) == 1
    assert stated(play, camera) == "50", "half of what it kept to"
    camera.report = camera.report._replace(interval=50)
    camera.beat(play)
    miss_a_push(play, camera)
    assert stated(play, camera) == "25"
    assert stated(play, camera) == "25", "as usual too"


def test_halving_ends_at_the_least_interval_that_can_be_learned(play: Playbook, camera: SignedCamera) -> None:
    for interval in (100, 50, 25, 15, 15):
        camera.report = camera.report._replace(interval=interval)
        camera.beat(play)
        miss_a_push(play, camera)
    assert stated(play, camera) == str(LEAST_INTERVAL)
    assert play.count(EventKind.PUSH_MISSED) == 3


def test_a_device_that_must_beat_more_often_than_that_is_told_nothing_else() -> None:
    camera = SignedCamera()
    play = Playbook(report_within=40.0).give_key("cam1", camera.key)
    camera.meet(play)
    miss_a_push(play, camera)
    assert stated(play, camera) == "10"
    assert play.count(EventKind.PUSH_MISSED) == 0


@pytest.mark.parametrize("change", [{"life": 85}, {"mapping": Mapping.HARD}])
def test_another_report_ends_the_halved_interval(play: Playbook, camera: SignedCamera, change: dict[str, Any]) -> None:
    miss_a_push(play, camera)
    camera.report = camera.report._replace(**change)
    assert stated(play, camera) == "196"


def test_the_halved_interval_ends_a_day_after_the_last_push_that_was_missed(camera: SignedCamera) -> None:
    play = Playbook(report_within=7 * DAY).give_key("cam1", camera.key)  # it is not lost meanwhile
    camera.meet(play)
    allowed = stated(play, camera)
    miss_a_push(play, camera)
    play.later(HALVED_FOR / 2)
    assert stated(play, camera) == "50"
    miss_a_push(play, camera)
    play.later(HALVED_FOR / 2)
    assert stated(play, camera) == "25", "the second one counts"
    play.later(HALVED_FOR / 2 + 10)
    assert stated(play, camera) == allowed
    play << DeviceForgotten("op", "cam1")
    assert play.later(HALVED_FOR).events == []


def test_a_push_that_was_only_late_is_not_missed(play: Playbook, camera: SignedCamera) -> None:
    play << TLGS
    pushes = camera.hear(play.later(PUSHED))
    play << camera.heartbeat()
    play << camera.ack(pushes[-1])
    assert play.last_command.state is CommandState.ACKED
    assert stated(play, camera) == "196"


def test_a_device_that_went_into_another_network_missed_its_pushes_for_that(
    play: Playbook, camera: SignedCamera
) -> None:
    miss_a_push(play, camera, at=path("198.51.100.9"))
    assert stated(play, camera) == "196"


def test_a_command_that_first_went_out_with_a_heartbeat_is_missed_by_its_pushes_alike(camera: SignedCamera) -> None:
    play = Playbook(report_within=600.0).give_key("cam1", camera.key)
    play << TLGS
    camera.beat(play)
    assert camera.beat(play).verb == "TLGS"  # lost on its way
    camera.hear(play.later(PUSHED))
    again = camera.beat(play)
    assert again.verb == "TLGS"
    assert camera.beat(play).verb == "ACK", "not so soon"
    play.later(1)
    camera.beat(play)
    play << camera.ack(again)
    assert stated(play, camera) == "50"


def test_over_the_limit_of_messages_a_missed_push_is_no_event(camera: SignedCamera) -> None:
    play = Playbook(report_within=600.0, message_burst=1.0, message_rate=0.0001).give_key("cam1", camera.key)
    camera.meet(play)
    camera.hear(play << camera.message("LOG", "x"))
    miss_a_push(play, camera)
    assert play.count(EventKind.PUSH_MISSED) == 0
    assert stated(play, camera) == "50"


# What does not fit


@pytest.mark.parametrize(
    ("reported", "said"),
    [
        ({"interval": 120}, "it beats every 120 s, and its NAT forgets it after 115 s"),
        ({"interval": 200, "life": 295}, "it beats every 200 s; report_within = 600 allows 196 s"),
    ],
)
def test_an_interval_that_does_not_fit_is_an_event_when_it_stays_so(
    play: Playbook, camera: SignedCamera, reported: dict[str, Any], said: str
) -> None:
    fitting = camera.report
    for _ in range(2):
        camera.report = camera.report._replace(**reported)
        camera.beat(play)
    assert play.count(EventKind.INTERVAL_UNFIT) == 0, "it may not have heard yet what is allowed"
    camera.beat(play)
    assert [(event.kind, event.text) for event in play.events] == [(EventKind.INTERVAL_UNFIT, said)]
    for _ in range(5):
        camera.beat(play)
    for report in (fitting, camera.report):
        camera.report = report
        for _ in range(CERTAIN):
            camera.beat(play)
    assert play.count(EventKind.INTERVAL_UNFIT) == 1, "at most once in a while"
    play.later(SOMETIMES)
    camera.beat(play)
    for report in (fitting, camera.report):
        camera.report = report
        for _ in range(CERTAIN):
            camera.beat(play)
    assert play.count(EventKind.INTERVAL_UNFIT) == 2


def test_a_shorter_report_within_makes_an_interval_unfit(play: Playbook, camera: SignedCamera) -> None:
    play << DeviceChanged("op", "cam1", report_within=90.0)
    for _ in range(CERTAIN):
        camera.beat(play)
    assert play.count(EventKind.INTERVAL_UNFIT) == 1


def test_a_device_that_does_not_say_its_interval_is_not_warned_of(play: Playbook, camera: SignedCamera) -> None:
    camera.report = camera.report._replace(interval=None)
    for _ in range(CERTAIN):
        camera.beat(play)
    assert play.count(EventKind.INTERVAL_UNFIT) == 0


# Devices without a key


def test_a_port_that_changes_with_every_heartbeat_is_an_event_once() -> None:
    play = Playbook().adopt("cam1")
    for port in range(4000, 4000 + CERTAIN):
        play << heartbeat(port=port)
        play.later(20)
    assert play.count(EventKind.INTERVAL_UNFIT) == 0
    for port in range(5000, 5010):
        play << heartbeat(port=port)
        play.later(20)
    assert play.count(EventKind.INTERVAL_UNFIT) == 1


@pytest.mark.parametrize("between", ["HEARTBEAT", "LOG"])
def test_ports_that_change_now_and_then_are_none(between: str) -> None:
    play = Playbook().adopt("cam1")
    for port in range(4000, 4010):
        play << heartbeat(port=port)
        play.later(1)
        play << frame(f"cam1,{between},0,0,0,0,0,0", port=port)
        play.later(1)
    assert play.count(EventKind.INTERVAL_UNFIT) == 0


@pytest.mark.parametrize("how", ["restarts", "moves", "tcp"])
def test_a_device_that_restarts_or_moves_or_speaks_tcp_is_not_warned_of(how: str) -> None:
    play = Playbook().adopt("cam1")
    for number in range(10):
        boot = f"b{number}" if how == "restarts" else "b0"
        host = f"192.0.2.{number}" if how == "moves" else "192.0.2.1"
        transport = "tcp" if how == "tcp" else "udp"
        play << frame(f"cam1,HEARTBEAT,2,20,{boot}.0,a.-.0,0,0", host, 4000 + number, transport)
        play.later(20)
    assert play.count(EventKind.INTERVAL_UNFIT) == 0


def test_one_that_reports_its_boot_id_and_does_not_restart_is_warned_of() -> None:
    play = Playbook().adopt("cam1")
    for number in range(1 + CERTAIN):
        play << frame("cam1,HEARTBEAT,2,20,b0.0,a.-.0,0,0", port=4000 + number)
        play.later(20)
    assert play.count(EventKind.INTERVAL_UNFIT) == 1


def test_over_the_limit_of_messages_it_is_not_warned_of() -> None:
    play = Playbook(message_burst=1.0, message_rate=0.0001).adopt("cam1")
    play << frame("cam1,LOG,x,0,0,0,0,0")
    for number in range(2 + CERTAIN):
        play << heartbeat(port=4000 + number)
    assert play.count(EventKind.INTERVAL_UNFIT) == 0


# Where a device was


def test_the_last_addresses_of_a_device_are_known_with_their_times() -> None:
    play = Playbook()
    for number in range(12):
        play << heartbeat(port=4000 + number)
        play.later(20)
    session = play.engine.state.sessions["cam1"]
    assert session.way is not None
    assert session.path is not None
    stays = session.way.history(session.path, play.now.wall)
    assert [stay.path.port for stay in stays] == list(range(4012 - 1 - MAX_FORMER, 4012))
    assert (stays[0].first, stays[0].last) == (NOON + 80_000_000, NOON + 100_000_000)
    assert stays[-1] == (session.path, NOON + 220_000_000, play.now.wall)


def test_an_address_that_it_comes_back_to_keeps_its_first_time() -> None:
    play = Playbook()
    for port in (1, 2, 1, 2):
        play << heartbeat(port=port)
        play.later(20)
    session = play.engine.state.sessions["cam1"]
    assert session.way is not None
    assert [(stay.path.port, stay.first, stay.last) for stay in session.way.former] == [(1, None, NOON + 60_000_000)]
    assert session.way.since == NOON + 20_000_000


def test_after_a_restart_only_the_socket_is_another_one() -> None:
    play = Playbook() << heartbeat()
    again = play.restart() << heartbeat()
    assert again.engine.state.sessions["cam1"].way is None
