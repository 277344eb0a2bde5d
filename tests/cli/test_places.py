import pytest

from alarmd.cli import exits
from tests.cli.conftest import Alarmd
from tests.running_house import RunningHouse


def zone(alarmd: Alarmd, name: str) -> dict[str, object]:
    zones = alarmd.fine("zones", "--json").json["zones"]
    return next(zone for zone in zones if zone["name"] == name)


def test_a_site_is_made_and_listed(alarmd: Alarmd, house: RunningHouse) -> None:
    made = alarmd.fine("site", "set", "cottage", "--time-zone", "Europe/Prague")
    assert made.out == "Site cottage is in time zone Europe/Prague.\n"
    assert alarmd.fine("sites").out.splitlines()[1].split() == ["cottage", "Europe/Prague"]


def test_places_are_json_when_asked_for(alarmd: Alarmd, house: RunningHouse) -> None:
    site = {"name": "cottage", "time_zone": "Europe/Prague"}
    assert alarmd.fine("site", "set", "cottage", "--time-zone", "Europe/Prague", "--json").json == site
    assert site in alarmd.fine("sites", "--json").json["sites"]
    made = alarmd.fine("zone", "set", "gate", "--site", "cottage", "--json").json
    assert (made["site"], made["time_zone"], made["arming"]) == ("cottage", "Europe/Prague", "armed")


def test_a_wrong_time_zone_is_refused_with_the_field(alarmd: Alarmd, house: RunningHouse) -> None:
    ended = alarmd("site", "set", "cottage", "--time-zone", "Europe/Nowhere", "--json")
    assert ended.code == exits.FAILED
    assert ended.error["field"] == "time_zone"


def test_a_zone_is_made_and_listed(alarmd: Alarmd, house: RunningHouse) -> None:
    assert alarmd.fine("zone", "set", "gate", "--site", "home").out == "Zone gate is at site home.\n"
    headings, gate, *_ = alarmd.fine("zones").out.splitlines()
    assert headings.split()[:2] == ["NAME", "NOW"]
    assert gate.split()[:2] == ["gate", "armed"]


def test_a_zone_is_disarmed_and_armed(alarmd: Alarmd, house: RunningHouse) -> None:
    assert alarmd.fine("disarm", "home").out == "Zone home is disarmed.\n"
    assert zone(alarmd, "home")["arming"] == "disarmed"
    assert alarmd.fine("arm", "home").out == "Zone home is armed.\n"
    assert zone(alarmd, "home")["arming"] == "armed"


def test_every_zone_is_armed_at_once(alarmd: Alarmd, house: RunningHouse) -> None:
    shown = alarmd.fine("disarm", "*", "--json").json
    assert {each["name"]: each["arming"] for each in shown["zones"]} == {"home": "disarmed", "unassigned": "disarmed"}


@pytest.mark.parametrize(("schedule", "now"), [("mo-su 00:00-24:00", "armed"), ("", "armed")])
def test_a_zone_follows_a_schedule(alarmd: Alarmd, house: RunningHouse, schedule: str, now: str) -> None:
    shown = alarmd.fine("arm", "home", "--schedule", schedule).out
    assert shown == f"Zone home is armed by schedule ({schedule or 'always'}, UTC), {now} now.\n"
    assert zone(alarmd, "home")["schedule"] == schedule


def test_arming_keeps_the_schedule_for_another_day(alarmd: Alarmd, house: RunningHouse) -> None:
    alarmd.fine("arm", "home", "--schedule", "mo-fr 22:00-06:00")
    alarmd.fine("arm", "home")
    assert zone(alarmd, "home")["schedule"] == "mo-fr 22:00-06:00"


def test_a_schedule_that_cannot_be_read_is_refused_with_a_right_one(alarmd: Alarmd, house: RunningHouse) -> None:
    ended = alarmd("arm", "home", "--schedule", "nights")
    assert ended.code == exits.FAILED
    assert "mo-fr 22:00-06:00" in ended.err


def test_an_unknown_zone_is_refused(alarmd: Alarmd, house: RunningHouse) -> None:
    ended = alarmd("disarm", "nowhere", "--json")
    assert (ended.code, ended.error["reason"]) == (exits.FAILED, "unknown_zone")
