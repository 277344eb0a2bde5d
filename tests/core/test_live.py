"""Live pictures are asked for while somebody watches, and no longer."""

import pytest

from alarmd.core.inputs import LiveEnded, LiveRequested
from alarmd.core.live import LIVE_SECONDS, RENEW_EVERY
from alarmd.core.requests import DeviceForgotten
from lfcp import Message
from tests.playbook import Playbook, frame
from tests.signed_camera import SignedCamera


@pytest.fixture
def camera() -> SignedCamera:
    camera = SignedCamera()
    camera.report = camera.report._replace(live=True)
    return camera


@pytest.fixture
def play(camera: SignedCamera) -> Playbook:
    play = Playbook().give_key(camera.name, camera.key)
    camera.meet(play)
    return play


def asked(play: Playbook, camera: SignedCamera) -> list[Message]:
    return [message for message in camera.hear(play) if message.verb == "LIVE"]


def test_the_first_viewer_has_live_pictures_asked_for_at_once(play: Playbook, camera: SignedCamera) -> None:
    play << LiveRequested("cam1")
    play.later(0)
    (live,) = asked(play, camera)
    assert live.params[0] == str(LIVE_SECONDS)


def test_it_is_renewed_while_somebody_watches_and_before_it_ends(play: Playbook, camera: SignedCamera) -> None:
    play << LiveRequested("cam1")
    play.later(0)
    for _ in range(3):
        (live,) = asked(play, camera)
        play << camera.ack(live)
        camera.beat(play)
        play << LiveRequested("cam1")  # a second viewer changes nothing
        play.later(RENEW_EVERY)
    assert 2 * RENEW_EVERY < LIVE_SECONDS
    play << LiveEnded("cam1")
    assert play.engine.state.open_commands == {}
    play.later(2 * LIVE_SECONDS)
    assert not any(b"LIVE" in sent for sent in play.sent)


def test_one_that_is_not_acknowledged_yet_is_not_asked_for_twice(play: Playbook) -> None:
    play << LiveRequested("cam1")
    play.later(RENEW_EVERY + 1)
    assert len(play.engine.state.open_commands) == 1


def test_viewers_who_leave_and_come_again_do_not_double_the_renewals(play: Playbook) -> None:
    for _ in range(5):
        play << LiveRequested("cam1") << LiveEnded("cam1")
    play << LiveRequested("cam1")
    before = play.engine.state.last_command
    play.later(RENEW_EVERY + 1)
    assert play.engine.state.last_command - before <= 1


def test_a_device_that_does_not_know_it_is_not_asked() -> None:
    play = Playbook().adopt("cam1")
    play << frame("cam1,HEARTBEAT,2,26,9f3c.0,acp.-.0,0,0") << LiveRequested("cam1")
    play.later(0)
    assert play.engine.state.open_commands == {}


def test_a_device_without_a_key_gets_it_at_its_heartbeat() -> None:
    play = Playbook().adopt("cam1")
    beat = frame("cam1,HEARTBEAT,2,26,9f3c.0,acl.-.0,0,0")
    play << beat << LiveRequested("cam1") << beat
    assert play.sent == [f"cam1,LIVE,{LIVE_SECONDS},0,0,0,0,0".encode()]


def test_nobody_watches_a_device_that_is_forgotten(play: Playbook) -> None:
    play << LiveRequested("cam1") << DeviceForgotten("op", "cam1") << LiveEnded("cam1")
    play.later(RENEW_EVERY + 1)
    assert play.engine.state.watched == {}
    play << LiveRequested("unknown") << LiveEnded("unknown")
    assert play.engine.state.watched == {}
