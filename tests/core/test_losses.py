"""The alarms of lost contact: no loss hides in another one, in quarantine, or behind a line that works again."""

from dataclasses import replace

import pytest

from alarmd.core import losses
from alarmd.core.event_kinds import EventKind
from alarmd.core.records import AlarmKind, AlarmState, Presence
from alarmd.core.requests import AlarmCleared, DeviceAdopted, DeviceChanged, ZoneRequested
from alarmd.core.settings import UnknownDevices
from tests.core.test_supervision import beat
from tests.playbook import Playbook, heartbeat

SITE = "203.0.113.5"
FAR = {"far1": "198.51.100.1"}
UPLINK = {f"cam{number}": f"203.0.113.{number}" for number in range(4)}


def site(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, SITE)


def lost_site(*names: str) -> Playbook:
    play = Playbook().adopt(*names, "far1")
    beat(play, {**site(*names), **FAR}, 40)
    beat(play, FAR, 120)
    return play


def lost_uplink() -> Playbook:
    play = Playbook().adopt(*UPLINK)
    beat(play, UPLINK, 40)
    play.later(200)
    return play


def subjects(play: Playbook) -> list[str]:
    return [f"{delivery.subject}: {delivery.text}" for delivery in play.told]


def test_who_stays_away_when_its_site_is_back_is_told_on_its_own() -> None:
    play = lost_site("cam1", "cam2")
    beat(play, {**site("cam1"), **FAR}, 110)
    assert [(alarm.kind, alarm.state) for alarm in play.alarms][-2:] == [
        (AlarmKind.SITE_LOST, AlarmState.CLEARED),
        (AlarmKind.CONTACT_LOST, AlarmState.RAISED),
    ]
    assert subjects(play)[-1].startswith("raised: cam2: contact lost: no contact for")
    assert play.count(EventKind.CONTACT_LOST) == 2, "the loss itself is recorded once"
    play << heartbeat("cam2", SITE)
    assert [alarm.state for alarm in play.alarms] == [AlarmState.CLEARED]
    assert play.engine.state.losses == {}


def test_who_comes_back_within_its_limit_is_not_told_apart() -> None:
    play = lost_site("cam1", "cam2", "cam3")
    beat(play, {**site("cam1"), **FAR}, 60)
    play << heartbeat("cam2", SITE)
    play << heartbeat("cam3", SITE)
    assert [alarm.state for alarm in play.alarms] == [AlarmState.CLEARED]
    beat(play, {**site("cam1", "cam2", "cam3"), **FAR}, 200)
    assert play.told == []


def test_a_later_loss_does_not_hide_in_the_alarm_of_an_earlier_one() -> None:
    play = lost_site("cam1", "cam2")
    play << heartbeat("cam1", SITE)
    beat(play, FAR, 100)
    assert any(text.startswith("raised: cam1: contact lost") for text in subjects(play))


def test_a_second_loss_of_the_uplink_is_told_although_one_stayed_away_from_the_first() -> None:
    play = lost_uplink()
    back = {name: host for name, host in UPLINK.items() if name != "cam0"}
    beat(play, back, 20)
    beat(play, {}, 100)
    assert any("own uplink" in text for text in subjects(play))


def test_who_stays_away_from_the_uplink_is_watched_for_by_its_neighbours() -> None:
    play = lost_uplink()
    assert play.engine.state.causes == {}
    beat(play, {"cam1": UPLINK["cam1"]}, 130)
    assert {alarm.kind for alarm in play.engine.state.alarms.values()} == {AlarmKind.CONTACT_LOST}
    assert set(play.engine.state.causes[1]) == {"cam0", "cam2", "cam3"}


def test_a_whole_site_that_stays_away_from_the_uplink_is_one_loss() -> None:
    hosts = {**site("cam1", "cam2"), **FAR, "cam3": "192.0.2.9"}
    play = Playbook().adopt(*hosts)
    beat(play, hosts, 40)
    play.later(200)
    beat(play, FAR, 130)
    kinds = sorted(alarm.kind for alarm in play.engine.state.alarms.values())
    assert kinds == [AlarmKind.CONTACT_LOST, AlarmKind.SITE_LOST]


def test_a_new_device_proves_that_the_line_works() -> None:
    play = lost_uplink()
    play.adopt("cam9")
    beat(play, {"cam9": "192.0.2.9"}, 130)
    beat(play, {}, 100)
    assert any(text.startswith("raised: cam9: contact lost") for text in subjects(play))


def test_an_alarm_cleared_by_hand_while_the_line_was_down_does_not_hide_who_stays_away() -> None:
    play = lost_uplink()
    (alarm_id,) = play.engine.state.alarms
    play << AlarmCleared("op", alarm_id)
    play.later(300)
    assert play.told == []
    back = {name: host for name, host in UPLINK.items() if name != "cam0"}
    beat(play, back, 150)
    assert [text.split(":")[1] for text in subjects(play)] == [" cam0"]


def test_who_is_away_while_the_line_is_down_again_is_not_blamed_for_it() -> None:
    play = lost_uplink()
    play << heartbeat("cam1", UPLINK["cam1"])
    play.later(400)
    kinds = [alarm.kind for alarm in play.engine.state.alarms.values()]
    assert kinds == [AlarmKind.UPLINK_LOST, AlarmKind.CONTACT_LOST]
    beat(play, {"cam1": UPLINK["cam1"]}, 60)
    assert not any(text.startswith("raised:") for text in subjects(play)), "they have their limit from now"
    beat(play, {"cam1": UPLINK["cam1"]}, 80)
    assert {alarm.kind for alarm in play.engine.state.alarms.values()} == {AlarmKind.CONTACT_LOST}


def test_two_losses_of_one_line_end_apart_over_a_restart() -> None:
    play = lost_uplink()
    back = {name: host for name, host in UPLINK.items() if name != "cam0"}
    beat(play, back, 20)
    play.later(95)
    first, second = play.engine.state.alarms
    play = play.restart()
    assert play.engine.state.losses[first].members == {1}
    assert play.engine.state.losses[second].members == {2, 3, 4}
    for name, host in back.items():
        play << heartbeat(name, host)
    assert [(alarm.id, alarm.state) for alarm in play.alarms] == [(second, AlarmState.CLEARED)]
    beat(play, back, 150)
    assert any(text.startswith("raised: cam0: contact lost") for text in subjects(play))


def test_members_that_were_not_told_before_a_restart_are_told_after_it() -> None:
    play = Playbook().adopt("cam1", "cam2", "far1")
    beat(play, {**site("cam1", "cam2"), **FAR}, 20)
    beat(play, FAR, 75)
    assert play.count(EventKind.CONTACT_LOST) == 2
    play = play.restart()
    beat(play, FAR, 20)
    assert subjects(play) == ["changed: 2 devices without contact: cam1, cam2"]


def test_a_site_lost_before_a_restart_is_looked_at_again_after_it() -> None:
    play = lost_site("cam1", "cam2", "cam3")
    play << heartbeat("cam1", SITE)
    play = play.restart()
    beat(play, {**site("cam1"), **FAR}, 110)
    assert sum(text.startswith("raised:") for text in subjects(play)) == 2


def test_many_members_are_told_every_ten_seconds_not_one_by_one() -> None:
    names = [f"cam{number:02}" for number in range(40)]
    play = Playbook().adopt(*names, "far1")
    for name in names:
        play << heartbeat(name, SITE)
        beat(play, FAR, 0.5)
    beat(play, FAR, 130)
    told = [text for text in subjects(play) if text.startswith("changed")]
    assert len(told) <= 3
    assert told[-1] == "changed: 40 devices without contact: cam00, cam01, cam02, cam03, cam04 and 35 more"
    assert len({delivery.identity for delivery in play.told}) == len(play.told)


def test_stragglers_are_told_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "MAX_STRAGGLERS", 1)
    play = lost_uplink()
    beat(play, {"cam1": UPLINK["cam1"]}, 200)
    assert sum(text.startswith("raised:") for text in subjects(play)) == 3


def test_a_device_in_quarantine_does_not_silence_the_loss_of_its_site() -> None:
    play = Playbook().adopt("ghost", "cam1", "cam2", "far1")
    play << DeviceChanged("op", "ghost", quarantined=True)
    play << heartbeat("ghost", SITE)
    play.later(0.5)
    beat(play, {**site("ghost", "cam1", "cam2"), **FAR}, 40)
    beat(play, FAR, 120)
    assert any("every device behind" in text for text in subjects(play))
    assert not any("ghost" in text for text in subjects(play))


def test_a_device_lost_in_quarantine_is_told_when_it_is_adopted() -> None:
    play = Playbook(unknown_devices=UnknownDevices.QUARANTINE)
    beat(play, {"cam1": SITE}, 120)
    play.later(100)
    assert (play.count(EventKind.CONTACT_LOST), play.told) == (1, [])
    play << DeviceAdopted("op", "cam1")
    assert [text[: len("raised: cam1")] for text in subjects(play)] == ["raised: cam1"]
    assert set(play.engine.state.causes[1]) == {"cam1"}


def test_a_device_lost_in_quarantine_is_told_when_it_is_let_out() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play << DeviceChanged("op", "cam1", quarantined=True)
    play.later(100)
    assert play.told == []
    play << DeviceChanged("op", "cam1", quarantined=False)
    assert [text[: len("raised: cam1")] for text in subjects(play)] == ["raised: cam1"]


def test_members_of_an_alarm_that_was_cleared_meanwhile_are_not_told() -> None:
    play = Playbook().adopt("cam1", "cam2", "far1")
    beat(play, {**site("cam1", "cam2"), **FAR}, 20)
    beat(play, FAR, 75)
    play << AlarmCleared("op", 1)
    beat(play, FAR, 20)
    assert play.told == []


def test_moving_a_device_that_our_own_uplink_lost_puts_no_zone_into_failover_mode() -> None:
    play = lost_uplink() << ZoneRequested("op", "barn", "home")
    play << DeviceChanged("op", "cam0", zone="barn")
    assert play.engine.state.causes == {}


def test_an_alarm_whose_device_is_no_longer_lost_takes_no_members_after_a_restart() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play.later(100)
    snapshot = replace(play.store.load(), contacts=())
    again = Playbook(snapshot, start=False)
    assert (again.engine.state.losses, again.engine.state.loss_alarms) == ({}, {})


def test_an_alarm_of_a_loss_that_nobody_suffers_any_more_gets_no_members_at_a_start() -> None:
    play = Playbook().adopt("cam1", "cam2", "far1")
    beat(play, {"cam1": "192.0.2.1", "cam2": "198.51.100.9", **FAR}, 40)
    beat(play, FAR, 120)
    found = play.store.load()
    back = play.engine.state.sessions["cam2"].device.id
    contacts = (replace(one, presence=Presence.ONLINE) if one.device_id == back else one for one in found.contacts)
    again = Playbook(replace(found, contacts=tuple(contacts)), start=False)
    alarms = {alarm.id: alarm.device_id for alarm in found.alarms}
    assert back in alarms.values()
    assert back not in {alarms[alarm_id] for alarm_id in again.engine.state.losses}
    assert len(again.engine.state.losses) == len(alarms) - 1
