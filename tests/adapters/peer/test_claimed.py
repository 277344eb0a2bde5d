"""What a server says that it has."""

from alarmd.adapters.peer.claimed import Claimed

KNOWN = {("event", "A"): 90, ("event", "B"): 95, ("alarm", "A"): 40}


def test_who_may_have_lost_some_of_its_own_claims_none_that_it_made_since_the_start() -> None:
    claimed = Claimed("A", before=50)
    assert claimed.of(KNOWN) == {("event", "A"): 50, ("event", "B"): 95, ("alarm", "A"): 40}


def test_once_the_peer_has_told_everything_what_is_there_is_claimed() -> None:
    claimed = Claimed("A", before=0)
    assert claimed.of(KNOWN)["event", "A"] == 0
    claimed.everything()
    assert claimed.of(KNOWN) == KNOWN
