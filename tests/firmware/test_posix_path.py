"""lfcp-device finds out what its NAT does, and opens another socket where one is deaf."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lfcp import Verb
from tests.firmware.running_device import KEY, NAME, RunningDevice, key_file, running, signed
from tests.firmware.signing_server import SigningServer, signing_server
from tests.needs import need, need_program

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


@pytest.fixture
def network() -> Iterator[str]:
    """A namespace whose loopback is a network of its own; the command that runs something in it."""
    ip, name = need_program("ip", "iproute2"), f"lfcp-{os.getpid()}"
    made = subprocess.run([ip, "netns", "add", name], capture_output=True, check=False)
    need(made.returncode == 0, "the right to make network namespaces (root)")
    try:
        change(name, "link", "set", "lo", "up")
        change(name, "address", "add", "10.9.0.1/24", "dev", "lo")
        yield name
    finally:
        subprocess.run([ip, "netns", "delete", name], check=True)


def change(network: str, *how: str) -> None:
    subprocess.run(["ip", "-n", network, *how], check=True)


def test_another_address_of_its_own_is_another_network(lfcp_device: Path, tmp_path: Path, network: str) -> None:
    inside = tmp_path / "inside"
    inside.write_text(f'#!/bin/sh\nexec ip netns exec {network} {lfcp_device} "$@"\n')
    inside.chmod(0o700)
    options = ("--name", NAME, "--key-file", str(key_file(tmp_path, KEY)), "--state", str(tmp_path / "state"))
    with running(inside, tmp_path, *options, "--server", "A=10.9.0.9:8443", "--interval", "1") as device:
        device.wait_for("another socket", 6)  # it has looked at the network by then
        assert not device.said("network changed")
        change(network, "address", "add", "10.8.0.1/32", "dev", "lo")
        change(network, "route", "replace", "local", "10.9.0.9", "dev", "lo", "src", "10.8.0.1", "table", "local")
        device.wait_for("network changed")
        again = device.said("another socket")
        device.wait_for("another socket", again + 6)
        assert device.said("network changed") == 1
