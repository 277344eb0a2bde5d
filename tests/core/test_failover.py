"""Wanted state = the operator's wish OR causes: kept, versioned, re-asserted; neighbours watch for who is lost."""

import pytest

from alarmd.core import failover
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import BacklogDrained, BacklogFilled, HeartbeatsRepeated, ServerStarted
from alarmd.core.instant import SECOND
from alarmd.core.reassertion import REASSERT_GAP
from alarmd.core.records import Device, Dialect
from alarmd.core.requests import CommandRequested, DeviceAdopted, DeviceChanged, DeviceForgotten, ZoneRequested
from tests.playbook import Playbook, frame, heartbeat

ENAL, DSAL = "ENAL", "DSAL"
HOSTS = {"cam1": "203.0.113.1", "cam2": "203.0.113.2", "cam3": "203.0.113.3"}


def device(play: Playbook, name: str = "cam1") -> Device:
    return play.engine.state.sessions[name].device


def obey(play: Playbook, name: str = "cam1", port: int = 4000) -> list[str]:
    """The device heartbeats and acknowledges until nothing more comes; the verbs it got."""
    verbs = []
    for _ in range(6):
        play << heartbeat(name, HOSTS[name], port)
        verb = play.sent[0].split(b",")[1].decode()
        if verb != "ACK":
            verbs.append(verb)
            play << frame(f"{name},ACK,0,0,0,0,0,0", HOSTS[name], port)
    return verbs


def zone_of_three(**settings: object) -> Playbook:
    play = Playbook(**settings).adopt("cam1", "cam2", "cam3")
    for name in HOSTS:
        obey(play, name)
    return play


def lose(play: Playbook, name: str, keep: tuple[str, ...]) -> None:
    """Time passes in which all but one are heard."""
    for _ in range(5):
        play.later(20)
        play << HeartbeatsRepeated([play.engine.state.sessions[other] for other in keep])


def test_enal_sets_the_wish_and_is_sent() -> None:
    play = zone_of_three()
    play << CommandRequested("op", "cam1", ENAL)
    assert [command.verb for command in play.answer] == [ENAL]
    assert (device(play).detector_wish, device(play).wanted_detector, device(play).wanted_version) == (True, True, 1)
    assert obey(play) == [ENAL]


def test_the_last_wish_takes_the_place_of_those_that_wait() -> None:
    play = zone_of_three()
    for verb in (ENAL, DSAL, ENAL, DSAL):
        play << CommandRequested("op", "cam1", verb)
    assert obey(play) == [DSAL]
    assert device(play).wanted_version == 4


def test_a_wish_repeated_is_sent_again_since_somebody_asked_for_it() -> None:
    play = zone_of_three()
    for _ in range(2):
        play << CommandRequested("op", "cam1", ENAL)
        assert obey(play) == [ENAL]
    assert device(play).wanted_version == 1


def test_a_wish_is_reasserted_when_the_device_may_have_rebooted() -> None:
    play = zone_of_three()
    play << CommandRequested("op", "cam1", DSAL)
    obey(play)
    play.later(REASSERT_GAP)
    assert obey(play, port=4001) == [DSAL]
    assert play.count(EventKind.WANTED_REASSERTED) == 1


def test_a_device_that_changes_its_port_all_the_time_is_not_nagged() -> None:
    play = zone_of_three()
    play << CommandRequested("op", "cam1", DSAL)
    obey(play)
    for port in range(4001, 4020):
        play << heartbeat("cam1", HOSTS["cam1"], port)
    assert play.count(EventKind.WANTED_REASSERTED) == 0


def test_a_device_that_nobody_wants_anything_of_is_left_alone() -> None:
    play = zone_of_three()
    play.later(10)
    assert obey(play, port=4001) == []
    play << frame("cam1,HEARTBEAT,2,20,aa.0,a.0.0,0,0", HOSTS["cam1"])
    assert play.commands == []


def test_a_device_that_reports_otherwise_is_told_again() -> None:
    play = zone_of_three()
    play << CommandRequested("op", "cam1", ENAL)
    play << frame("cam1,HEARTBEAT,2,20,aa.0,-.0.0,0,0", HOSTS["cam1"])
    play << frame("cam1,ACK,0,0,0,0,0,0", HOSTS["cam1"])
    assert play.count(EventKind.WANTED_REASSERTED) == 0, "the first one had not arrived yet"
    play.later(REASSERT_GAP)
    play << frame("cam1,HEARTBEAT,2,20,aa.0,-.0.0,0,0", HOSTS["cam1"])
    assert play.kinds.count(EventKind.WANTED_REASSERTED) == 1
    play << frame("cam1,HEARTBEAT,2,20,aa.0,a.0.0,0,0", HOSTS["cam1"])
    play << frame("cam1,ACK,0,0,0,0,0,0", HOSTS["cam1"])
    play.later(REASSERT_GAP)
    play << frame("cam1,HEARTBEAT,2,20,aa.0,a.0.0,0,0", HOSTS["cam1"])
    assert play.count(EventKind.WANTED_REASSERTED) == 1


def test_when_a_device_is_lost_its_neighbours_watch() -> None:
    play = zone_of_three()
    lose(play, "cam1", ("cam2", "cam3"))
    assert play.count(EventKind.MODE_CHANGED) == 1
    assert obey(play, "cam2") == [ENAL]
    assert obey(play, "cam3") == [ENAL]
    assert device(play, "cam2").detector_wish is None, "the operator's wish is untouched"


def test_after_contact_has_held_for_the_hysteresis_the_zone_goes_back_to_the_operators_wish() -> None:
    play = zone_of_three()
    play << CommandRequested("op", "cam3", ENAL)
    obey(play, "cam3")
    lose(play, "cam1", ("cam2", "cam3"))
    obey(play, "cam2")
    play << heartbeat("cam1", HOSTS["cam1"])
    play.later(20)
    assert play.count(EventKind.MODE_CHANGED) == 1
    for _ in range(3):
        play << HeartbeatsRepeated(list(play.engine.state.sessions.values()))
        play.later(20)
    assert play.count(EventKind.MODE_CHANGED) == 2
    assert obey(play, "cam2") == [DSAL]
    assert obey(play, "cam3") == [], "the operator wants it on anyway"


def test_contact_that_flaps_within_the_hysteresis_keeps_the_mode() -> None:
    play = zone_of_three()
    lose(play, "cam1", ("cam2", "cam3"))
    play << heartbeat("cam1", HOSTS["cam1"])
    lose(play, "cam1", ("cam2", "cam3"))
    lose(play, "cam1", ("cam2", "cam3"))
    assert device(play, "cam2").wanted_detector is True
    assert play.count(EventKind.MODE_CHANGED) in (1, 3)


def test_two_causes_end_one_after_the_other() -> None:
    play = zone_of_three()
    lose(play, "cam1", ("cam2", "cam3"))
    lose(play, "cam2", ("cam3",))
    play << heartbeat("cam1", HOSTS["cam1"])
    lose(play, "cam2", ("cam1", "cam3"))
    assert device(play, "cam3").wanted_detector is True
    play << heartbeat("cam2", HOSTS["cam2"])
    lose(play, "", ("cam1", "cam2", "cam3"))
    assert device(play, "cam3").wanted_detector is False


def test_latched_the_mode_stays_until_the_operator_switches_off() -> None:
    play = zone_of_three(failover_latched=True)
    lose(play, "cam1", ("cam2", "cam3"))
    play << heartbeat("cam1", HOSTS["cam1"])
    lose(play, "", ("cam1", "cam2", "cam3"))
    assert device(play, "cam2").wanted_detector is True
    play << CommandRequested("op", "@home", DSAL)
    assert device(play, "cam2").wanted_detector is False
    assert play.count(EventKind.MODE_CHANGED) == 2


def test_the_operators_dsal_does_not_overrule_a_cause_that_goes_on() -> None:
    play = zone_of_three()
    lose(play, "cam1", ("cam2", "cam3"))
    play << CommandRequested("op", "cam2", DSAL)
    assert (device(play, "cam2").detector_wish, device(play, "cam2").wanted_detector) == (False, True)
    assert [command.verb for command in play.answer] == [ENAL]


def test_devices_that_nobody_adopted_neither_cause_failover_nor_follow_it() -> None:
    play = zone_of_three()
    for _ in range(6):
        play << heartbeat("stranger", "203.0.113.9")
        play.later(10)
        play << HeartbeatsRepeated([play.engine.state.sessions[name] for name in HOSTS])
    lose(play, "stranger", tuple(HOSTS))
    assert play.count(EventKind.CONTACT_LOST) == 1
    assert play.count(EventKind.MODE_CHANGED) == 0
    lose(play, "cam1", ("cam2", "cam3"))
    assert device(play, "stranger").wanted_detector is None


def test_the_zone_of_the_unassigned_has_no_failover() -> None:
    play = Playbook().adopt("cam1", "cam2", zone="unassigned") << heartbeat("cam1")
    play << heartbeat("cam2", "198.51.100.1")
    lose(play, "cam1", ("cam2",))
    assert play.count(EventKind.CONTACT_LOST) == 1
    assert play.count(EventKind.MODE_CHANGED) == 0


def test_a_seed_device_is_not_switched_in_failover_mode() -> None:
    play = zone_of_three() << DeviceChanged("op", "cam2", dialect=Dialect.SEED)
    lose(play, "cam1", ("cam2", "cam3"))
    assert device(play, "cam2").wanted_detector is True
    assert obey(play, "cam2") == []
    assert obey(play, "cam2", port=4005) == []


def test_a_lost_device_that_is_forgotten_is_no_cause_and_one_that_is_moved_is_one_of_its_new_zone() -> None:
    play = zone_of_three()
    lose(play, "cam1", ("cam2", "cam3"))
    play << DeviceForgotten("op", "cam1")
    assert play.count(EventKind.MODE_CHANGED) == 2
    lose(play, "cam2", ("cam3",))
    assert play.count(EventKind.MODE_CHANGED) == 3
    play << ZoneRequested("op", "barn", "home")
    play << DeviceChanged("op", "cam2", zone="barn")
    assert play.count(EventKind.MODE_CHANGED) == 5
    barn = device(play, "cam2").zone_id
    assert play.engine.state.causes == {barn: {"cam2": None}}
    play << DeviceAdopted("op", "cam2", "barn")
    assert play.count(EventKind.MODE_CHANGED) == 5, "adopting it again changes nothing"
    assert play.restart().engine.state.causes == {barn: {"cam2": None}}
    play << DeviceChanged("op", "cam2", quarantined=True)
    assert play.engine.state.causes == {}


def test_a_lost_device_that_is_adopted_makes_its_neighbours_watch() -> None:
    play = zone_of_three()
    for _ in range(6):
        play << heartbeat("cam9", "203.0.113.9")
        play.later(10)
        play << HeartbeatsRepeated([play.engine.state.sessions[name] for name in HOSTS])
    lose(play, "cam9", tuple(HOSTS))
    play << DeviceAdopted("op", "cam9", "home")
    assert play.engine.state.causes == {1: {"cam9": None}}


def test_a_device_that_comes_into_a_zone_in_failover_mode_follows_it() -> None:
    play = zone_of_three()
    lose(play, "cam1", ("cam2", "cam3"))
    play << DeviceAdopted("op", "cam9", "home")
    assert device(play, "cam9").wanted_detector is True
    play << heartbeat("cam8")
    play << DeviceAdopted("op", "cam8", "home")
    assert device(play, "cam8").wanted_detector is True


def test_failover_mode_goes_on_over_a_restart() -> None:
    play = zone_of_three()
    lose(play, "cam1", ("cam2", "cam3"))
    play = play.restart()
    assert device(play, "cam2").wanted_detector is True
    assert play.engine.state.causes == {1: {"cam1": None}}


def test_a_zone_whose_cause_ended_while_the_server_was_down_goes_back_after_the_hysteresis() -> None:
    play = zone_of_three()
    lose(play, "cam1", ("cam2", "cam3"))
    state = play.engine.state
    state.causes.clear()
    play << heartbeat("cam1", HOSTS["cam1"])
    assert device(play, "cam2").wanted_detector is True
    play = play.restart()
    for _ in range(4):
        play << HeartbeatsRepeated(list(play.engine.state.sessions.values()))
        play.later(20)
    assert device(play, "cam2").wanted_detector is False


def test_a_second_start_installs_nothing_twice() -> None:
    play = Playbook()
    zones = dict(play.engine.state.zones)
    play << ServerStarted("again")
    assert play.engine.state.zones == zones


def test_what_is_wanted_is_reasserted_after_a_restart_too() -> None:
    play = zone_of_three()
    play << CommandRequested("op", "cam1", DSAL)
    obey(play)
    play = play.restart()
    assert obey(play, port=4001) == [DSAL]


def test_a_restart_of_the_server_is_no_reboot_of_its_devices() -> None:
    play = zone_of_three() << CommandRequested("op", "cam1", ENAL)
    obey(play)
    play = play.restart()
    assert obey(play) == []
    assert play.count(EventKind.WANTED_REASSERTED) == 0


def test_the_operators_wish_is_sent_in_the_operators_name_and_for_as_long_as_asked() -> None:
    play = zone_of_three()
    for verb in (ENAL, ENAL, DSAL):
        play << CommandRequested("ann", "cam1", verb, time_to_live=30.0)
        (command,) = play.answer
        assert (command.verb, command.requested_by) == (verb, "ann")
        assert command.expires_at - command.created_at == 30 * SECOND


def test_nothing_is_reasserted_to_a_device_in_quarantine() -> None:
    play = zone_of_three() << CommandRequested("op", "cam1", ENAL)
    obey(play)
    play << DeviceChanged("op", "cam1", quarantined=True)
    play.later(REASSERT_GAP)
    assert obey(play, port=4001) == []
    assert play.count(EventKind.WANTED_REASSERTED) == 0


def wanted(play: Playbook) -> list[bool | None]:
    return [session.device.wanted_detector for session in play.engine.state.by_id.values()]


def test_a_large_zone_follows_its_mode_some_devices_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failover, "MAX_UPDATES", 2)
    play = Playbook().adopt(*(f"cam{number}" for number in range(7))) << heartbeat("cam0")
    play.later(89.5)
    assert play.kinds.count(EventKind.CONTACT_LOST) == 1
    assert wanted(play).count(True) == 2
    play << DeviceForgotten("op", "cam5")
    play.later(2)
    assert wanted(play) == [True] * 6
    play << heartbeat("cam0")
    play << BacklogFilled()
    for _ in range(4):
        play.later(20)
        play << heartbeat("cam0")
    assert wanted(play) == [True] * 6, "what is urgent comes first when storage lags behind"
    play << BacklogDrained()
    play.later(10)
    assert True not in wanted(play)
    assert play.engine.state.mode_updates == {}


def test_a_mode_that_changes_again_while_a_large_zone_follows_it_reaches_everybody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(failover, "MAX_UPDATES", 1)
    monkeypatch.setattr(failover, "UPDATES_GAP", 30.0)
    play = Playbook(failover_hysteresis=1.0).adopt(*(f"cam{number}" for number in range(5))) << heartbeat("cam0")
    play.later(100)
    play << heartbeat("cam0")
    play.later(2)
    assert play.count(EventKind.MODE_CHANGED) == 2
    assert wanted(play).count(True) == 1, "the first one still waits to be told"
    for _ in range(20):
        play.later(20)
        play << heartbeat("cam0")
    assert True not in wanted(play)


def test_a_start_tells_the_mode_to_devices_that_a_crash_left_untold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failover, "MAX_UPDATES", 1)
    play = Playbook().adopt("cam1", "cam2", "cam3") << heartbeat("cam1", HOSTS["cam1"])
    play.later(89.5)
    assert wanted(play).count(True) == 1
    monkeypatch.setattr(failover, "MAX_UPDATES", 500)
    assert wanted(play.restart()) == [True] * 3


def test_a_lost_device_that_is_forgotten_leaves_no_command_behind() -> None:
    play = Playbook().adopt("cam1", "cam2")
    play << heartbeat("cam1")
    play.later(100)
    play << DeviceForgotten("op", "cam1")
    assert {command.id for command in play.store.load().commands} == set(play.engine.state.open_commands)
