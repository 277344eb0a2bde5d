"""KEEP: answered where it came from, after the time that was asked for, and never more than a few."""

import pytest

from alarmd.core.effects import SendFrame
from alarmd.core.inputs import DevicesReleased, FrameReceived
from alarmd.core.keepalives import MAX_WAITING
from alarmd.core.late_answers import AT_ONCE, MOMENT, Late, Moments, Outstanding
from alarmd.core.records import Presence
from alarmd.core.requests import DeviceForgotten
from lfcp.constants import KEEP_MOST_MS, MAX_KEEPS
from tests.playbook import Playbook, path
from tests.signed_camera import SignedCamera

LADDER = path(port=4100)


@pytest.fixture
def camera() -> SignedCamera:
    return SignedCamera()


@pytest.fixture
def play(camera: SignedCamera) -> Playbook:
    made = Playbook().give_key(camera.name, camera.key)
    camera.meet(made)
    return made


def keep(camera: SignedCamera, milliseconds: int, port: int = 4100) -> FrameReceived:
    return camera.frame("KEEP", str(milliseconds), at=path(port=port))


def test_a_keep_without_delay_is_answered_at_once_with_the_address_that_it_came_from(
    play: Playbook, camera: SignedCamera
) -> None:
    play << keep(camera, 0)
    assert [effect.path for effect in play.made(SendFrame)] == [LADDER]
    (answer,) = camera.hear(play)
    assert (answer.verb, answer.params[:4]) == ("ACK", (f"{camera.counter:x}", "0", "192.0.2.1:4100", "0"))


@pytest.mark.parametrize("seconds", [0.1, 25, 295, KEEP_MOST_MS / 1000])
def test_a_keep_is_answered_after_its_delay_where_it_came_from(
    play: Playbook, camera: SignedCamera, seconds: float
) -> None:
    play << keep(camera, round(seconds * 1000))
    counter = camera.counter
    assert play.sent == []
    assert play.later(seconds - 0.01).sent == []
    play.later(MOMENT + 2.1)  # a timer may be late by as much
    assert [effect.path for effect in play.made(SendFrame)] == [LADDER]
    (answer,) = camera.hear(play)
    assert answer.params[:2] == (f"{counter:x}", "0")
    assert play.later(KEEP_MOST_MS / 1000).sent == []


def test_it_proves_no_life_and_moves_no_path(play: Playbook, camera: SignedCamera) -> None:
    session = play.engine.state.sessions["cam1"]
    for _ in range(20):
        play.later(5)
        camera.hear(play << keep(camera, 0))
    assert session.presence is Presence.LOST
    assert session.path == path()


def test_only_so_many_may_wait_and_one_more_is_refused_at_once(play: Playbook, camera: SignedCamera) -> None:
    for port in range(MAX_KEEPS):
        play << keep(camera, 10_000, 4100 + port)
        assert play.sent == []
    play << keep(camera, 10_000)
    (answer,) = camera.hear(play)
    assert answer.params[1] == "1"
    assert camera.hear(play << keep(camera, 0))[0].params[1] == "0", "those that need not wait are no matter"
    assert len(camera.hear(play.later(11))) == MAX_KEEPS
    play << keep(camera, 10_000)
    assert play.sent == [], "there is room again"


def test_all_devices_together_wait_for_so_many_answers_only(play: Playbook, camera: SignedCamera) -> None:
    for _ in range(MAX_WAITING):
        play.engine.state.keeps.add(1e9, Late(0, Outstanding(), 0, LADDER))
    (answer,) = camera.hear(play << keep(camera, 1000))
    assert answer.params[1] == "1"


def test_a_replayed_one_is_refused(play: Playbook, camera: SignedCamera) -> None:
    made = keep(camera, 0)
    play << made
    for at in (LADDER, path("198.51.100.9")):
        play << FrameReceived(made.payload, at)
        assert (play.sent, play.rejected) == ([], ["replayed"])


@pytest.mark.parametrize("delay", ["x", "-1", "00", f"{KEEP_MOST_MS + 1}", "999999"])
def test_a_delay_that_is_none_is_refused(play: Playbook, camera: SignedCamera, delay: str) -> None:
    play << camera.frame("KEEP", delay, at=LADDER)
    assert (play.sent, play.rejected) == ([], ["bad_fields"])


def test_an_unsigned_one_is_refused() -> None:
    play = Playbook().adopt("cam1")
    play << FrameReceived(b"cam1,KEEP,0,0,0,0,0,0", LADDER)
    assert play.sent == []
    assert play.rejected == ["wrong_direction"]


def test_the_answers_of_a_device_that_is_forgotten_vanish(play: Playbook, camera: SignedCamera) -> None:
    play << keep(camera, 5000)
    play << DeviceForgotten("op", "cam1")
    assert play.later(10).sent == []
    assert len(play.engine.state.keeps) == 0


def test_those_under_an_older_key_vanish_with_it(play: Playbook, camera: SignedCamera) -> None:
    play << keep(camera, 5000)
    camera.key = SignedCamera().key
    play.give_key("cam1", camera.key, renew=True)
    play << keep(camera, 6000)
    answers = [camera.read(sent).params[0] for sent in play.later(20).sent]
    assert answers == [f"{camera.counter:x}"]


def test_those_of_a_device_that_another_member_watches_vanish(camera: SignedCamera) -> None:
    play = Playbook(member=1).give_key("cam1", camera.key)
    camera.meet(play)
    play << keep(camera, 5000)
    play << DevicesReleased((play.engine.state.sessions["cam1"].device.id,))
    assert play.later(10).sent == []


def test_a_restart_forgets_them(play: Playbook, camera: SignedCamera) -> None:
    play << keep(camera, 5000)
    assert play.restart().later(10).sent == []


def test_those_of_one_moment_leave_some_at_a_time() -> None:
    moments, of = Moments(), Outstanding()
    number, *others = (moments.add(5.0, Late(1, of, answers, LADDER)) for answers in range(2 * AT_ONCE + 1))
    assert number is not None
    assert not any(others)
    sizes = []
    for _ in range(3):
        taken, all_of_them = moments.take(number)
        sizes.append((len(taken), all_of_them, len(moments)))
    assert sizes == [(AT_ONCE, False, AT_ONCE + 1), (AT_ONCE, False, 1), (1, True, 0)]


def test_many_devices_that_asked_in_one_moment_are_all_answered() -> None:
    play = Playbook()
    cameras = [SignedCamera(f"cam{number}") for number in range(AT_ONCE // MAX_KEEPS + 2)]
    for one in cameras:
        play.give_key(one.name, one.key)
        for port in range(MAX_KEEPS):
            play << keep(one, 3000, 5000 + port)
    assert len(play.later(2.9).sent) == 0
    assert len(play.later(0.5).sent) == MAX_KEEPS * len(cameras)


def test_an_answer_is_at_most_three_times_what_asked_for_it(camera: SignedCamera) -> None:
    play = Playbook().give_key("c", camera.key)
    camera.name = "c"
    far = path("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", 65535)
    asked = camera.frame("KEEP", "0", at=far)
    play << asked
    (answer,) = play.sent
    assert len(answer) <= 3 * len(asked.payload)
