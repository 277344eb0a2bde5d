"""What people are told of the peer: the link's condition, read with the open alarms."""

from dataclasses import replace

import pytest

from alarmd.core.link_condition import Link, LinkCondition, PeerStanding, peer_standing
from alarmd.core.records import AlarmKind, AlarmState
from alarmd.core.state import State
from tests.playbook import Playbook, frame


def with_alarm(kind: AlarmKind, state: AlarmState) -> State:
    play = Playbook() << frame("cam1,MOAL,gate,0,0,0,0,0")
    alarms = play.engine.state.alarms
    alarms[1] = replace(alarms[1], kind=kind, state=state)
    return play.engine.state


def test_a_server_without_a_pair_is_alone() -> None:
    assert peer_standing(Playbook().engine.state, None) is PeerStanding.ALONE


@pytest.mark.parametrize("link", list(Link))
def test_without_an_alarm_the_standing_is_that_of_the_link(link: Link) -> None:
    assert peer_standing(Playbook().engine.state, LinkCondition(link, 0)) == link.value


def test_a_peer_that_is_gone_and_an_open_alarm_is_lost() -> None:
    raised = with_alarm(AlarmKind.PEER_LOST, AlarmState.RAISED)
    assert peer_standing(raised, LinkCondition(Link.GONE, 0)) is PeerStanding.LOST
    assert peer_standing(raised, LinkCondition(Link.MET, 0)) is PeerStanding.MET


@pytest.mark.parametrize(
    ("kind", "state"), [(AlarmKind.PEER_LOST, AlarmState.CLEARED), (AlarmKind.MOTION, AlarmState.RAISED)]
)
def test_other_alarms_do_not_make_it_lost(kind: AlarmKind, state: AlarmState) -> None:
    assert peer_standing(with_alarm(kind, state), LinkCondition(Link.GONE, 0)) is PeerStanding.GONE
