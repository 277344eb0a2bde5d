"""Sites, zones, schedules, a device's settings, and what people see of them."""

from datetime import tzinfo

import pytest

from alarmd.core import place_requests, views
from alarmd.core.inputs import StorageFailed, StorageRecovered, TurnQuarantined
from alarmd.core.paths import NO_SOCKET, Path
from alarmd.core.records import Arming, Dialect, Presence
from alarmd.core.requests import ArmingRequested, CommandRequested, DeviceChanged, SiteRequested, ZoneRequested
from tests.playbook import Playbook, frame, heartbeat


def test_a_new_installation_is_armed() -> None:
    play = Playbook(time_zone="Europe/Prague")
    (home, unassigned) = views.zones(play.engine.state, play.now)
    assert (home.zone.name, home.armed, home.time_zone) == ("home", True, "Europe/Prague")
    assert (unassigned.zone.name, unassigned.armed) == ("unassigned", True)


def test_a_site_is_made_and_changed() -> None:
    play = Playbook() << SiteRequested("op", "farm", "Europe/Prague")
    made = play.answer[0]
    play << SiteRequested("op", "farm", "Asia/Tokyo")
    assert (play.answer[0].id, play.answer[0].time_zone) == (made.id, "Asia/Tokyo")


def test_a_zone_is_made_armed_and_moved() -> None:
    play = Playbook() << SiteRequested("op", "farm", "Europe/Prague")
    play << ZoneRequested("op", "barn", "home")
    assert play.answer[0].arming is Arming.ARMED
    play << ZoneRequested("op", "barn", "farm")
    assert (play.answer[0].id, play.answer[0].site_id) == (3, 2)


def test_arming_everything_is_one_answer_by_name() -> None:
    play = Playbook() << ArmingRequested("op", "*", Arming.DISARMED)
    assert [zone.name for zone in play.answer] == ["home", "unassigned"]


def test_a_schedule_is_kept_while_the_zone_is_armed_by_hand() -> None:
    play = Playbook() << ArmingRequested("op", "home", Arming.SCHEDULE, "mo 00:00-01:00")
    assert not views.zones(play.engine.state, play.now)[0].armed
    play << ArmingRequested("op", "home", Arming.ARMED)
    assert (play.answer[0].arming, play.answer[0].schedule) == (Arming.ARMED, "mo 00:00-01:00")


@pytest.mark.parametrize(
    ("request_", "reason", "field"),
    [
        (SiteRequested("op", "a b", "UTC"), "invalid", "name"),
        (SiteRequested("op", "farm", "Mars/Olympus"), "invalid", "time_zone"),
        (ZoneRequested("op", "..", "home"), "invalid", "name"),
        (ZoneRequested("op", "barn", "nowhere"), "unknown_site", "site"),
        (ArmingRequested("op", "nowhere", Arming.ARMED), "unknown_zone", "zone"),
        (ArmingRequested("op", "home", Arming.SCHEDULE, "always"), "invalid", "schedule"),
        (DeviceChanged("op", "nobody"), "unknown_device", "device"),
        (DeviceChanged("op", "cam1", zone="nowhere"), "unknown_zone", "zone"),
        (DeviceChanged("op", "cam1", report_within=19.9), "invalid", "report_within"),
        (DeviceChanged("op", "cam1", report_within=1e9), "invalid", "report_within"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(request_: object, reason: str, field: str) -> None:
    play = Playbook().adopt("cam1")
    before = (dict(play.engine.state.zones), play.engine.state.sessions["cam1"].device)
    play << request_  # type: ignore[operator]
    assert (play.refusal.reason, play.refusal.field) == (reason, field)
    assert (play.engine.state.zones, play.engine.state.sessions["cam1"].device) == before


def test_sites_and_zones_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place_requests, "MAX_SITES", 1)
    monkeypatch.setattr(place_requests, "MAX_ZONES", 2)
    play = Playbook() << SiteRequested("op", "farm", "UTC")
    assert play.refusal.reason == "table_full"
    play << ZoneRequested("op", "barn", "home")
    assert play.refusal.reason == "table_full"
    play << SiteRequested("op", "home", "Asia/Tokyo")
    assert play.answer[0].time_zone == "Asia/Tokyo", "changing one needs no room"


def test_a_device_is_shown_with_everything_a_person_asks_for() -> None:
    play = Playbook().adopt("cam1") << DeviceChanged("op", "cam1", dialect=Dialect.LFCP1, report_within=40.0)
    play << frame("cam1,HEARTBEAT,2,10,aa.0,a.0.0,0,0")
    play << CommandRequested("op", "cam1", "TLGS")
    view = views.device(play.engine.state, "cam1", play.now)
    assert view is not None
    assert (view.zone, view.site, view.armed, view.allowed_interval) == ("home", "home", True, 10.0)
    assert (view.pending_commands, view.reported_detector, view.failover_causes) == (1, True, ())
    assert (view.contact.presence, view.contact.last_contact) == (Presence.ONLINE, play.now.wall)
    assert views.device(play.engine.state, "nobody", play.now) is None


def test_devices_are_listed_by_name_and_counted_by_presence() -> None:
    play = Playbook().adopt("cam2", "cam1") << heartbeat("cam1")
    play << heartbeat("stranger")
    assert [view.device.name for view in views.devices(play.engine.state, play.now)] == ["cam1", "cam2", "stranger"]
    assert views.presence_counts(play.engine.state) == {Presence.ONLINE: 1, Presence.NEW: 2}


def test_a_zone_in_failover_mode_names_its_causes() -> None:
    play = Playbook().adopt("cam1", "cam2") << heartbeat("cam1")
    play.later(100)
    assert views.zones(play.engine.state, play.now)[0].failover_causes == ("cam1",)
    view = views.device(play.engine.state, "cam2", play.now)
    assert view is not None
    assert view.failover_causes == ("cam1",)


def test_what_happens_to_storage_is_an_event() -> None:
    play = Playbook()
    for happened, kind in (
        (StorageFailed("disk full"), "storage_failed"),
        (StorageRecovered(), "storage_recovered"),
        (TurnQuarantined("refused"), "turn_quarantined"),
    ):
        play << happened
        assert play.kinds == [kind]


@pytest.mark.parametrize("path", [Path("udp", "192.0.2.1", 4000, 7), Path("tcp", "2001:db8::1", 1, 7)])
def test_a_path_that_was_written_down_is_read_back(path: Path) -> None:
    assert Path.parse(str(path)) == path._replace(socket=NO_SOCKET)


@pytest.mark.parametrize("text", ["", "udp:x", "icmp:1.2.3.4:5", "udp::5", "udp:1.2.3.4:x"])
def test_what_is_no_path_is_none(text: str) -> None:
    assert Path.parse(text) is None


def test_a_machine_that_lost_its_time_zones_takes_a_scheduled_zone_for_armed() -> None:
    play = Playbook().adopt("cam1") << ArmingRequested("op", "home", Arming.SCHEDULE, "mo 10:00-11:00")
    state = play.engine.state
    state.time_zone = dict[str, tzinfo]().__getitem__
    play << frame("cam1,MOAL,gate,0,0,0,0,0")
    assert [delivery.subject for delivery in play.told] == ["raised"]


def test_schedules_of_the_past_are_not_kept() -> None:
    play = Playbook().adopt("cam1")
    for hour in range(10, 20):
        play << ArmingRequested("op", "home", Arming.SCHEDULE, f"mo {hour}:00-23:00")
        play << frame("cam1,MOAL,gate,0,0,0,0,0")
    assert len(play.engine.state.spans) == 1


def test_a_schedule_is_bounded() -> None:
    play = Playbook() << ArmingRequested("op", "home", Arming.SCHEDULE, "mo," * 400 + "mo 10:00-11:00")
    assert (play.refusal.field, "at most" in play.refusal.message) == ("schedule", True)
