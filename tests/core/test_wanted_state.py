"""Detector, camera and settings of a signed device: kept, told, and told again when it reports otherwise."""

import pytest

from alarmd.core.event_kinds import EventKind
from alarmd.core.reassertion import REASSERT_GAP
from alarmd.core.records import CommandState
from alarmd.core.requests import CommandRequested, DeviceChanged
from lfcp import Message
from lfcp.settings import digest
from tests.playbook import Playbook, heartbeat
from tests.signed_camera import SignedCamera


@pytest.fixture
def camera() -> SignedCamera:
    return SignedCamera()


@pytest.fixture
def play(camera: SignedCamera) -> Playbook:
    made = Playbook().give_key(camera.name, camera.key)
    camera.meet(made)
    return made


def ask(play: Playbook, verb: str, *params: str) -> None:
    play << CommandRequested("op", "cam1", verb, params)


def obey(play: Playbook, camera: SignedCamera) -> list[Message]:
    """Everything that the server sends now, acknowledged one by one."""
    got = []
    while True:
        messages = [message for message in camera.hear(play.later(0)) if message.verb != "ACK"]
        if not messages:
            return got
        got += messages
        for message in messages:
            play << camera.ack(message)


def beat_for(play: Playbook, camera: SignedCamera, seconds: float) -> list[Message]:
    got = []
    for _ in range(int(seconds / 25)):
        play.later(25)
        answer = camera.beat(play)
        if answer.verb != "ACK":
            got.append(answer)
            play << camera.ack(answer)
            got += obey(play, camera)
    return got


@pytest.mark.parametrize(("verb", "opposite"), [("ENAL", "DSAL"), ("WCAM", "SCAM")])
def test_a_wish_carries_the_version_of_the_wanted_state(
    play: Playbook, camera: SignedCamera, verb: str, opposite: str
) -> None:
    ask(play, verb)
    (first,) = obey(play, camera)
    assert (first.verb, first.params[0]) == (verb, "1")
    ask(play, opposite)
    (second,) = obey(play, camera)
    assert (second.verb, second.params[0]) == (opposite, "2")


def test_a_camera_that_reports_otherwise_is_told_again_but_not_nagged(play: Playbook, camera: SignedCamera) -> None:
    ask(play, "SCAM")
    obey(play, camera)
    got = beat_for(play, camera, 2 * REASSERT_GAP + 50)
    assert [message.verb for message in got] == ["SCAM", "SCAM"]
    assert play.count(EventKind.WANTED_REASSERTED) == 2
    camera.report = camera.report._replace(camera=False)
    assert beat_for(play, camera, 2 * REASSERT_GAP) == []


def test_a_newer_wish_takes_the_place_of_one_that_waits(camera: SignedCamera) -> None:
    play = Playbook().give_key("cam1", camera.key)
    for verb, params in (
        ("WCAM", ()),
        ("SCAM", ()),
        ("CONF", ("quality", "10")),
        ("CONF", ("quality", "20")),
        ("CONF", ("flash", "1")),
    ):
        ask(play, verb, *params)
    waiting = play.engine.state.sessions["cam1"].commands
    assert waiting is not None
    assert [(command.verb, *command.params) for command in waiting.waiting] == [
        ("SCAM",),
        ("CONF", "quality", "20"),
        ("CONF", "flash", "1"),
    ]


def test_settings_are_sent_and_compared_by_their_digest(play: Playbook, camera: SignedCamera) -> None:
    ask(play, "CONF", "quality", "12")
    ask(play, "CONF", "brightness", "-2")
    assert [message.params[:2] for message in obey(play, camera)] == [("quality", "12"), ("brightness", "-2")]
    assert play.engine.state.sessions["cam1"].device.settings == ("quality=12", "brightness=-2")
    camera.report = camera.report._replace(digest=digest({"quality": 12, "brightness": -2}))
    assert beat_for(play, camera, 2 * REASSERT_GAP) == []


def test_settings_that_a_device_lost_are_sent_again_whole_once(play: Playbook, camera: SignedCamera) -> None:
    ask(play, "CONF", "quality", "12")
    ask(play, "CONF", "flash", "1")
    obey(play, camera)
    got = beat_for(play, camera, 3 * REASSERT_GAP)
    assert [message.params[:2] for message in got] == [("quality", "12"), ("flash", "1")]
    camera.report = camera.report._replace(digest="00000000")
    got = beat_for(play, camera, REASSERT_GAP + 50)
    assert len(got) == 2, "another digest is another reason"
    ask(play, "CONF", "quality", "13")
    obey(play, camera)
    assert len(beat_for(play, camera, REASSERT_GAP + 50)) == 2, "and so is another wish"


def test_a_device_that_knows_no_settings_is_not_compared(play: Playbook, camera: SignedCamera) -> None:
    ask(play, "CONF", "quality", "12")
    obey(play, camera)
    camera.report = camera.report._replace(settings=False)
    assert beat_for(play, camera, 2 * REASSERT_GAP) == []


def test_a_newer_version_at_the_device_lifts_ours(play: Playbook, camera: SignedCamera) -> None:
    camera.report = camera.report._replace(wanted_version=41)
    camera.beat(play)
    ask(play, "ENAL")
    (command,) = obey(play, camera)
    assert command.params[0] == "42"


def test_a_reboot_sends_the_wanted_detector_again(play: Playbook, camera: SignedCamera) -> None:
    ask(play, "ENAL")
    obey(play, camera)
    camera.report = camera.report._replace(detector=True)
    play.later(25)
    camera.beat(play)
    play.later(REASSERT_GAP)
    camera.reboot("b002")
    camera.beat(play)
    assert camera.beat(play).verb == "ENAL"


def test_a_detector_that_reports_otherwise_is_told_again(play: Playbook, camera: SignedCamera) -> None:
    ask(play, "ENAL")
    obey(play, camera)
    got = beat_for(play, camera, REASSERT_GAP + 50)
    assert [message.verb for message in got] == ["ENAL"]


def test_nothing_is_sent_again_while_it_is_on_its_way(play: Playbook, camera: SignedCamera) -> None:
    ask(play, "SCAM")
    play.later(0)
    for _ in range(30):
        play.later(25)
        answer = camera.beat(play)
        assert answer.verb == "SCAM"
    assert play.count(EventKind.WANTED_REASSERTED) == 0
    assert play.count(EventKind.COMMAND_QUEUED) == 1


def test_conf_is_checked_by_the_table_of_settings(play: Playbook) -> None:
    for params in (("colour", "1"), ("quality", "3"), ("quality", "x"), ("quality", "010"), ("flash", "2")):
        ask(play, "CONF", *params)
        assert play.refusal.reason == "invalid"
    play << heartbeat("cam2")
    play << CommandRequested("op", "cam2", "CONF", ("quality", "12"))
    assert play.refusal.reason == "no_key"


def test_a_quarantined_device_is_not_corrected(play: Playbook, camera: SignedCamera) -> None:
    ask(play, "SCAM")
    obey(play, camera)
    play << DeviceChanged("op", "cam1", quarantined=True)
    assert beat_for(play, camera, 2 * REASSERT_GAP) == []


def test_a_wish_for_a_device_without_a_key_is_kept_too() -> None:
    play = Playbook().adopt("cam1")
    ask(play, "SCAM")
    assert play.engine.state.sessions["cam1"].device.camera_wish is False
    play << heartbeat("cam1")
    assert play.sent == [b"cam1,SCAM,0,0,0,0,0,0"]
    assert play.last_command.state is CommandState.SENT
