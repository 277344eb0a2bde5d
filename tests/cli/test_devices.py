from typing import Any

import pytest

from alarmd.cli import exits
from tests.cli.conftest import Alarmd
from tests.running_house import RunningHouse

HEARTBEAT = "cam1,HEARTBEAT,0,0,0,0,0,0"


def names(alarmd: Alarmd) -> list[str]:
    return [device["name"] for device in alarmd.fine("devices", "--json").json["devices"]]


def row_of(alarmd: Alarmd, name: str) -> str:
    return next(line for line in alarmd.fine("devices").out.splitlines() if line.startswith(name))


def test_without_devices_it_says_how_one_is_met(alarmd: Alarmd, house: RunningHouse) -> None:
    ended = alarmd("devices")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == "No devices yet. A new one is met by this rule: admit.\n"


def test_devices_are_listed_in_columns(alarmd: Alarmd, house: RunningHouse) -> None:
    house.frame(HEARTBEAT)
    alarmd.fine("device", "adopt", "cellar-of-the-house")
    headings, first, second = alarmd.fine("devices").out.splitlines()
    assert headings.split()[:3] == ["NAME", "PRESENCE", "STANDING"]
    assert headings.index("PRESENCE") == first.index("new") == second.index("never seen")
    assert "udp 192.0.2.1" in first or "192.0.2.1" in first


def test_every_page_of_devices_is_listed(alarmd: Alarmd, house: RunningHouse) -> None:
    with house.client() as client:
        for number in range(501):
            client.post(f"/devices/cam{number:03}/adopt", json={})
    assert len(names(alarmd)) == 501


def test_an_adopted_device_is_in_its_zone(alarmd: Alarmd, house: RunningHouse) -> None:
    alarmd.fine("zone", "set", "gate", "--site", "home")
    shown = alarmd.fine("device", "adopt", "cam1", "--zone", "gate", "--json").json
    assert (shown["standing"], shown["zone"]) == ("adopted", "gate")


@pytest.mark.parametrize(
    ("setting", "field", "value"),
    [
        ("dialect=seed", "dialect", "seed"),
        ("report_within=60", "report_within", 60.0),
        ("report_within=5m", "report_within", 300.0),
        ("zone=unassigned", "zone", "unassigned"),
        ("arming_answers=on", "arming_answers", True),
        ("arming_answers=No", "arming_answers", False),
        ("quarantined=yes", "standing", "quarantined"),
    ],
)
def test_a_setting_is_changed(alarmd: Alarmd, house: RunningHouse, setting: str, field: str, value: Any) -> None:
    house.frame(HEARTBEAT)
    alarmd.fine("device", "set", "cam1", setting)
    assert alarmd.fine("device", "show", "cam1", "--json").json[field] == value


def test_a_device_is_muted_and_told_of_again(alarmd: Alarmd, house: RunningHouse) -> None:
    house.frame(HEARTBEAT)
    assert "muted until" in alarmd.fine("device", "set", "cam1", "muted=1h").out
    assert alarmd.fine("device", "show", "cam1", "--json").json["muted_until"] is not None
    alarmd.fine("device", "set", "cam1", "muted=0")
    assert alarmd.fine("device", "show", "cam1", "--json").json["muted_until"] is None


def test_who_has_a_key_may_sign_always_or_while_it_migrates(alarmd: Alarmd, house: RunningHouse) -> None:
    alarmd.fine("device", "add", "cam1")
    for signing in ("mixed", "signed"):
        alarmd.fine("device", "set", "cam1", f"signing={signing}")
        assert alarmd.fine("device", "show", "cam1", "--json").json["signing"] == signing
    alarmd.fine("device", "adopt", "cam2")
    ended = alarmd("device", "set", "cam2", "signing=signed")
    assert (ended.code, "`alarmd device add cam2`" in ended.err) == (exits.FAILED, True)


def test_several_settings_are_changed_together(alarmd: Alarmd, house: RunningHouse) -> None:
    house.frame(HEARTBEAT)
    shown = alarmd.fine("device", "set", "cam1", "dialect=seed", "report_within=2m", "quarantined=off").out
    assert "dialect" in shown
    assert "120 s" in shown


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("zome=gate", "did you mean zone=?"),
        ("colour=red", "write one of zone, dialect, report_within, arming_answers, quarantined, signing, muted"),
        ("zone", "'zone' is no setting"),
        ("dialect=french", "write auto, lfcp1, seed"),
        ("report_within=long", "write 90, 90s"),
        ("arming_answers=perhaps", "write on or off"),
        ("signing=perhaps", "write mixed or signed"),
    ],
)
def test_a_wrong_setting_is_wrong_usage(alarmd: Alarmd, house: RunningHouse, setting: str, words: str) -> None:
    ended = alarmd("device", "set", "cam1", setting)
    assert ended.code == exits.WRONG_USAGE
    assert words in ended.err


def test_a_setting_out_of_its_limits_is_refused_by_the_server_with_the_limit(
    alarmd: Alarmd, house: RunningHouse
) -> None:
    house.frame(HEARTBEAT)
    ended = alarmd("device", "set", "cam1", "report_within=5", "--json")
    assert ended.code == exits.FAILED
    assert (ended.error["reason"], ended.error["field"]) == ("invalid", "report_within")
    assert "20" in ended.error["message"]


def test_a_device_is_shown_with_what_the_server_knows_of_it(alarmd: Alarmd, house: RunningHouse) -> None:
    house.frame(HEARTBEAT)
    alarmd.fine("device", "adopt", "cam1")
    alarmd.fine("send", "cam1", "ENAL")
    alarmd.fine("device", "set", "cam1", "dialect=lfcp1")
    facts = dict(line.split("  ", 1) for line in alarmd.fine("device", "show", "cam1").out.splitlines())
    assert facts["detector wished"].strip() == "on"
    assert facts["commands waiting"].strip() == "1"
    row = row_of(alarmd, "cam1")
    assert "dialect lfcp1, commands waiting: 1" in row


def test_an_unknown_device_is_named_with_the_fix(alarmd: Alarmd, house: RunningHouse) -> None:
    ended = alarmd("device", "show", "cam9")
    assert ended.code == exits.FAILED
    assert ended.err == "alarmd: no device 'cam9'; `alarmd devices` lists them\n"


def test_a_name_cannot_leave_its_place_in_the_path(alarmd: Alarmd, house: RunningHouse) -> None:
    ended = alarmd("device", "forget", "../zones/home", "--yes")
    assert ended.code == exits.FAILED
    assert [zone["name"] for zone in alarmd.fine("zones", "--json").json["zones"]] == ["home", "unassigned"]


def test_a_forgotten_device_is_gone(alarmd: Alarmd, house: RunningHouse) -> None:
    house.frame(HEARTBEAT)
    assert alarmd.fine("device", "forget", "cam1").out == "cam1 is forgotten.\n"
    assert names(alarmd) == []
    house.frame(HEARTBEAT)
    assert alarmd.fine("device", "forget", "cam1", "--json").json == {"forgotten": "cam1"}


def test_who_asked_is_in_the_history(alarmd: Alarmd, house: RunningHouse) -> None:
    alarmd.fine("device", "adopt", "cam1")
    (event,) = alarmd.fine("events", "--kind", "device_adopted", "--json").json["events"]
    assert event["text"] == "into zone home by anna"


def test_habits_of_the_2020_camera_are_noted(alarmd: Alarmd, house: RunningHouse) -> None:
    for _ in range(20):
        house.frame("cam1,,HEARTBEAT,,0,,0,,0,,0,,0,,0")
        house.frame("cam1,HEARTBEAT,,0,,0,,0,,0,,0,,0")
    assert "dialect seed suggested" in row_of(alarmd, "cam1")
    assert "dialect=seed" in alarmd.fine("device", "show", "cam1").out
