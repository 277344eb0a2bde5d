"""What a turn has for the peer."""

from dataclasses import replace

from alarmd.core.effects import DURABLE, DurableEffect, QueueDelivery, SaveAlarm
from alarmd.core.records import Alarm, Camera, Command, Delivery, Device, DeviceKey, Event, Site, Told, Zone
from alarmd.core.requests import (
    CameraChanged,
    CommandRequested,
    DeviceChanged,
    DeviceForgotten,
    SiteRequested,
    ZoneRequested,
)
from alarmd.core.settings import Pair
from alarmd.core.told import told_of
from tests.playbook import Playbook, frame, heartbeat

MOTION = frame("cam1,MOAL,gate,0,0,0,0,0")


def durable(play: Playbook) -> list[DurableEffect]:
    return [effect for effect in play.effects if isinstance(effect, DURABLE)]


def told(play: Playbook) -> list[Told]:
    return told_of(play.engine.state, durable(play))


def paired() -> Playbook:
    return Playbook(pair=Pair("B", "A"))


def test_an_alarm_goes_with_its_events_and_messages_by_name_in_the_order_in_which_they_were_made() -> None:
    play = paired().adopt("cam1") << MOTION
    found = [(type(one.record), one.device, one.zone) for one in told(play)]
    assert found == [
        (Alarm, "cam1", "home"),
        (Event, "cam1", "home"),
        (Delivery, None, None),
        (Event, "cam1", "home"),
    ]


def test_every_kind_goes_by_the_names_of_what_it_is_about() -> None:
    play = paired() << SiteRequested("op", "barn", "UTC")
    assert [(type(one.record), one.site) for one in told(play)] == [(Site, None), (Event, None)]
    play << ZoneRequested("op", "stable", "barn")
    assert [(type(one.record), one.site, one.zone) for one in told(play)] == [
        (Zone, "barn", None),
        (Event, None, "stable"),
    ]
    play.give_key("cam1", bytes(32))
    assert {(type(one.record), one.device, one.zone) for one in told(play)} == {
        (Device, None, "home"),
        (Event, "cam1", "home"),
        (DeviceKey, "cam1", None),
    }
    play << CameraChanged("op", "cam1", every=60)
    assert (Camera, "cam1") in [(type(one.record), one.device) for one in told(play)]
    play << CommandRequested("op", "cam1", "TLGS")
    assert (Command, "cam1") in [(type(one.record), one.device) for one in told(play)]


def test_what_comes_with_an_installation_is_each_servers_own() -> None:
    assert {type(one.record) for one in told(paired())} == {Event}


def test_whereabouts_and_messages_with_a_file_stay_here() -> None:
    play = paired().adopt("cam1") << heartbeat()
    assert told(play) == []
    play << MOTION
    (queued,) = [effect for effect in durable(play) if isinstance(effect, QueueDelivery)]
    with_file = QueueDelivery(replace(queued.delivery, attachment="cam1/1.jpg"))
    assert told_of(play.engine.state, [with_file]) == []


def test_what_the_peer_made_is_not_told_back() -> None:
    play = paired().adopt("cam1") << MOTION
    (alarm,) = play.alarms
    assert told_of(play.engine.state, [SaveAlarm(replace(alarm, origin="B"))]) == []


def test_a_device_that_was_forgotten_has_its_name_in_its_last_turn_and_for_a_while() -> None:
    play = paired().adopt("cam1") << MOTION
    (alarm,) = play.alarms
    play << DeviceChanged("op", "cam1", report_within=60.0) << DeviceForgotten("op", "cam1")
    assert {one.device for one in told(play) if isinstance(one.record, Event | Alarm)} == {"cam1"}
    assert told_of(play.engine.state, [SaveAlarm(alarm)]) == [Told(alarm, device="cam1", zone="home")]
    assert told_of(play.engine.state, [SaveAlarm(replace(alarm, device_id=99))])[0].device is None
