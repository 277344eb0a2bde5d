"""A device whose motion is told nobody for a while."""

import pytest

from alarmd.core.device_session import MAX_MUTE
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import FrameReceived
from alarmd.core.instant import SECOND
from alarmd.core.requests import DeviceChanged, DeviceForgotten
from tests.playbook import Playbook, frame, heartbeat


def moal(name: str = "cam1") -> FrameReceived:
    return frame(f"{name},MOAL,gate,0,0,0,0,0")


def muted(seconds: float = 3600) -> Playbook:
    return Playbook(incident_quiet=30.0).adopt("cam1", "cam2") << DeviceChanged("ann", "cam1", muted=seconds)


def test_motion_of_a_muted_device_is_kept_but_told_nobody_and_others_are_told() -> None:
    play = muted()
    assert play.answer[0].muted_until == play.now.wall + 3600 * SECOND
    assert play.events[-1].text == "muted=3600 by ann"
    play << moal()
    assert ([alarm.told for alarm in play.alarms], play.told, len(play.sent)) == ([False], [], 1)
    play << moal("cam2")
    assert len(play.told) == 1


def test_motion_is_told_again_when_the_time_is_over_or_an_operator_says_so() -> None:
    play = muted()
    play.later(3599)
    play << moal()
    assert play.told == []
    play.later(1)
    play << moal()
    assert len(play.told) == 1
    play = muted()
    play << DeviceChanged("ann", "cam1", muted=0)
    assert play.answer[0].muted_until is None
    play << moal()
    assert len(play.told) == 1


def test_the_loss_of_a_muted_device_is_told() -> None:
    play = muted(MAX_MUTE) << heartbeat()
    play.later(100)
    assert [delivery.subject for delivery in play.told] == ["raised"]


def test_a_device_stays_muted_over_a_restart_for_the_rest_of_its_time() -> None:
    play = muted().restart(after=3000)
    play << moal()
    assert play.told == []
    play.later(600)
    play << moal()
    assert len(play.told) == 1


def test_a_clock_that_is_set_back_makes_nobody_deaf_for_longer() -> None:
    play = muted().set_wall(-30 * 86_400)
    play.later(3600)
    play << moal()
    assert len(play.told) == 1
    play = muted().restart(after=-365 * 86_400)
    (until,) = play.engine.state.muted.values()
    assert until <= play.now.mono + MAX_MUTE


@pytest.mark.parametrize("seconds", [-1, MAX_MUTE + 1])
def test_nobody_is_muted_for_ever(seconds: float) -> None:
    play = muted(seconds)
    assert (play.refusal.reason, play.refusal.field) == ("invalid", "muted")
    play << moal()
    assert len(play.told) == 1


def test_a_forgotten_device_leaves_nothing_behind() -> None:
    play = muted() << DeviceForgotten("ann", "cam1")
    assert play.engine.state.muted == {}
    assert play.count(EventKind.DEVICE_CHANGED) == 1
