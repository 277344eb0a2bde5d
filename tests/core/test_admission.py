"""Names that nobody adopted: admitted, quarantined or rejected; bounded; never at the expense of adopted devices."""

from dataclasses import replace

import pytest

from alarmd.core import admission, rate_limits
from alarmd.core.event_kinds import EventKind
from alarmd.core.records import Presence, Standing
from alarmd.core.requests import AlarmCleared, DeviceAdopted, DeviceChanged, DeviceForgotten, ZoneRequested
from alarmd.core.settings import UnknownDevices
from tests.playbook import Playbook, frame, heartbeat


def standing(play: Playbook, name: str = "cam1") -> Standing:
    return play.engine.state.sessions[name].device.standing


def test_a_new_device_is_admitted_and_said_so() -> None:
    play = Playbook() << heartbeat()
    assert standing(play) is Standing.ADMITTED
    assert EventKind.DEVICE_NEW in play.kinds


def test_in_quarantine_a_new_device_is_answered_and_recorded() -> None:
    play = Playbook(unknown_devices=UnknownDevices.QUARANTINE) << heartbeat()
    assert (standing(play), len(play.sent)) == (Standing.QUARANTINED, 1)
    play << frame("cam1,MOAL,gate,0,0,0,0,0")
    assert (len(play.alarms), play.told) == (1, [])


def test_where_unknown_devices_are_rejected_they_hear_nothing() -> None:
    play = Playbook(unknown_devices=UnknownDevices.REJECT).adopt("cam1") << heartbeat("cam2")
    assert (play.rejected, play.sent) == (["unknown_device"], [])
    play << heartbeat("cam1")
    assert len(play.sent) == 1


def test_new_names_from_one_address_are_limited() -> None:
    play = Playbook(stranger_rate=1.0, stranger_burst=3.0)
    for number in range(5):
        play << heartbeat(f"new{number}")
    assert play.rejected == ["stranger_rate"]
    play << heartbeat("other", host="198.51.100.1")
    assert play.rejected == []
    play << heartbeat("new0")
    assert play.rejected == [], "a device that is known spends nothing"


def test_buckets_of_strangers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "MAX_ADDRESSES", 10)
    play = Playbook()
    for number in range(30):
        play << heartbeat(f"new{number}", host=f"192.0.2.{number}")
    assert len(play.engine.state.addresses) == 10


def test_strangers_make_room_for_each_other_but_never_at_the_expense_of_adopted_devices() -> None:
    play = Playbook(max_devices=20).adopt("cam1")
    for number in range(10):
        play << heartbeat(f"new{number}")
    assert play.count(EventKind.DEVICE_EVICTED) == 8
    assert sorted(play.engine.state.sessions) == ["cam1", "new8", "new9"]


def test_a_supervised_stranger_or_one_with_an_incident_is_not_evicted() -> None:
    play = Playbook(max_devices=20)
    for _ in range(5):
        play << heartbeat("regular")
        play.later(10)
    play << frame("alarmed,MOAL,x,0,0,0,0,0")
    play << heartbeat("late")
    assert play.rejected == ["table_full"]
    assert play.engine.state.sessions["regular"].presence is Presence.ONLINE


def test_adopted_devices_fill_the_table_and_the_next_is_refused_with_the_fix() -> None:
    play = Playbook(max_devices=2).adopt("cam1", "cam2") << DeviceAdopted("op", "cam3")
    assert (play.refusal.reason, play.refusal.field) == ("table_full", "device")
    assert "max_devices" in play.refusal.message
    play << heartbeat("stranger")
    assert play.rejected == ["table_full"]


def test_all_strangers_together_are_limited_in_what_is_stored_of_them() -> None:
    play = Playbook()
    stored = 0
    for number in range(1200):
        play << frame(f"new{number % 300},LOG,x,0,0,0,0,0", host=f"192.0.2.{number % 250}")
        stored += len(play.sent)
    assert stored == 1000
    assert play.rejected == ["strangers_rate"]
    play.adopt("cam1") << frame("cam1,LOG,x,0,0,0,0,0")
    assert len(play.sent) == 1


def test_adopting_makes_a_device_the_operators_own_before_or_after_it_is_seen() -> None:
    play = Playbook() << heartbeat()
    play << DeviceAdopted("op", "cam1")
    assert standing(play) is Standing.ADOPTED
    play << DeviceAdopted("op", "cam2", "unassigned")
    assert standing(play, "cam2") is Standing.ADOPTED
    play << heartbeat("cam2")
    assert play.engine.state.sessions["cam2"].presence is Presence.ONLINE


@pytest.mark.parametrize("name", ["../x", "*", "@gate", "a b", "x" * 33, ""])
def test_a_name_that_no_device_can_have_is_not_adopted(name: str) -> None:
    play = Playbook() << DeviceAdopted("op", name)
    assert (play.refusal.reason, play.refusal.field) == ("invalid", "device")


def test_a_forgotten_name_is_free_again_and_a_new_device() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play << DeviceForgotten("op", "cam1")
    assert play.answer[0].name == "cam1"
    assert "cam1" not in play.engine.state.sessions
    play << heartbeat()
    assert play.engine.state.sessions["cam1"].device.id == 2
    play << DeviceForgotten("op", "nobody")
    assert play.refusal.reason == "unknown_device"


def test_forgetting_a_lost_device_ends_its_alarm() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play.later(100)
    alarm_id = play.alarms[0].id
    play << DeviceForgotten("op", "cam1")
    assert play.alarms[0].cleared_by == "alarmd"
    play.later(200)
    play << AlarmCleared("op", alarm_id)
    assert play.refusal.reason == "unknown_alarm"


def test_a_device_released_from_quarantine_is_admitted() -> None:
    play = Playbook(unknown_devices=UnknownDevices.QUARANTINE) << heartbeat()
    play << DeviceChanged("op", "cam1", quarantined=False)
    assert standing(play) is Standing.ADMITTED
    play << DeviceChanged("op", "cam1", quarantined=False)
    assert standing(play) is Standing.ADMITTED


def test_strangers_are_known_again_after_a_restart() -> None:
    play = Playbook() << frame("cam1,MOAL,x,0,0,0,0,0")
    play = play.restart()
    assert standing(play) is Standing.ADMITTED
    assert play.engine.state.strangers_alarms == {1}
    assert replace(play.settings) == play.settings


def test_a_device_adopted_again_stays_in_its_zone() -> None:
    play = Playbook() << ZoneRequested("op", "barn", "home")
    play.adopt("cam1", zone="barn").adopt("cam1")
    assert play.engine.state.zones[play.answer[0].zone_id].name == "barn"
    play << DeviceChanged("op", "cam1", quarantined=True)
    play.adopt("cam1")
    assert play.engine.state.zones[play.answer[0].zone_id].name == "barn"


def test_devices_that_cannot_be_evicted_do_not_hide_those_that_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_LOOKED_AT", 2)
    play = Playbook(max_devices=40)
    for _ in range(6):
        for number in range(3):
            play << heartbeat(f"old{number}")
        play.later(10)
    play << heartbeat("idle")
    for number in range(3):
        play.engine.state.strangers.move_to_end(number + 1, last=False)
    for _ in range(2):
        play << heartbeat("new")
    assert "new" in play.engine.state.sessions
    assert "idle" not in play.engine.state.sessions


def test_a_device_put_into_quarantine_is_not_evicted_since_it_would_come_back_out_of_it() -> None:
    play = Playbook(max_devices=20) << heartbeat("evil") << DeviceChanged("op", "evil", quarantined=True)
    for number in range(10):
        play << heartbeat(f"new{number}")
    assert standing(play, "evil") is Standing.QUARANTINED
