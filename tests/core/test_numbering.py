"""Numbers of two servers that do not ask each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarmd.core import numbering
from alarmd.core.requests import AlarmCleared, CommandRequested
from alarmd.core.settings import Pair
from tests.playbook import Playbook, frame

MOTION = "cam1,MOAL,gate,0,0,0,0,0"


def test_a_server_alone_numbers_alarms_and_commands_one_by_one() -> None:
    play = Playbook().adopt("cam1")
    for number in (1, 2, 3):
        play << frame(MOTION)
        assert play.alarms[0].id == number
        play << AlarmCleared("op", number)
        play << CommandRequested("op", "cam1", "TLGS")
        assert play.last_command.id == number


@given(st.integers(0, 10**6), st.sampled_from(["A", "B"]))
def test_two_servers_never_give_out_the_same_number(last: int, label: str) -> None:
    given_out = []
    for mine, peer in (("A", "B"), ("B", "A")):
        state = Playbook(start=False, label=mine, pair=Pair(peer, label)).engine.state
        numbering.lift(state, last, last)
        given_out.append({numbering.next_alarm(state) for _ in range(3)})
        assert given_out[-1] == {numbering.next_command(state) for _ in range(3)}
    assert not given_out[0] & given_out[1]
    assert min(given_out[0] | given_out[1]) == last + 1


def test_what_the_peer_knows_of_is_not_given_out_again_and_lower_numbers_of_the_peer_change_nothing() -> None:
    state = Playbook(label="A", pair=Pair("B", "A")).engine.state
    numbering.lift(state, alarm=41)
    numbering.lift(state, alarm=7, command=9)
    assert (numbering.next_alarm(state), numbering.next_command(state)) == (42, 10)


@pytest.mark.parametrize(("pair", "first"), [(None, 1), (Pair("B", "A"), Playbook().now.wall + 1)])
def test_in_a_pair_a_start_numbers_events_from_the_wall_clock(pair: Pair | None, first: int) -> None:
    assert Playbook(pair=pair).events[0].sequence == first


def test_events_are_never_numbered_back_by_a_clock_that_is() -> None:
    play = Playbook(pair=Pair("B", "A"))
    last = play.events[-1].sequence
    again = play.set_wall(-3600).restart()
    assert again.events[0].sequence == last + 1


def test_an_alarm_is_called_by_its_kind_the_server_the_moment_and_what_it_is_about() -> None:
    play = Playbook().adopt("cam1") << frame(MOTION)
    (alarm,) = play.alarms
    assert alarm.identity == f"motion:A:{alarm.hlc:x}:cam1"
