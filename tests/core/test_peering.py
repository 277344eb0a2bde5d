"""The other server of the pair: met, gone, lost, back."""

from dataclasses import replace

import pytest

from alarmd.core import failover, peering
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import BacklogDrained, BacklogFilled, PeerGone, PeerHears, PeerLeft, PeerMet
from alarmd.core.peer_lifecycle import Peering
from alarmd.core.records import AlarmKind, AlarmState
from alarmd.core.requests import AlarmCleared, CommandRequested, ZoneRequested
from alarmd.core.settings import Pair
from tests.core.hearing import MET, open_alarms, server
from tests.core.test_failover import device
from tests.playbook import Playbook, heartbeat

GONE = PeerGone("connection reset")
MODE = EventKind.MODE_CHANGED


def lose(play: Playbook) -> Playbook:
    play << MET
    play << GONE
    return play.later(11)


def texts(play: Playbook, kind: EventKind) -> list[str]:
    return [event.text for event in play.events if event.kind == kind]


def peer_lost(play: Playbook) -> list[int]:
    return [alarm.id for alarm in open_alarms(play, AlarmKind.PEER_LOST)]


def test_a_peer_that_is_gone_for_ten_seconds_is_lost_and_told_at_once() -> None:
    play = server("B")
    play << MET << GONE
    play.later(9.5)
    assert play.told == []
    play.later(1)
    (alarm,), (told,) = play.alarms, play.told
    assert alarm.kind is AlarmKind.PEER_LOST
    assert alarm.identity.endswith(":A")
    assert told.text == "server A is lost: B is alone, without a word from it for 10 s: connection reset"
    assert told.due_at == told.created_at, "who is alone waits for nobody"
    assert EventKind.PEER_LOST in play.kinds


def test_a_peer_that_is_back_in_time_was_never_gone() -> None:
    play = server() << MET
    before = len(play.history)
    for _ in range(3):
        play << GONE
        play.later(8)
        play << MET
        play.later(8)
    assert play.history[before:] == []
    assert play.engine.state.peer.peering is Peering.MET


def test_two_short_absences_do_not_add_up() -> None:
    play = server() << MET << GONE
    play.later(6)
    play << MET << GONE
    play.later(6)
    assert not peer_lost(play)
    play.later(5)
    assert peer_lost(play)


def test_the_silence_before_the_link_was_given_up_counts() -> None:
    play = server() << MET << replace(GONE, silent=6.0)
    play.later(3.5)
    assert not peer_lost(play)
    play.later(1)
    assert peer_lost(play)


def test_a_server_that_stood_still_itself_does_not_hold_that_against_the_peer() -> None:
    play = server() << MET << replace(GONE, silent=600.0)
    play.later(3.5)
    assert not peer_lost(play)


def test_a_peer_that_was_never_met_is_lost_thirty_seconds_after_the_start() -> None:
    play = server()
    play << GONE  # a link that came to nothing
    play.later(29)
    assert not peer_lost(play)
    play.later(2)
    assert "without a word from it for 30 s" in play.told[0].text


def test_a_server_that_is_alone_by_its_settings_misses_nobody() -> None:
    assert Playbook().later(60).told == []


def test_the_alarm_ends_when_the_peer_is_met_and_says_for_how_long_it_was_gone() -> None:
    play = lose(server())
    play.later(100)
    play << MET
    assert [alarm.state for alarm in play.alarms] == [AlarmState.CLEARED]
    assert [told.text for told in play.told] == ["server B is back, 101 s after the alarm"]
    assert EventKind.PEER_MET in play.kinds


def test_a_planned_stop_is_no_loss() -> None:
    play = server() << MET << PeerLeft()
    assert texts(play, EventKind.PEER_LEFT) == ["server B said goodbye; A watches alone"]
    play << PeerLeft()
    assert play.effects == [], "said once"
    play << GONE  # the link ends behind the goodbye
    play.later(100)
    assert not peer_lost(play)
    play << MET
    assert EventKind.PEER_MET in play.kinds


def test_a_goodbye_of_one_that_is_lost_ends_no_alarm() -> None:
    play = lose(server())
    play << PeerLeft()
    assert peer_lost(play)
    assert play.kinds == []


def test_clocks_that_are_apart_are_an_event() -> None:
    play = server()
    play << PeerMet("2.0", 0, 0, -3.2)
    assert texts(play, EventKind.PEER_MET) == ["server B, alarmd 2.0"]
    assert texts(play, EventKind.CLOCKS_APART) == ["the clock of server B is 3.2 s behind that of A"]
    play << PeerMet("2.0", 0, 0, 2.5)
    assert texts(play, EventKind.CLOCKS_APART) == ["the clock of server B is 2.5 s ahead of that of A"]
    play << PeerMet("2.0", 0, 0, 1.9)
    assert texts(play, EventKind.CLOCKS_APART) == []


def test_numbers_go_on_above_those_that_the_peer_knows() -> None:
    play = server()
    play << PeerMet("2.0", 40, 60, 0.0)
    assert (play.engine.state.last_alarm, play.engine.state.last_command) == (40, 60)
    play << MET
    assert (play.engine.state.last_alarm, play.engine.state.last_command) == (40, 60)


def test_a_stall_of_this_server_is_no_loss_of_its_peer() -> None:
    play = server() << MET
    play.later(1)
    play.stand_still(60)
    play << GONE  # nothing was heard meanwhile
    play.later(8)
    play << MET
    assert not peer_lost(play)


def test_a_stall_while_the_peer_is_gone_does_not_count_as_its_absence() -> None:
    play = server() << MET << GONE
    play.later(2)
    play.stand_still(60)
    assert not peer_lost(play)
    play.later(9)
    assert peer_lost(play)


def test_a_restart_neither_tells_the_loss_again_nor_forgets_it() -> None:
    play = lose(server()).restart(after=5.0)
    assert play.told == []
    assert play.engine.state.causes == {1: {"server B": None}}
    play.later(100)
    assert play.told == []
    play << MET
    assert [alarm.state for alarm in play.alarms] == [AlarmState.CLEARED]


def test_what_a_person_cleared_is_told_again_only_after_a_restart() -> None:
    play = lose(server())
    play << AlarmCleared("op", *peer_lost(play))
    play.later(100)
    assert play.told == []
    play << MET
    assert not play.alarms
    play = lose(play)
    play << AlarmCleared("op", *peer_lost(play))
    assert play.restart().later(31).told


@pytest.mark.parametrize("pair", [None, Pair(peer="C", preferred="C")])
def test_a_server_that_is_no_longer_the_peer_is_not_lost(pair: Pair | None) -> None:
    play = lose(server("B"))
    play.settings = replace(play.settings, pair=pair)
    play = play.restart()
    assert [told.text for told in play.told] == ["server A is no longer the peer"]
    assert not peer_lost(play)
    assert play.engine.state.causes == {}


def test_the_alarm_of_the_other_server_is_not_this_ones() -> None:
    play = lose(server())
    (alarm,) = open_alarms(play, AlarmKind.PEER_LOST)
    assert peering.own_alarm(play.engine.state, AlarmKind.PEER_LOST) == alarm
    assert peering.own_alarm(play.engine.state, AlarmKind.PATH_LOST) is None


def test_who_is_alone_is_in_failover_mode_everywhere_and_detectors_stay_as_they_are() -> None:
    play = server() << ZoneRequested("op", "barn", "home")
    play.adopt("cam1") << heartbeat()
    lose(play)
    assert texts(play, MODE) == ["failover alarm mode on: server B is lost, A is alone"] * 2
    assert device(play, "cam1").wanted_detector is None
    assert play.commands == []
    play << MET
    play.later(59)
    assert texts(play, MODE) == []
    play.later(2)
    assert texts(play, MODE) == ["failover alarm mode off: contact with server B is back"] * 2
    assert play.engine.state.causes == {}


def test_by_setting_detectors_are_wanted_on_while_the_peer_is_lost() -> None:
    play = server(peer_lost_enables=True).adopt("cam1") << heartbeat()
    lose(play)
    assert [command.verb for command in play.commands] == ["ENAL"]
    play << MET
    play.later(61)
    assert device(play, "cam1").wanted_detector is False


def test_a_device_lost_while_the_peer_is_lost_too_still_has_its_neighbours_watch() -> None:
    play = server().adopt("cam1", "cam2") << heartbeat("cam1") << heartbeat("cam2", "192.0.2.2")
    lose(play)
    for _ in range(6):
        play << heartbeat("cam2", "192.0.2.2")
        play.later(20)
    assert set(play.engine.state.causes[1]) == {"server B", "cam1"}
    assert device(play, "cam2").wanted_detector is True
    play << heartbeat("cam1")
    for _ in range(4):
        play << heartbeat("cam1") << heartbeat("cam2", "192.0.2.2")
        play.later(20)
    assert device(play, "cam2").wanted_detector is False, "that the peer is lost is no reason to watch"
    assert set(play.engine.state.causes[1]) == {"server B"}


def test_a_mode_that_only_says_that_the_server_was_alone_is_never_latched() -> None:
    play = lose(server(failover_latched=True))
    play << MET
    play.later(61)
    assert play.engine.state.causes == {}


def test_a_latched_mode_ends_when_the_operator_says_so() -> None:
    play = lose(server(failover_latched=True, peer_lost_enables=True).adopt("cam1") << heartbeat())
    play << MET
    play.later(70)
    assert play.engine.state.causes[1]
    play << CommandRequested("op", "cam1", "DSAL")
    assert play.engine.state.causes == {}


def test_many_zones_follow_some_at_a_time_and_none_while_storage_lags_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peering, "MAX_MODES", 2)
    play = server()
    for number in range(4):
        play << ZoneRequested("op", f"zone{number}", "home")
    play << MET << GONE << BacklogFilled()
    play.later(11)
    assert play.engine.state.causes == {}
    play << BacklogDrained()
    play.later(failover.UPDATES_GAP)
    assert len(play.engine.state.causes) == 2
    play << MET  # while some wait: they follow what the peer is now
    play.later(61 + 2 * failover.UPDATES_GAP)
    assert play.engine.state.causes == {}


def test_a_link_that_takes_the_place_of_another_is_no_loss() -> None:
    play = server() << MET << PeerHears(("cam1",)) << MET
    assert play.engine.state.peer_met
    assert play.engine.state.peer_hears == set(), "it tells all that it hears anew"
