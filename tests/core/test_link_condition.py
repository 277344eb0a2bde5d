"""What people are told of the peer: the link's condition, read with what the rules know."""

import pytest

from alarmd.core.link_condition import Link, LinkCondition, PeerStanding, peer_standing
from alarmd.core.peer_lifecycle import Peering
from tests.playbook import Playbook


def test_a_server_without_a_pair_is_alone() -> None:
    assert peer_standing(Playbook().engine.state, None) is PeerStanding.ALONE


@pytest.mark.parametrize("link", list(Link))
def test_without_an_alarm_the_standing_is_that_of_the_link(link: Link) -> None:
    assert peer_standing(Playbook().engine.state, LinkCondition(link, 0)) == link.value


def test_a_peer_that_the_rules_have_given_up_is_lost_until_it_is_met() -> None:
    state = Playbook().engine.state
    state.peer.peering = Peering.LOST
    assert peer_standing(state, LinkCondition(Link.GONE, 0)) is PeerStanding.LOST
    assert peer_standing(state, LinkCondition(Link.MET, 0)) is PeerStanding.MET
