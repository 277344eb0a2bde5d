"""A device is lost when neither server hears it; one that the other hears is a fault of the own path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarmd.core import peer_presence
from alarmd.core.effects import TellPeer
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import PeerGone, PeerHears, PeerLeft, ServerStopping
from alarmd.core.records import AlarmKind, AlarmState, Presence
from alarmd.core.requests import AlarmCleared, CommandRequested, DeviceChanged, DeviceForgotten
from tests.core.hearing import EVERY, MET, SITE, Hearing, open_alarms, presence, server
from tests.playbook import Playbook, frame, heartbeat
from tests.signed_camera import SignedCamera

LIMIT = 90  # s
BOTH = {"cam1": "AB", "cam2": "AB"}


def told_to_peer(play: Playbook) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    return [(effect.heard, effect.unheard) for effect in play.made(TellPeer)]


def path_alarm(play: Playbook) -> str | None:
    """Its text."""
    return next((alarm.text for alarm in open_alarms(play, AlarmKind.PATH_LOST)), None)


def losses(play: Playbook) -> list[AlarmKind]:
    kinds = (AlarmKind.CONTACT_LOST, AlarmKind.SITE_LOST, AlarmKind.UPLINK_LOST)
    return [alarm.kind for alarm in play.engine.state.alarms.values() if alarm.kind in kinds]


def unheard_at_a(*more: str) -> Hearing:
    """A does not hear cam1, B does, and both hear the others."""
    house = Hearing().adopt("cam1", "cam2", *more)
    heard = dict.fromkeys(house.hosts, "AB")
    return house.beat(heard, 40).beat({**heard, "cam1": "B"}, 100)


# what is told to the peer


def test_the_peer_is_told_when_a_device_is_heard_and_when_it_is_not() -> None:
    play = server().adopt("cam1") << MET
    assert told_to_peer(play) == []
    play << heartbeat()
    assert told_to_peer(play) == [(("cam1",), ())]
    play << heartbeat()
    assert told_to_peer(play) == []
    play.later(30)
    assert told_to_peer(play) == [((), ("cam1",))]
    play.later(80)
    assert told_to_peer(play) == [], "that it is lost is no news"


def test_a_stranger_that_proved_regular_is_told_of_too() -> None:
    play = server() << MET
    for _ in range(5):
        play << heartbeat("new1")
        play.later(20)
    assert "new1" in {name for effect in play.history if isinstance(effect, TellPeer) for name in effect.heard}


def test_a_device_that_is_forgotten_is_not_heard_any_more() -> None:
    play = server().adopt("cam1", "cam2") << MET << heartbeat() << DeviceForgotten("op", "cam1")
    assert told_to_peer(play) == [((), ("cam1",))]
    play << DeviceForgotten("op", "cam2")
    assert told_to_peer(play) == []


def test_nothing_is_told_to_a_peer_that_is_not_there() -> None:
    assert told_to_peer(server().adopt("cam1") << heartbeat()) == []


def test_a_peer_that_is_met_is_told_all_that_is_heard_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_presence, "MAX_TOLD", 2)
    names = [f"cam{number}" for number in range(5)]
    play = server().adopt(*names, "silent")
    for name in names:
        play << heartbeat(name)
    play << MET
    assert told_to_peer(play) == [(("cam0", "cam1"), ())]
    play << DeviceForgotten("op", "cam2")
    play.later(0.5)
    assert told_to_peer(play) == [(("cam3",), ()), (("cam4",), ())]
    play << MET << PeerGone("cut")
    play.later(0.5)
    assert told_to_peer(play) == []


def test_after_a_restart_only_what_was_heard_lately_counts_as_heard() -> None:
    play = server().adopt("cam1", "cam2") << heartbeat("cam1")
    play.later(60)
    play << heartbeat("cam2", "192.0.2.2") << ServerStopping()
    play = play.restart(after=2.0) << MET
    assert told_to_peer(play) == [(("cam2",), ())]
    play << heartbeat("cam1")
    assert told_to_peer(play) == [(("cam1",), ())]


# heard elsewhere


def test_a_device_that_only_the_peer_hears_is_a_fault_of_the_path_and_not_lost() -> None:
    house = unheard_at_a("cam3", "cam4", "cam5")
    assert presence(house.a) is Presence.ELSEWHERE
    assert path_alarm(house.a) == "A does not hear cam1 (of 5 devices), B does"
    assert losses(house.a) == losses(house.b) == []
    assert path_alarm(house.b) is None
    assert house.a.engine.state.causes == {}, "its neighbours need not watch for it"
    house.beat(dict.fromkeys(house.hosts, "AB"), 25)
    assert presence(house.a) is Presence.ONLINE
    assert path_alarm(house.a) is None
    cleared = [one for one in house.a.store.load().alarms if one.kind is AlarmKind.PATH_LOST]
    assert cleared == []


def test_its_alarm_says_which_server_and_which_devices() -> None:
    house = unheard_at_a()
    house.beat({"cam1": "AB"}, 0)
    told = [effect.delivery.text for effect in house.a.history if hasattr(effect, "delivery")]
    assert told == ["server A: path lost: A does not hear cam1 (of 2 devices), B does"]
    house.beat(BOTH, 25)
    told = [effect.delivery.text for effect in house.a.history if hasattr(effect, "delivery")]
    assert told[1].startswith("A hears cam1 again, ")


def test_further_devices_are_told_of_in_one_more_message() -> None:
    house = unheard_at_a("cam3", "cam4")
    heard = {"cam4": "AB", "cam1": "B", "cam2": "B", "cam3": "B"}
    house.beat(heard, 120)
    assert path_alarm(house.a) == "A does not hear cam1, cam2, cam3 (of 4 devices), B does"
    told = [effect.delivery for effect in house.a.history if hasattr(effect, "delivery")]
    assert [one.subject for one in told] == ["raised", "changed"]


def test_a_server_that_hears_nothing_says_that_it_is_its_own_line() -> None:
    house = Hearing().adopt("cam1", "cam2", "cam3")
    house.beat(dict.fromkeys(house.hosts, "AB"), 40).beat(dict.fromkeys(house.hosts, "B"), 110)
    assert path_alarm(house.a) == "A hears none of its 3 devices, B does: its own line"
    assert losses(house.a) == []


def test_the_only_device_there_is_says_nothing_about_the_line() -> None:
    house = Hearing().adopt("cam1")
    house.beat({"cam1": "AB"}, 40).beat({"cam1": "B"}, 100)
    assert path_alarm(house.a) == "A does not hear cam1 (of 1 device), B does"


def test_a_device_that_dies_while_only_the_peer_heard_it_is_lost_within_its_limit() -> None:
    house = unheard_at_a()
    house.beat({"cam2": "AB"}, LIMIT - 22)
    assert losses(house.a) == []
    assert path_alarm(house.a) is not None, "until it is found, or lost"
    house.beat({"cam2": "AB"}, 25)
    assert losses(house.a) == losses(house.b) == [AlarmKind.CONTACT_LOST]
    assert path_alarm(house.a) is None
    texts = [effect.delivery.text for effect in house.a.history if hasattr(effect, "delivery")]
    assert any(text.startswith("nobody hears cam1 any more") for text in texts)


def test_one_late_heartbeat_at_the_peer_is_no_loss() -> None:
    house = unheard_at_a()
    house.beat({"cam2": "AB"}, 40)
    assert presence(house.a) is Presence.LATE
    house.beat({"cam1": "B", "cam2": "AB"}, 30)
    assert presence(house.a) is Presence.ELSEWHERE
    assert len([one for one in house.a.history if hasattr(one, "delivery")]) == 1


def test_a_device_that_was_late_there_is_found_here() -> None:
    house = unheard_at_a()
    house.beat({"cam2": "AB"}, 40).beat(BOTH, 25)
    assert presence(house.a) is Presence.ONLINE
    assert path_alarm(house.a) is None


def test_a_device_that_was_told_to_sleep_leaves_the_alarm() -> None:
    """Its ACK comes when the peer has just ceased to hear it; by itself an ACK proves no life."""
    camera = SignedCamera()
    play = server().give_key("cam1", camera.key)
    camera.meet(play)
    play << MET << PeerHears(("cam1",)) << CommandRequested("op", "cam1", "DSLP")
    (order,) = camera.hear(play.later(0))
    play.later(100)
    play << camera.ack(order)
    assert presence(play) is Presence.ELSEWHERE, "an ACK that somebody held back proves nothing"
    play << CommandRequested("op", "cam1", "DSLP") << PeerHears(unheard=("cam1",))
    (order,) = camera.hear(play.later(0))
    play << camera.ack(order)
    assert presence(play) is Presence.ASLEEP
    assert path_alarm(play) is None


def test_the_link_down_loses_within_the_limit_what_only_the_peer_heard() -> None:
    house = unheard_at_a().link(False)
    assert presence(house.a) is Presence.LATE
    house.beat({"cam1": "B", "cam2": "AB"}, 40)
    assert losses(house.a) == []
    house.beat({"cam1": "B", "cam2": "AB"}, LIMIT - 40)
    assert losses(house.a) == [AlarmKind.CONTACT_LOST]
    assert losses(house.b) == []


def test_a_short_cut_of_the_link_tells_nobody_anything() -> None:
    house = unheard_at_a()
    before = len([one for one in house.a.history if hasattr(one, "delivery")])
    house.link(False).beat({"cam1": "B", "cam2": "AB"}, 5).link(True)
    assert presence(house.a) is Presence.ELSEWHERE
    house.beat({"cam1": "B", "cam2": "AB"}, 120)
    assert len([one for one in house.a.history if hasattr(one, "delivery")]) == before


def test_many_that_only_the_peer_heard_are_one_loss_when_the_link_goes() -> None:
    house = Hearing().adopt("cam1", "cam2", "cam3", host=SITE).adopt("far1")
    heard = dict.fromkeys(house.hosts, "AB")
    near = {**dict.fromkeys(house.hosts, "B"), "far1": "AB"}
    house.beat(heard, 40).beat(near, 120).link(False).beat(near, 100)
    assert losses(house.a) == [AlarmKind.SITE_LOST]


def test_many_that_only_the_peer_heard_are_late_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    house = Hearing().adopt("cam1", "cam2", "cam3", "cam4", "cam5")
    house.beat(dict.fromkeys(house.hosts, "AB"), 40).beat(dict.fromkeys(house.hosts, "B"), 120)
    monkeypatch.setattr(peer_presence, "MAX_TOLD", 1)
    house.a << PeerGone("cut") << DeviceForgotten("op", "cam2") << MET << PeerGone("cut") << MET << PeerHears(("cam5",))
    house.a.later(0.5)
    late = [presence(house.a, name) for name in ("cam1", "cam3", "cam4")]
    assert late == [Presence.LATE] * 3
    assert presence(house.a, "cam5") is Presence.ELSEWHERE


def test_a_lost_device_that_the_peer_hears_is_lost_no_more() -> None:
    house = Hearing(met=False).adopt("cam1", "cam2")
    house.beat(BOTH, 40).beat({"cam1": "B", "cam2": "AB"}, 120)
    assert losses(house.a) == [AlarmKind.CONTACT_LOST]
    assert "cam1" in house.a.engine.state.causes[1]
    house.link(True)
    assert losses(house.a) == []
    assert presence(house.a) is Presence.ELSEWHERE
    assert house.a.engine.state.causes[1]["cam1"] is not None, "the cause ends"
    assert path_alarm(house.a) == "A does not hear cam1 (of 2 devices), B does"


def test_a_loss_that_a_person_cleared_is_found_elsewhere_without_another_word() -> None:
    house = Hearing(met=False).adopt("cam1", "cam2")
    house.beat(BOTH, 40).beat({"cam2": "AB"}, 120)
    (alarm,) = (one for one in house.a.engine.state.alarms.values() if one.kind is AlarmKind.CONTACT_LOST)
    house.a << AlarmCleared("op", alarm.id)
    house.link(True).beat({"cam1": "B", "cam2": "AB"}, 25)
    assert presence(house.a) is Presence.ELSEWHERE


def test_the_rest_of_a_lost_uplink_is_told_apart_when_the_peer_hears_others() -> None:
    house = Hearing(met=False).adopt("cam1", "cam2", "cam3", "cam4")
    heard = dict.fromkeys(house.hosts, "AB")
    house.beat(heard, 40).beat({"cam1": "B", "cam2": "B", "cam3": "B"}, 120)
    assert losses(house.a) == [AlarmKind.UPLINK_LOST]
    house.link(True).beat({"cam1": "B", "cam2": "B", "cam3": "B"}, 120)
    assert losses(house.a) == [AlarmKind.CONTACT_LOST]
    assert presence(house.a, "cam4") is Presence.LOST
    assert "cam4" in house.a.engine.state.causes[1]


def test_a_device_that_neither_hears_is_its_own_fault_where_the_peer_hears_others_at_its_site() -> None:
    house = Hearing().adopt("cam1", "cam2", "cam3", host=SITE).adopt("far1")
    heard = dict.fromkeys(house.hosts, "AB")
    house.beat(heard, 40).beat({"cam1": "B", "far1": "AB"}, 120)
    assert losses(house.a) == [AlarmKind.CONTACT_LOST] * 2
    assert house.a.engine.state.late_at == {}


def test_nothing_that_neither_hears_is_blamed_on_the_own_line_while_the_peer_hears_others() -> None:
    house = Hearing().adopt("cam1", "cam2", "cam3", "cam4")
    heard = dict.fromkeys(house.hosts, "AB")
    house.beat(heard, 40).beat({"cam1": "B"}, 120)
    assert sorted(losses(house.a)) == [AlarmKind.CONTACT_LOST] * 3
    assert path_alarm(house.a) == "A hears none of its 4 devices, B does: its own line"


def test_a_device_that_was_never_heard_here_is_no_fault_of_the_path() -> None:
    play = server().adopt("cam1") << MET << PeerHears(("cam1",))
    play.later(200)
    assert play.engine.state.alarms == {}
    assert presence(play) is Presence.NEW


def test_a_device_may_be_heard_by_the_peer_before_its_record_comes() -> None:
    play = server() << MET << PeerHears(("cam1", "cam2"))
    play.adopt("cam1") << heartbeat()
    play << PeerHears(unheard=("cam2", "cam3"))
    play.later(120)
    assert presence(play) is Presence.ELSEWHERE
    assert play.engine.state.peer_hears == {"cam1"}


def test_names_that_nobody_here_knows_are_bounded() -> None:
    play = server(max_devices=3) << MET << PeerHears(tuple(f"cam{number}" for number in range(9)))
    assert len(play.engine.state.peer_hears) == 3


def test_what_comes_after_the_link_is_down_is_nothing() -> None:
    play = server().adopt("cam1") << MET << heartbeat() << PeerGone("cut") << PeerHears(("cam1",))
    play.later(120)
    assert presence(play) is Presence.LOST


def test_one_in_quarantine_is_told_nobody_until_it_is_taken_out() -> None:
    house = Hearing().adopt("cam1", "cam2").beat(BOTH, 40)
    for play in house.servers.values():
        play << DeviceChanged("op", "cam1", quarantined=True)
    house.beat({"cam1": "B", "cam2": "AB"}, 120)
    assert presence(house.a) is Presence.ELSEWHERE
    assert path_alarm(house.a) is None
    house.a << DeviceChanged("op", "cam1", quarantined=False)
    assert path_alarm(house.a) is not None
    house.beat(BOTH, 25)
    assert path_alarm(house.a) is None


def test_an_alarm_of_the_path_that_a_person_cleared_is_over() -> None:
    house = unheard_at_a()
    (alarm,) = open_alarms(house.a, AlarmKind.PATH_LOST)
    house.a << AlarmCleared("op", alarm.id)
    house.beat({"cam1": "B", "cam2": "B"}, 120)
    assert path_alarm(house.a) == "A hears none of its 2 devices, B does: its own line"
    house.beat(BOTH, 25)
    assert house.a.engine.state.losses == {}


# over a restart


def restarted(house: Hearing) -> None:
    house.servers["A"] = house.a.restart(after=2.0)
    house.seen["A"] = len(house.a.history)
    house.met = False
    house.b << PeerGone("cut")
    house.link(True)


@pytest.mark.parametrize("late", [False, True])
def test_a_restart_tells_of_the_path_neither_anew_nor_for_ever(late: bool) -> None:
    house = unheard_at_a()
    if late:  # there too: the alarm goes on until the device is lost
        house.beat({"cam2": "AB"}, 40)
        assert presence(house.a) is Presence.LATE
        house.a << ServerStopping()
    restarted(house)
    told = len([one for one in house.a.history if hasattr(one, "delivery")])
    house.beat({"cam1": "B", "cam2": "AB"}, 60)
    assert presence(house.a) is Presence.ELSEWHERE
    assert len([one for one in house.a.history if hasattr(one, "delivery")]) == told
    house.beat(BOTH, 25)
    assert path_alarm(house.a) is None


def test_a_restart_without_the_peer_loses_what_only_it_heard() -> None:
    house = unheard_at_a()
    play = house.a.restart(after=2.0)
    for _ in range(6):
        play << heartbeat("cam2", "192.0.2.2")
        play.later(20)
    assert losses(play) == [AlarmKind.CONTACT_LOST]
    assert path_alarm(play) is None


def test_members_that_were_not_told_of_before_a_restart_are_told_after_it() -> None:
    house = unheard_at_a("cam3")
    house.beat({"cam1": "B", "cam2": "B", "cam3": "AB"}, 89)
    while presence(house.a, "cam2") is not Presence.ELSEWHERE:
        house.beat({"cam1": "B", "cam2": "B", "cam3": "AB"}, 1)
    restarted(house)
    house.beat({"cam1": "B", "cam2": "B", "cam3": "AB"}, 20)
    assert path_alarm(house.a) == "A does not hear cam1, cam2 (of 3 devices), B does"


# whatever happens

MOMENTS = st.lists(
    st.tuples(st.integers(1, 60), st.sampled_from(["", "A", "B", "AB"]), st.booleans()), min_size=1, max_size=12
)


@given(MOMENTS)
def test_a_device_is_lost_at_both_when_neither_hears_it_and_never_while_one_does(
    moments: list[tuple[int, str, bool]],
) -> None:
    house = Hearing().adopt("cam1").beat({"cam1": "AB"}, 25)
    silent = 0
    for seconds, heard, linked in moments:
        house.link(linked)
        for _ in range(seconds):
            house.beat({"cam1": heard}, 1)
            silent = 0 if heard and (house.second - 1) % EVERY == 0 else silent + 1
            lost = [presence(play) is Presence.LOST for play in house.servers.values()]
            if silent > LIMIT + 1:
                assert all(lost), "nobody hears it"
            elif silent < LIMIT - 10:
                assert not all(lost), "somebody hears it"
    for play in house.servers.values():
        state = play.engine.state
        assert state.total.present + state.total.late + sum(state.elsewhere_at.values()) <= 1


def test_goodbye_leaves_each_to_itself() -> None:
    house = unheard_at_a()
    house.a << PeerLeft()
    assert presence(house.a) is Presence.LATE
    assert house.a.engine.state.peer_hears == set()
    house.a << frame("cam1,LOG,hello,0,0,0,0,0", house.hosts["cam1"])
    assert presence(house.a) is Presence.ONLINE
    assert house.a.count(EventKind.CONTACT_LOST) == 0
    assert [alarm.state for alarm in house.a.alarms] == [AlarmState.CLEARED]
