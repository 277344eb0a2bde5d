"""lfcp-device finds out what its NAT does, and opens another socket where one is deaf."""

from pathlib import Path

import pytest

from lfcp import Verb
from tests.firmware.running_device import KEY, NAME, RunningDevice, running, signed
from tests.firmware.signing_server import SigningServer, signing_server

FIXED = ("--interval", "20")


def state_of(server: SigningServer) -> str:
    return server.of(Verb.HEARTBEAT)[-1].message.params[3]


def sockets_of(device: RunningDevice) -> int:
    folder = Path(f"/proc/{device.process.pid}/fd")
    return sum(str(each.readlink()).startswith("socket:") for each in folder.iterdir())


def test_the_ladder_is_climbed_from_sockets_of_its_own_and_sets_the_interval(
    lfcp_device: Path, tmp_path: Path, server: SigningServer
) -> None:
    with running(lfcp_device, tmp_path, *signed(tmp_path, server, "--ladder", "1,2")) as device:
        server.until(lambda: device.said("interval"), "a life")
        assert device.lines[-2:] == ["life 2", "interval 15"]
        assert sockets_of(device) == 1
        keeps = server.of(Verb.KEEP)
        ports = {each.address[1] for each in keeps}
        assert len(ports) == 4
        assert server.of(Verb.HEARTBEAT)[0].address[1] not in ports
        for port in ports:
            delays = [each.message.params[0] for each in keeps if each.address[1] == port]
            assert delays in (["0", "0", "0", "1000"], ["0", "0", "0", "2000"])


def test_a_device_with_a_fixed_interval_keeps_it_and_reports_the_life(
    lfcp_device: Path, tmp_path: Path, server: SigningServer
) -> None:
    options = signed(tmp_path, server, "--interval", "1", "--ladder", "1")
    with running(lfcp_device, tmp_path, *options) as device:
        server.until(lambda: device.said("interval 1"), "a life")
        server.until(lambda: state_of(server).endswith(".u1"), "a report of it")
        assert server.of(Verb.HEARTBEAT)[-1].message.params[1] == "1"


def test_without_a_ladder_of_its_own_it_climbs_none(lfcp_device: Path, tmp_path: Path, server: SigningServer) -> None:
    with running(lfcp_device, tmp_path, *signed(tmp_path, server, "--interval", "1")):
        server.until(lambda: len(server.of(Verb.HEARTBEAT)) > 3, "some heartbeats")
        assert not server.of(Verb.KEEP)
        assert state_of(server).endswith(".u0")


@pytest.mark.parametrize(("step", "mapping"), [(0, "e"), (3, "s"), (100, "h")])
def test_what_two_servers_see_tells_the_mapping(
    lfcp_device: Path, tmp_path: Path, server: SigningServer, step: int, mapping: str
) -> None:
    with signing_server(NAME, KEY, "B") as other:
        other.port_step = step
        options = (*signed(tmp_path, server, "--interval", "1"), *other.option)
        with running(lfcp_device, tmp_path, *options) as device:
            server.until(server.proven, "a proof of life")
            other.until(lambda: device.said("mapping"), "a mapping")
            assert device.said(f"mapping {mapping}") == 1
            server.until(lambda: state_of(server).endswith(f".{mapping}0"), "a report of it")


def test_a_probe_is_answered_from_the_main_socket(lfcp_device: Path, tmp_path: Path, server: SigningServer) -> None:
    with running(lfcp_device, tmp_path, *signed(tmp_path, server, *FIXED)):
        server.until(server.proven, "a proof of life")
        assert "k" in state_of(server).partition(".")[0]
        counter = server.probe()
        server.until(lambda: server.of(Verb.ACK), "an answer")
        ack = server.of(Verb.ACK)[0]
        assert ack.message.params[:4] == (counter, "0", "0", "0")
        assert ack.address == server.of(Verb.HEARTBEAT)[0].address


def test_heartbeats_without_an_answer_bring_another_socket(
    lfcp_device: Path, tmp_path: Path, server: SigningServer
) -> None:
    with running(lfcp_device, tmp_path, *signed(tmp_path, server, "--interval", "1")) as device:
        server.until(server.proven, "a proof of life")
        before = server.captured[-1].address
        server.silent = True
        server.until(lambda: server.captured[-1].address != before, "another port")
        assert device.said("another socket") >= 1
        server.silent = False
        answered = device.said("answered")
        server.until(lambda: device.said("answered") > answered, "an answer")
