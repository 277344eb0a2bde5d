"""Motion by incident, zones armed or not, and what people do about an alarm."""

import pytest

from alarmd.core import alarms, state
from alarmd.core.effects import RejectFrame
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import DeliveryAbandoned, FrameReceived
from alarmd.core.instant import SECOND
from alarmd.core.records import AlarmState, Arming
from alarmd.core.requests import (
    AlarmAcknowledged,
    AlarmCleared,
    ArmingRequested,
    DeviceChanged,
    DeviceForgotten,
    SiteRequested,
    ZoneRequested,
)
from alarmd.core.settings import Route
from tests.playbook import Playbook, frame, heartbeat


def moal(name: str = "cam1", text: str = "gate") -> FrameReceived:
    return frame(f"{name},MOAL,{text},0,0,0,0,0")


def test_motion_is_told_once_an_incident_and_every_event_of_it_is_kept() -> None:
    play = Playbook().adopt("cam1")
    for _ in range(20):
        play << moal()
        play.later(30)
    assert play.count(EventKind.ALARM_RAISED) == 1
    assert play.count(EventKind.MOTION) == 20


def test_an_incident_ends_after_sixty_quiet_seconds_and_its_count_is_written() -> None:
    play = Playbook().adopt("cam1") << moal()
    play.later(59)
    play << moal()
    play.later(59)
    assert play.alarms == []
    play.later(1)
    assert [(alarm.state, alarm.event_count) for alarm in play.alarms] == [(AlarmState.RAISED, 2)]
    assert play.alarms[0].ended_at == play.now.wall


def test_motion_after_the_quiet_is_a_new_told_alarm_whatever_became_of_the_old_one() -> None:
    play = Playbook().adopt("cam1") << moal()
    first = play.alarms[0]
    play << AlarmAcknowledged("op", first.id)
    play.later(61)
    play << moal()
    assert play.alarms[-1].id != first.id
    assert [delivery.subject for delivery in play.told] == ["raised"]
    play << AlarmCleared("op", play.alarms[-1].id)
    play << moal()
    assert [delivery.subject for delivery in play.told] == ["raised"]


def test_motion_that_comes_before_the_timer_does_still_starts_a_new_incident() -> None:
    play = Playbook().adopt("cam1") << moal()
    play.later(59.9)
    play._at(play.now.mono + 0.1)
    play << moal()
    assert [alarm.state for alarm in play.alarms] == [AlarmState.RAISED, AlarmState.RAISED]


def test_motion_in_a_disarmed_zone_is_kept_and_acknowledged_but_told_nobody() -> None:
    play = Playbook().adopt("cam1") << ArmingRequested("op", "home", Arming.DISARMED)
    play << moal()
    assert (play.told, play.sent) == ([], [b"cam1,ACK,0,0,0,0,0,0"])
    assert [alarm.told for alarm in play.alarms] == [False]
    play << AlarmAcknowledged("op", play.alarms[0].id)
    assert play.told == []


def test_who_moves_on_when_the_zone_is_armed_is_told_at_once() -> None:
    play = Playbook().adopt("cam1") << ArmingRequested("op", "home", Arming.DISARMED)
    play << moal()
    play << ArmingRequested("op", "home", Arming.ARMED)
    play << moal()
    assert [delivery.subject for delivery in play.told] == ["raised"]


def test_a_loss_is_told_in_a_disarmed_zone_too() -> None:
    play = Playbook().adopt("cam1") << ArmingRequested("op", "*", Arming.DISARMED)
    play << heartbeat()
    play.later(100)
    assert len(play.told) == 1


def test_a_zone_follows_its_schedule_in_the_time_zone_of_its_site() -> None:
    play = Playbook().adopt("cam1") << SiteRequested("op", "home", "Asia/Tokyo")  # noon UTC is 21:00 there
    play << ArmingRequested("op", "home", Arming.SCHEDULE, "sa 20:00-21:30")
    play << moal()
    assert len(play.told) == 1
    play.later(1900)
    play << moal()
    assert play.told == []


def test_a_quarantined_device_is_recorded_and_shown_and_nothing_acts_on_it() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play << DeviceChanged("op", "cam1", quarantined=True)
    play << moal()
    assert ([alarm.told for alarm in play.alarms], play.told) == ([False], [])
    play << heartbeat()
    assert play.sent == [b"cam1,ACK,0,0,0,26,0,0"]
    play.later(100)
    assert play.count(EventKind.CONTACT_LOST) == 1
    assert play.told == []


def test_acknowledging_twice_keeps_the_first_name() -> None:
    play = Playbook().adopt("cam1") << moal()
    alarm_id = play.alarms[0].id
    play << AlarmAcknowledged("ann", alarm_id)
    assert [delivery.text for delivery in play.told] == [f"alarm {alarm_id} acknowledged by ann"]
    play << AlarmAcknowledged("bob", alarm_id)
    assert (play.told, play.answer[0].acknowledged_by) == ([], "ann")


def test_a_cleared_alarm_is_history() -> None:
    play = Playbook().adopt("cam1") << moal()
    alarm_id = play.alarms[0].id
    play << AlarmCleared("ann", alarm_id)
    assert (play.answer[0].state, play.answer[0].cleared_by) == (AlarmState.CLEARED, "ann")
    for request in (AlarmAcknowledged("bob", alarm_id), AlarmCleared("bob", alarm_id)):
        play << request
        assert play.refusal.reason == "unknown_alarm"


def test_every_message_of_an_alarm_has_an_identity_of_its_own() -> None:
    play = Playbook(routes=(Route("log"), Route("phone", "42"))).adopt("cam1") << moal()
    told = list(play.told)
    play << AlarmAcknowledged("ann", play.alarms[0].id)
    told += play.told
    assert len({delivery.identity for delivery in told}) == 4
    assert [delivery.urgent for delivery in told] == [True, True, False, False]


def test_an_alarm_without_text_is_told_without_one() -> None:
    play = Playbook().adopt("cam1") << frame("cam1,MOAL,0,0,0,0,0,0")
    assert [delivery.text for delivery in play.told] == ["cam1: motion"]


def test_an_incident_goes_on_over_a_restart() -> None:
    play = Playbook().adopt("cam1") << moal()
    play = play.restart(after=20)
    play << moal()
    assert play.count(EventKind.ALARM_RAISED) == 1
    play.later(61)
    assert play.alarms[0].ended_at is not None


def test_the_alarm_of_a_forgotten_device_stays_open_until_somebody_clears_it() -> None:
    play = Playbook() << moal()
    alarm_id = play.alarms[0].id
    play << DeviceForgotten("op", "cam1")
    play.later(100)
    play = play.restart()
    play << AlarmCleared("op", alarm_id)
    assert play.answer[0].state is AlarmState.CLEARED


def test_open_alarms_are_bounded_and_the_oldest_quiet_one_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms, "MAX_ALARMS", 3)
    play = Playbook().adopt("cam1", "cam2", "cam3", "cam4")
    for name in ("cam1", "cam2", "cam3"):
        play << moal(name)
    play << moal("cam4")
    assert (play.rejected, play.sent) == (["no_room"], []), "nothing is acknowledged that is not kept"
    play << moal("cam1")
    assert play.sent == [b"cam1,ACK,0,0,0,0,0,0"], "an incident that goes on needs no room"
    play.later(61)
    play << moal("cam4")
    assert [(alarm.id, alarm.state) for alarm in play.alarms] == [(1, AlarmState.CLEARED), (4, AlarmState.RAISED)]


def test_strangers_have_a_tenth_of_the_alarms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms, "MAX_ALARMS", 20)
    play = Playbook()
    for number in range(3):
        play << moal(f"new{number}")
    assert play.made(RejectFrame)[0].reason == "no_room"
    play.adopt("cam1") << moal("cam1")
    assert play.sent == [b"cam1,ACK,0,0,0,0,0,0"]
    play.later(61)
    play << moal("new3")
    assert play.sent == [b"new3,ACK,0,0,0,0,0,0"]


def test_losses_find_room_in_a_full_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms, "MAX_ALARMS", 1)
    play = Playbook().adopt("cam1", "cam2") << moal("cam1")
    play << heartbeat("cam2")
    play.later(100)
    assert play.count(EventKind.CONTACT_LOST) == 1
    play.later(61)
    play << moal("cam1")
    assert [alarm.kind for alarm in play.alarms] == ["motion", "motion"]


def test_many_losses_do_not_keep_motion_from_being_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms, "MAX_ALARMS", 10)
    names = [f"cam{number}" for number in range(12)]
    play = Playbook().adopt(*names, "gate")
    for number, name in enumerate(names):
        play << heartbeat(name, f"192.0.2.{number}")
    play << heartbeat("stranger")
    for _ in range(5):
        play << heartbeat("stranger", "198.51.100.9")
        play.later(20)
    play.later(100)
    assert play.count(EventKind.CONTACT_LOST) == 13
    play << moal("gate")
    assert [delivery.subject for delivery in play.told] == ["raised"]
    play << moal("passer-by")
    assert [delivery.subject for delivery in play.told] == ["raised"]
    play = play.restart()
    play << moal("another")
    assert play.rejected == ["no_room"], "strangers' motion is bounded as before"
    play << moal("cam1")
    assert [delivery.subject for delivery in play.told][-1] == "raised"


def test_an_alarm_is_not_a_strangers_any_more_when_its_device_is_adopted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms, "MAX_ALARMS", 20)
    play = Playbook() << moal("cam1")
    play.adopt("cam1") << moal("new1")
    play.later(61)
    for name in ("new2", "new3"):
        play << moal(name)
    assert [alarm.id for alarm in play.alarms if alarm.state is AlarmState.CLEARED] == [2]


def test_motion_after_the_zone_is_armed_again_is_told_although_it_never_went_quiet() -> None:
    play = Playbook().adopt("cam1") << moal()
    play << ArmingRequested("op", "home", Arming.DISARMED)
    play.later(30)
    play << moal()
    assert play.told == []
    play << ArmingRequested("op", "home", Arming.ARMED)
    play.later(30)
    play << moal()
    assert [delivery.subject for delivery in play.told] == ["raised"]


def test_the_incident_of_a_forgotten_device_ends_with_it() -> None:
    play = Playbook().adopt("cam1") << moal()
    play << moal()
    play << DeviceForgotten("op", "cam1")
    assert [(alarm.ended_at, alarm.event_count) for alarm in play.alarms] == [(play.now.wall, 2)]


def test_a_flood_in_a_devices_name_does_not_keep_its_motion_from_being_told() -> None:
    play = Playbook().adopt("cam1")
    for _ in range(200):
        play << frame("cam1,LOG,noise,0,0,0,0,0", "198.51.100.66")
    assert play.rejected == ["device_rate"]
    play << moal()
    assert [delivery.subject for delivery in play.told] == ["raised"]
    play << moal()
    assert play.rejected == ["device_rate"], "what goes on is stored as the rate allows"


def test_a_message_that_no_destination_took_is_an_event() -> None:
    play = Playbook().adopt("cam1") << moal()
    delivery, alarm = play.told[0], play.alarms[0]
    play << DeliveryAbandoned(delivery.identity, "log", alarm.id, "gone")
    assert play.kinds == [EventKind.DELIVERY_ABANDONED]
    assert play.events[0].zone_id == alarm.zone_id
    play << AlarmCleared("op", alarm.id)
    play << DeliveryAbandoned(delivery.identity, "log", alarm.id, "gone")
    assert play.events[0].alarm_id == alarm.id, "also of an alarm that is history"


def test_a_zone_moves_to_another_site() -> None:
    play = Playbook() << SiteRequested("op", "farm", "Europe/Prague")
    play << ZoneRequested("op", "home", "farm")
    assert play.answer[0].site_id == play.engine.state.site_named("farm").id  # type: ignore[union-attr]
    assert state.MAX_ALARMS >= 10_000
    assert play.now.wall % SECOND == 0
