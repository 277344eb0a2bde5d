"""Lines of a pair that are cut, one way too, and lines that are bad, under a stream of alarms."""

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.firmware.running_device import Camera
from tests.netlab.relay import Line
from tests.pair.cameras import c_device
from tests.pair.pair import Pair, pair
from tests.pair.reckoning import PEER_LOST, TAKEOVER, all_told, logs_alike, nothing_waits, peer_lost_after
from tests.pair.storm import storm
from tests.waiting import wait_until

pytestmark = pytest.mark.prove

BAD = Line(loss=0.2, delay=0.05, jitter=0.02, duplicates=0.02)
WATCHED = ("cam1", "cam2", "cam3")


def heal(house: Pair) -> None:
    house.lan.heal()
    wait_until(house.met, "the next meeting")
    logs_alike(house)


@pytest.mark.parametrize("cut", ["both ways", "a to b", "b to a"])
def test_without_the_link_each_tells_what_it_hears(house: Pair, cut: str) -> None:
    """Twice beats never: while they cannot know of each other, both speak."""
    with storm(house):
        if cut == "both ways":
            house.lan.cut("a", "b")
        else:
            house.lan.cut_one_way(*cut.split(" to "))
        since = time.monotonic()
    assert all_told(house, f"link cut, {cut}").longest <= TAKEOVER
    assert peer_lost_after(house, since, f"link cut, {cut}") <= PEER_LOST
    nothing_waits(house.a, house.b)
    found = all_told(house, f"link cut, {cut}, once both were heard")
    heal(house)
    healed = all_told(house, f"link cut, {cut}, and healed")
    assert healed.twice == found.twice
    with storm(house, 1):
        pass
    assert all_told(house, f"link cut, {cut}, and afterwards").twice == healed.twice
    for server in (house.a, house.b):
        open_alarms = [one["device"] for one in server.ask_api("/alarms", limit=1000)["alarms"] if one["device"]]
        assert len(open_alarms) == len(set(open_alarms)) == len(house.fleet.alarms)


@pytest.mark.parametrize("deaf", ["a", "b"])
def test_a_server_that_devices_do_not_reach_tells_what_the_other_one_hears(tmp_path: Path, deaf: str) -> None:
    with pair(tmp_path, SUPERVISION_REPORT_WITHIN="20") as house:
        house.fleet.appear(*WATCHED)
        for name in WATCHED:
            wait_until(lambda name=name: _knows(house, name), "the devices")  # type: ignore[misc]
            house.a.tell_api(f"/devices/{name}/adopt")
        with storm(house):
            house.lan.cut(deaf, "devices")
        found = all_told(house, f"{deaf} cut from the devices")
        assert (found.twice, found.longest <= TAKEOVER) == (0, True)
        wait_until(lambda: house.operator.about("path_lost"), "the path's fault to be told")
        assert house.operator.about("contact_lost") == house.operator.about("site_lost") == []
        assert house.operator.about("uplink_lost") == []
        heal(house)
        wait_until(lambda: house.operator.about("path_lost", "cleared"), "the end of the fault to be told")
        assert all_told(house, f"{deaf} cut from the devices, and healed").twice == 0
        assert len(house.operator.about("path_lost")) == 1


def _knows(house: Pair, name: str) -> bool:
    return all(name in {one["name"] for one in server.ask_api("/devices")["devices"]} for server in (house.a, house.b))


@pytest.mark.parametrize("mute", ["a", "b"])
def test_a_server_that_does_not_reach_the_operator_lets_the_other_one_speak(house: Pair, mute: str) -> None:
    with storm(house):
        house.lan.cut(mute, "operator")
    found = all_told(house, f"{mute} cut from the operator")
    assert found.longest <= TAKEOVER
    heal(house)
    assert all_told(house, f"{mute} cut from the operator, and healed").twice == found.twice


def test_a_server_that_nobody_reaches_is_as_good_as_dead(house: Pair) -> None:
    with storm(house):
        for other in ("b", "devices", "operator"):
            house.lan.cut("a", other)
    found = all_told(house, "a cut from everything")
    assert found.longest <= TAKEOVER
    heal(house)
    all_told(house, "a cut from everything, and healed")


def test_bad_lines_lose_no_alarm(tmp_path: Path) -> None:
    with pair(tmp_path, bad={"a": Line(), "b": Line()}) as house:
        for relay in house.lan.relays.values():
            relay.line = BAD
        with storm(house):
            pass
        all_told(house, "loss 20 %, delay 50 ms, reordering and duplicates at both servers")
        for relay in house.lan.relays.values():
            relay.line = Line()
        wait_until(house.met, "the next meeting")
        logs_alike(house)


@pytest.mark.parametrize("deaf", ["a", "b"])
def test_a_command_of_the_server_that_does_not_hear_the_device_is_obeyed_once(
    house: Pair, lfcp_device: Path, tmp_path: Path, deaf: str
) -> None:
    asked, hears = (house.a, house.b) if deaf == "a" else (house.b, house.a)
    house.lan.cut(deaf, "devices")
    with ExitStack() as stack:
        (tmp_path / "plain").mkdir()
        camera = Camera(tmp_path / "plain", "one.jpg")
        device = c_device(house, stack, lfcp_device, tmp_path / "plain", "--name", "cam1", *camera.options)
        wait_until(lambda: _knows(house, "cam1"), "the device at both")
        (queued,) = asked.tell_api("/commands", target="cam1", verb="TLGS")["commands"]
        for server in (asked, hears):
            wait_until(
                lambda server=server: server.ask_api(f"/commands/{queued['id']}")["state"] == "acked",  # type: ignore[misc]
                "the outcome at both",
            )
        heal(house)
        device.wait_for("answered " + asked.settings["SERVER_LABEL"], 2)
        assert device.said("done TLGS") == 1
        assert len(camera.runs) == 1
