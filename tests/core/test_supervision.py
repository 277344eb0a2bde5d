"""Late, lost, asleep, found; whose fault; and the server's own stalls, steps and restarts."""

from dataclasses import replace

import pytest

from alarmd.core import deadlines, device_session, supervision, views
from alarmd.core.effects import EvictHeartbeat, SaveContacts
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import ServerStopping, TimerFired
from alarmd.core.instant import SECOND
from alarmd.core.records import AlarmKind, AlarmState, CommandState, Presence
from alarmd.core.requests import AlarmCleared, CommandRequested, DeviceAdopted, DeviceChanged, DeviceForgotten
from tests.playbook import Playbook, frame, heartbeat

LOSSES = (AlarmKind.CONTACT_LOST, AlarmKind.SITE_LOST, AlarmKind.UPLINK_LOST)


def presence(play: Playbook, name: str = "cam1") -> Presence:
    return play.engine.state.sessions[name].presence


def beat(play: Playbook, hosts: dict[str, str], seconds: float, every: float = 20.0) -> None:
    """All these devices heartbeat for a while; what the timer did in between is gathered in play.effects."""
    gathered = []
    while seconds > 0:
        for name, host in hosts.items():
            play << heartbeat(name, host)
            gathered += play.effects
        play.later(min(every, seconds))
        gathered += play.effects
        seconds -= every
    play.effects = gathered


def test_a_device_that_reports_is_never_late() -> None:
    play = Playbook().adopt("cam1")
    beat(play, {"cam1": "192.0.2.1"}, 3600)
    assert presence(play) is Presence.ONLINE
    assert not play.count(EventKind.CONTACT_LOST)


def test_a_silent_device_is_late_after_one_interval_and_lost_within_its_limit() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play.later(26)
    assert presence(play) is Presence.ONLINE
    play.later(2)
    assert presence(play) is Presence.LATE
    assert len(play.made(EvictHeartbeat)) == 1
    play.later(61)
    assert presence(play) is Presence.LATE
    play.later(1)
    assert presence(play) is Presence.LOST
    assert [(alarm.kind, alarm.told) for alarm in play.alarms] == [(AlarmKind.CONTACT_LOST, True)]
    assert [delivery.text for delivery in play.told] == ["cam1: contact lost: no contact for 90 s"]
    assert play.made(SaveContacts)[0].contacts[0].presence is Presence.LOST


@pytest.mark.parametrize("report_within", [20.0, 45.0, 90.0, 600.0, pytest.param(86_400.0, marks=pytest.mark.prove)])
def test_a_loss_is_told_within_a_second_before_the_limit_of_the_device(report_within: float) -> None:
    play = Playbook().adopt("cam1") << DeviceChanged("op", "cam1", report_within=report_within)
    play << heartbeat()
    silent_from = play.now.wall
    play.later(report_within)
    (lost,) = [event for event in play.events if event.kind == EventKind.CONTACT_LOST]
    assert report_within - 1 <= (lost.received_at - silent_from) / SECOND <= report_within


def test_a_lost_device_is_told_once() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play.later(3600)
    assert play.count(EventKind.CONTACT_LOST) == 1
    assert len(play.told) == 1


def test_a_found_device_clears_its_alarm_and_says_for_how_long_it_was_gone() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play.later(689.25)
    play << heartbeat()
    assert presence(play) is Presence.ONLINE
    assert EventKind.CONTACT_FOUND in play.kinds
    assert [alarm.state for alarm in play.alarms] == [AlarmState.CLEARED]
    assert [delivery.text for delivery in play.told] == ["cam1: contact is back, 600 s after the alarm"]


def test_a_late_device_that_is_heard_again_is_no_news() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play.later(60)
    play << heartbeat()
    assert (presence(play), play.kinds, play.alarms) == (Presence.ONLINE, [], [])
    play.later(60)
    assert presence(play) is Presence.LATE


def test_a_lost_device_can_be_lost_again() -> None:
    play = Playbook().adopt("cam1")
    for _ in range(3):
        play << heartbeat()
        play.later(120)
    assert play.count(EventKind.CONTACT_LOST) == 3


def test_a_loss_that_the_operator_cleared_is_over_and_the_next_one_is_told() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play.later(100)
    play << AlarmCleared("op", play.alarms[0].id)
    play << heartbeat()
    assert play.alarms == []
    play.later(100)
    assert [alarm.kind for alarm in play.alarms] == [AlarmKind.CONTACT_LOST]


def test_every_device_behind_one_address_is_one_fault_of_the_site() -> None:
    play = Playbook().adopt("cam1", "cam2", "cam3", "far1")
    site = dict.fromkeys(("cam1", "cam2", "cam3"), "203.0.113.5")
    beat(play, {**site, "far1": "198.51.100.1"}, 40)
    beat(play, {"far1": "198.51.100.1"}, 200)
    assert [alarm.kind for alarm in play.alarms if alarm.event_count == 1] == [AlarmKind.SITE_LOST]
    assert [delivery.text for delivery in play.told] == [
        "every device behind 203.0.113.5 is silent: no contact for 90 s",
        "3 devices without contact: cam1, cam2, cam3",
    ]
    assert play.count(EventKind.CONTACT_LOST) == 3
    assert {event.alarm_id for event in play.events if event.kind == EventKind.CONTACT_LOST} == {1}


def test_a_sites_alarm_ends_when_the_last_of_its_devices_is_back() -> None:
    play = Playbook().adopt("cam1", "cam2", "far1")
    beat(play, {"cam1": "203.0.113.5", "cam2": "203.0.113.5", "far1": "198.51.100.1"}, 40)
    beat(play, {"far1": "198.51.100.1"}, 200)
    play << heartbeat("cam1", "203.0.113.5")
    assert play.alarms == []
    play << heartbeat("cam2", "203.0.113.5")
    assert [alarm.state for alarm in play.alarms] == [AlarmState.CLEARED]


def test_one_device_of_a_site_is_its_own_fault() -> None:
    play = Playbook().adopt("cam1", "cam2")
    beat(play, {"cam1": "203.0.113.5", "cam2": "203.0.113.5"}, 40)
    beat(play, {"cam2": "203.0.113.5"}, 200)
    assert [alarm.kind for alarm in play.alarms] == [AlarmKind.CONTACT_LOST]


def test_everything_at_once_is_most_likely_our_own_uplink_and_one_message() -> None:
    play = Playbook().adopt(*(f"cam{n}" for n in range(8)))
    beat(play, {f"cam{n}": f"203.0.113.{n}" for n in range(8)}, 40)
    play.later(300)
    assert {alarm.kind for alarm in play.alarms} == {AlarmKind.UPLINK_LOST}
    assert [delivery.text for delivery in play.told] == [
        "every device is silent, most likely this server's own uplink: no contact for 90 s",
        "8 devices without contact: cam0, cam1, cam2, cam3, cam4 and 3 more",
    ]
    assert play.count(EventKind.MODE_CHANGED) == 0, "our own fault puts no zone into failover mode"


def test_after_the_uplink_is_back_who_stays_away_keeps_the_alarm_open() -> None:
    play = Playbook().adopt("cam1", "cam2", "cam3")
    hosts = {f"cam{n}": f"203.0.113.{n}" for n in (1, 2, 3)}
    beat(play, hosts, 40)
    play.later(300)
    play << heartbeat("cam1", "203.0.113.1")
    play << heartbeat("cam2", "203.0.113.2")
    assert not play.alarms
    play << heartbeat("cam3", "203.0.113.3")
    assert [alarm.state for alarm in play.alarms] == [AlarmState.CLEARED]


def test_a_device_lost_over_tcp_without_a_heartbeat_is_its_own_fault() -> None:
    play = Playbook().adopt("cam1") << frame("cam1,HEARTBEAT,0,0,0,0,0,0", transport="tcp")
    play.later(100)
    assert [alarm.kind for alarm in play.alarms] == [AlarmKind.CONTACT_LOST]


def test_an_unknown_device_is_supervised_after_five_regular_heartbeats() -> None:
    play = Playbook()
    beat(play, {"cam1": "192.0.2.1"}, 80)
    assert presence(play) is Presence.NEW
    play.later(600)
    assert not play.count(EventKind.CONTACT_LOST)
    beat(play, {"cam1": "192.0.2.1"}, 100)
    assert presence(play) is Presence.ONLINE
    play.later(100)
    assert play.count(EventKind.CONTACT_LOST) == 1


def test_sleep_declared_by_a_device_without_a_key_counts_only_after_our_own_dslp() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play << frame("cam1,SLEP,600,0,0,0,0,0")
    assert presence(play) is Presence.ONLINE
    play << CommandRequested("op", "cam1", "DSLP")
    play << heartbeat()
    play << frame("cam1,SLEP,600,0,0,0,0,0")
    assert presence(play) is Presence.ASLEEP
    assert play.sent == [b"cam1,ACK,0,0,0,0,0,0"]
    play.later(620)
    assert presence(play) is Presence.ASLEEP
    play.later(600)
    assert play.count(EventKind.CONTACT_LOST) == 1, "silence after the declared end is a fault"


def test_a_sleep_of_no_length_is_none() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play << CommandRequested("op", "cam1", "DSLP")
    play << heartbeat()
    for seconds in ("0", "soon", "-1"):
        play << frame(f"cam1,SLEP,{seconds},0,0,0,0,0")
        assert presence(play) is Presence.ONLINE


def test_a_device_that_acknowledged_dslp_may_be_silent_for_an_hour_at_most() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play << CommandRequested("op", "cam1", "DSLP")
    play << heartbeat()
    play << frame("cam1,ACK,0,0,0,0,0,0")
    assert presence(play) is Presence.ASLEEP
    play.later(3600)
    assert not play.count(EventKind.CONTACT_LOST)
    play.later(100)
    assert play.count(EventKind.CONTACT_LOST) == 1


def test_no_sleep_is_longer_than_a_day() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play << CommandRequested("op", "cam1", "DSLP")
    play << heartbeat()
    play << frame("cam1,SLEP,9999999,0,0,0,0,0")
    play.later(device_session.MAX_SLEEP + 100)
    assert play.count(EventKind.CONTACT_LOST) == 1


def test_a_sleeper_that_wakes_early_is_online() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play << CommandRequested("op", "cam1", "DSLP")
    play << heartbeat()
    play << frame("cam1,SLEP,6000,0,0,0,0,0")
    play.later(100)
    play << heartbeat()
    assert presence(play) is Presence.ONLINE
    assert EventKind.CONTACT_FOUND not in play.kinds
    play.later(100)
    assert play.count(EventKind.CONTACT_LOST) == 1


@pytest.mark.parametrize("seconds", [10.0, 60.0, 4000.0])
def test_a_stall_of_the_server_itself_is_no_loss(seconds: float) -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play.later(20)
    play.stand_still(seconds)
    assert play.kinds == [EventKind.SERVER_BLIND]
    play << heartbeat()
    play.later(25)
    assert presence(play) is Presence.ONLINE
    assert not play.count(EventKind.CONTACT_LOST)


def test_a_stall_does_not_hide_a_loss_for_longer_than_it_took() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play.later(20)
    play.stand_still(60)
    play.later(71)
    assert play.count(EventKind.CONTACT_LOST) == 1


def test_a_timer_a_little_late_is_no_stall() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play.stand_still(2.5)
    assert play.kinds == []


@pytest.mark.parametrize("step", [86_400.0, -86_400.0])
def test_a_step_of_the_wall_clock_is_an_event_and_no_loss(step: float) -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play.later(20)
    play.set_wall(step)
    play.later(2)
    assert play.kinds == [EventKind.CLOCK_STEPPED]
    play << heartbeat()
    play.later(26)
    assert presence(play) is Presence.ONLINE
    play.later(70)
    assert play.count(EventKind.CONTACT_LOST) == 1, "and no loss is missed"


def test_stamps_never_go_back_with_the_wall_clock() -> None:
    play = Playbook().adopt("cam1") << frame("cam1,LOG,one,0,0,0,0,0")
    before = play.events[0].hlc
    play.set_wall(-86_400)
    play << frame("cam1,LOG,two,0,0,0,0,0")
    assert play.events[0].hlc > before


def test_contacts_are_written_now_and_then_not_with_every_heartbeat() -> None:
    play = Playbook().adopt("cam1")
    beat(play, {"cam1": "192.0.2.1"}, 600)
    assert 5 <= len(play.made(SaveContacts)) <= 12


def test_a_restart_neither_forgets_a_silence_nor_judges_it_at_once() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play = play.restart(after=30)
    play.later(58)
    assert not play.count(EventKind.CONTACT_LOST)
    play.later(2)
    assert play.count(EventKind.CONTACT_LOST) == 1


def test_a_device_past_its_limit_at_a_restart_gets_one_interval_only() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play = play.restart(after=4000)
    play.later(25)
    assert not play.count(EventKind.CONTACT_LOST)
    play.later(3)
    assert play.count(EventKind.CONTACT_LOST) == 1


def test_what_was_lost_before_a_restart_is_not_told_again_and_is_found() -> None:
    play = Playbook().adopt("cam1", "cam2", "far1")
    beat(play, {"cam1": "203.0.113.5", "cam2": "203.0.113.5", "far1": "198.51.100.1"}, 40)
    beat(play, {"far1": "198.51.100.1"}, 200)
    play = play.restart()
    play.later(20)
    assert play.count(EventKind.CONTACT_LOST) == 2
    play << heartbeat("cam1", "203.0.113.5")
    play << heartbeat("cam2", "203.0.113.5")
    assert [alarm.state for alarm in play.alarms] == [AlarmState.CLEARED]


def test_an_uplink_alarm_survives_a_restart() -> None:
    play = Playbook().adopt("cam1", "cam2", "cam3")
    hosts = {f"cam{n}": f"203.0.113.{n}" for n in (1, 2, 3)}
    beat(play, hosts, 40)
    play.later(200)
    play = play.restart()
    assert play.count(EventKind.MODE_CHANGED) == 0
    beat(play, hosts, 1)
    assert [(alarm.kind, alarm.state) for alarm in play.alarms] == [(AlarmKind.UPLINK_LOST, AlarmState.CLEARED)]


def test_a_loss_cleared_by_hand_stays_cleared_over_a_restart() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play.later(100)
    play << AlarmCleared("op", play.alarms[0].id)
    play = play.restart()
    play.later(100)
    assert play.count(EventKind.CONTACT_LOST) == 1
    play << heartbeat()
    assert (presence(play), play.alarms) == (Presence.ONLINE, [])


def test_a_sleeping_device_sleeps_on_over_a_restart() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play << CommandRequested("op", "cam1", "DSLP")
    play << heartbeat()
    play << frame("cam1,SLEP,6000,0,0,0,0,0")
    play = play.restart(after=1000)
    play.later(4900)
    assert not play.count(EventKind.CONTACT_LOST)
    play.later(400)
    assert play.count(EventKind.CONTACT_LOST) == 1


def test_a_planned_stop_writes_who_was_heard() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play.later(10)
    play << heartbeat()
    play << ServerStopping()
    (saved,) = play.made(SaveContacts)
    assert saved.contacts[0].last_contact == play.now.wall
    play << ServerStopping()
    assert play.kinds == [EventKind.SERVER_STOPPING]


def test_the_timer_is_wanted_at_least_every_second() -> None:
    play = Playbook()
    assert play.engine.next_deadline() <= play.now.mono + 1.0
    assert deadlines.BUCKET <= 0.25


def test_a_late_device_has_the_rest_of_its_limit_after_a_restart() -> None:
    play = Playbook().adopt("cam1")
    beat(play, {"cam1": "192.0.2.1"}, 40)
    play.later(10)
    play << ServerStopping()
    play = play.restart()
    play.later(61)
    assert play.count(EventKind.CONTACT_LOST) == 1


def test_losses_that_no_open_alarm_tells_of_stay_apart_from_those_that_one_does() -> None:
    play = Playbook().adopt("cam1", "cam2", "far1")
    for name, host in (("cam1", "203.0.113.1"), ("cam2", "203.0.113.2")):
        play << heartbeat(name, host)
    beat(play, {"far1": "198.51.100.1"}, 200)
    first, second = (alarm.id for alarm in play.alarms)
    play << AlarmCleared("op", first)
    play = play.restart()
    play << heartbeat("cam1", "203.0.113.1")
    assert play.alarms == []
    play << heartbeat("cam2", "203.0.113.2")
    assert [(alarm.id, alarm.state) for alarm in play.alarms] == [(second, AlarmState.CLEARED)]


def test_members_that_came_back_before_they_were_told_are_not_told() -> None:
    play = Playbook().adopt("cam1", "cam2", "far1")
    beat(play, {"cam1": "203.0.113.5", "cam2": "203.0.113.5", "far1": "198.51.100.1"}, 20)
    beat(play, {"far1": "198.51.100.1"}, 75)
    assert len(play.told) == 1
    for name in ("cam1", "cam2"):
        play << heartbeat(name, "203.0.113.5")
    play.later(15)
    assert play.told == []


def test_what_storage_remembers_wrongly_does_not_stop_the_start() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play << CommandRequested("op", "cam1", "TLGS")
    snapshot = play.store.load()
    nowhere = replace(snapshot.contacts[0], address="?")
    again = Playbook(replace(snapshot, contacts=(nowhere,)), start=False)
    assert presence(again) is Presence.NEW
    assert Playbook(replace(snapshot, devices=(), contacts=()), start=False).engine.state.open_commands == {}


def test_many_devices_due_at_once_are_looked_at_some_at_a_time_and_that_is_no_stall(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervision, "MAX_LOOKS", 3)
    names = [f"cam{number}" for number in range(20)]
    play = Playbook().adopt(*names)
    for name in names:
        play << heartbeat(name)
    play.later(26)
    play._at(play.now.mono + 1)
    ticks = 0
    while (due := play.engine.next_deadline()) <= play.now.mono:
        play._at(play.now.mono + 0.5)
        play << TimerFired(max(due, play.now.mono - 1))
        assert len(play.made(EvictHeartbeat)) <= 3
        ticks += 1
        if ticks > 20:
            break
    assert {presence(play, name) for name in names} == {Presence.LATE}
    assert not play.count(EventKind.SERVER_BLIND)


def test_who_is_heard_between_a_stall_and_the_timer_is_lost_in_time_all_the_same() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    due = play.engine.next_deadline()
    play._at(play.now.mono + 8 * 3600)
    play << heartbeat()
    assert play.kinds == [EventKind.SERVER_BLIND]
    play << TimerFired(due)
    assert play.kinds == [], "one stall is told once"
    play.later(90)
    assert play.count(EventKind.CONTACT_LOST) == 1


def test_a_request_that_is_refused_after_a_stall_does_not_hide_the_stall() -> None:
    play = Playbook().adopt("cam1")
    play._at(play.now.mono + 60)
    play << CommandRequested("op", "nobody", "TLGS")
    assert (play.kinds, play.refusal.reason) == ([EventKind.SERVER_BLIND], "unknown_device")


def test_a_device_adopted_after_its_last_heartbeat_is_supervised() -> None:
    play = Playbook() << heartbeat()
    play.later(10)
    play.adopt("cam1")
    play.later(80)
    assert play.count(EventKind.CONTACT_LOST) == 1


def test_the_last_contact_that_people_see_is_not_moved_by_a_stall() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    last = play.now.wall
    play.later(5)
    play.stand_still(75)
    view = views.device(play.engine.state, "cam1", play.now)
    assert view is not None
    assert abs(view.contact.last_contact - last) < SECOND
    play.later(90)
    (lost,) = [event for event in play.events if event.kind == EventKind.CONTACT_LOST]
    assert lost.text == f"silent for {(lost.received_at - last) / SECOND:.0f} s"


def test_a_second_loss_of_devices_that_came_back_is_told_anew() -> None:
    names = [f"cam{number}" for number in range(5)]
    play = Playbook().adopt(*names, "far1")
    site = dict.fromkeys(names, "203.0.113.5")
    beat(play, {**site, "far1": "198.51.100.1"}, 40)
    beat(play, {"far1": "198.51.100.1"}, 200)
    back = dict.fromkeys(names[:3], "203.0.113.5")
    beat(play, {**back, "far1": "198.51.100.1"}, 600)
    beat(play, {"far1": "198.51.100.1"}, 200)
    assert [delivery.subject for delivery in play.told].count("raised") >= 1


def asleep(seconds: int = 600, ack: bool = True) -> Playbook:
    play = Playbook().adopt("cam1") << heartbeat()
    play << CommandRequested("op", "cam1", "DSLP")
    play << heartbeat()
    if ack:
        play << frame("cam1,ACK,0,0,0,0,0,0")
    return play << frame(f"cam1,SLEP,{seconds},0,0,0,0,0")


def test_a_late_copy_of_its_ack_does_not_wake_a_sleeper() -> None:
    for play in (asleep(), asleep(ack=False)):
        play << frame("cam1,ACK,0,0,0,0,0,0")
        assert presence(play) is Presence.ASLEEP
        play.later(590)
        assert not play.count(EventKind.CONTACT_LOST)


def test_a_resent_slep_keeps_the_sleeper_asleep() -> None:
    play = asleep() << frame("cam1,SLEP,600,0,0,0,0,0")
    assert presence(play) is Presence.ASLEEP


def test_slep_confirms_a_dslp_whose_ack_was_lost() -> None:
    play = asleep(ack=False)
    assert play.last_command.state is CommandState.ACKED
    play.later(500)
    play << heartbeat()
    play << heartbeat()
    assert play.sent == [b"cam1,ACK,0,0,0,26,0,0"], "it is not put to sleep twice"


def test_nobody_puts_a_device_to_sleep_from_elsewhere_or_long_after_its_dslp() -> None:
    play = asleep()
    play.later(500)
    play << heartbeat()
    play << frame("cam1,SLEP,86400,0,0,0,0,0")
    assert presence(play) is Presence.ONLINE
    play << CommandRequested("op", "cam1", "DSLP")
    play << heartbeat()
    play << heartbeat()
    play << frame("cam1,SLEP,86400,0,0,0,0,0", "198.51.100.66")
    assert presence(play) is Presence.ONLINE


def test_a_sleep_is_bounded_over_a_restart_with_a_clock_set_back() -> None:
    play = asleep().set_wall(-400 * 86_400).restart()
    play.later(device_session.MAX_SLEEP + 100)
    assert play.count(EventKind.CONTACT_LOST) == 1


def test_a_late_device_that_was_nowhere_does_not_stop_the_start() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    snapshot = play.store.load()
    contact = replace(snapshot.contacts[0], address="", presence=Presence.LATE)
    assert presence(Playbook(replace(snapshot, contacts=(contact,)), start=False)) is Presence.NEW


def test_a_device_at_its_longest_interval_is_not_lost_by_a_restart() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play = play.restart(after=4000)
    play.later(26.4)
    assert not play.count(EventKind.CONTACT_LOST)
    play << heartbeat()
    play.later(60)
    assert not play.count(EventKind.CONTACT_LOST)


def test_less_patience_than_a_device_knows_of_is_no_false_loss() -> None:
    play = Playbook().adopt("cam1") << DeviceChanged("op", "cam1", report_within=600.0)
    play << heartbeat()
    play.later(150)
    play << DeviceChanged("op", "cam1", report_within=90.0)
    play.later(45)
    assert not play.count(EventKind.CONTACT_LOST), "its next heartbeat is due by the interval it was told"
    play << heartbeat()
    assert play.sent == [b"cam1,ACK,0,0,0,26,0,0"]
    play.later(89.5)
    assert play.count(EventKind.CONTACT_LOST) == 1


def test_a_late_device_is_lost_by_the_limit_it_is_given() -> None:
    play = Playbook().adopt("cam1") << DeviceChanged("op", "cam1", report_within=600.0)
    play << heartbeat()
    play.later(300)
    play << DeviceChanged("op", "cam1", report_within=90.0)
    play.later(1)
    assert play.count(EventKind.CONTACT_LOST) == 1
    assert play.restart().engine.state.sessions["cam1"].asleep_until is None


def test_a_forgotten_device_is_written_nowhere() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    session = play.engine.state.sessions["cam1"]
    play << DeviceForgotten("op", "cam1")
    play.later(26)
    session.seen = play.now.mono + 60
    play.later(2)
    assert play.made(SaveContacts) == []


def test_a_device_that_fell_silent_before_it_was_adopted_is_lost_too() -> None:
    play = Playbook() << heartbeat()
    play.later(1000)
    play << DeviceAdopted("op", "cam1")
    play.later(25)
    assert not play.count(EventKind.CONTACT_LOST)
    play.later(2)
    assert play.count(EventKind.CONTACT_LOST) == 1


def test_a_script_that_never_heartbeats_may_be_adopted_and_is_not_expected() -> None:
    play = Playbook() << frame("cam1,MOAL,gate,0,0,0,0,0")
    play << DeviceAdopted("op", "cam1")
    play.later(1000)
    assert presence(play) is Presence.NEW
