"""Nothing is wrong: two servers are as one, for devices in C and in Python, and for the operator."""

import signal
from contextlib import ExitStack
from pathlib import Path

from lfcp.authenticator import key_from_text
from tests.firmware.running_device import Camera, RunningDevice
from tests.machine_server import MachineServer
from tests.pair.cameras import c_device, python_device
from tests.pair.pair import LABELS, Pair
from tests.pair.reckoning import all_told, logs_alike
from tests.pair.storm import storm
from tests.waiting import wait_until

CAMERAS = {"cam1", "cam2", "cam3"}


def test_two_servers_are_as_one(house: Pair, lfcp_device: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        (tmp_path / "plain").mkdir()
        camera = Camera(tmp_path / "plain", "one.jpg")
        plain = c_device(house, stack, lfcp_device, tmp_path / "plain", "--name", "cam1", *camera.options)
        key = tmp_path / "cam2.key"
        house.a.command("device", "add", "cam2", "--key-file", str(key))
        python_key = key_from_text(house.b.told("device", "add", "cam3")["key"])
        for server in (house.a, house.b):
            wait_until(lambda server=server: {"cam2", "cam3"} <= devices(server), "the keys at both servers")  # type: ignore[misc]
        keyed = ("--name", "cam2", "--key-file", str(key), "--state", "state")
        signed = c_device(house, stack, lfcp_device, tmp_path / "signed", *keyed)
        python = stack.enter_context(python_device(house, "cam3", python_key))
        for label in LABELS.values():
            plain.wait_for(f"answered {label}")
            signed.wait_for(f"answered {label}", 2)  # the challenge, and what proves that it lives
        wait_until(lambda: python.answered_by == set(LABELS.values()), "answers to the device in Python")
        for device in (plain, signed):
            device.order("motion gate")
        python.motion("gate")
        an_alarm_is_told_once(house)
        for label in LABELS.values():
            plain.wait_for(f"stored {label} MOAL")
            signed.wait_for(f"stored {label} MOAL")
        wait_until(lambda: python.stored_by == set(LABELS.values()), "the ACKs to the device in Python")
        it_is_acknowledged_at_either(house)
        a_command_is_obeyed_once(house, plain, camera)
        a_planned_stop_is_no_alarm(house)
        logs_alike(house)
        assert signed.said("dropped") == 0, signed.lines


def devices(server: MachineServer) -> set[str]:
    return {one["name"] for one in server.ask_api("/devices")["devices"]}


def an_alarm_is_told_once(house: Pair) -> None:
    with storm(house):
        pass
    assert all_told(house, "nothing wrong").twice == 0
    wait_until(lambda: {one.device for one in house.operator.about("motion")} >= CAMERAS, "the cameras' alarms")


def it_is_acknowledged_at_either(house: Pair) -> None:
    (alarm,) = house.b.ask_api("/alarms", device="cam2")["alarms"]
    house.b.tell_api(f"/alarms/{alarm['id']}/acknowledge")
    wait_until(
        lambda: house.a.ask_api("/alarms", device="cam2")["alarms"][0]["state"] == "acknowledged",
        "the acknowledgement at the other server",
    )
    wait_until(lambda: house.operator.about("motion", "acknowledged"), "the acknowledgement to be told")
    told = [(one.device, one.subject) for one in house.operator.messages]
    assert len(set(told)) == len(told)


def a_command_is_obeyed_once(house: Pair, plain: RunningDevice, camera: Camera) -> None:
    """Also by a device without a key, which would do twice what it is told twice."""
    runs = len(camera.runs)
    (queued,) = house.b.tell_api("/commands", target="cam1", verb="TLGS")["commands"]
    for server in (house.a, house.b):
        wait_until(
            lambda server=server: server.ask_api(f"/commands/{queued['id']}")["state"] == "acked",  # type: ignore[misc]
            "the outcome at both",
        )
    assert plain.said("done TLGS") == 1
    assert len(camera.runs) == runs + 1


def a_planned_stop_is_no_alarm(house: Pair) -> None:
    assert house.a.stop(signal.SIGTERM) == 0
    wait_until(lambda: house.b.ask_api("/peer")["standing"] == "left", "the goodbye")
    house.fleet.motion("cam4")
    wait_until(lambda: [one for one in house.operator.about("motion") if one.device == "cam4"], "the survivor's voice")
    house.a.start()
    wait_until(house.met, "the next meeting")
    assert house.operator.about("peer_lost") == []
    assert house.b.happened("peer_left") == 1
