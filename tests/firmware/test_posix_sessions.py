"""An operator's machine connects with lfcp-device: a real server, `alarmd connect` as a person runs it, real netcat."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from alarmd.cli import exits
from lfcp import Verb
from tests.end_to_end.connecting import Connected, command_line, connected, operators_key
from tests.end_to_end.test_connect import echo
from tests.firmware.running_device import KEY, NAME, Camera, RunningDevice, run, running, signed
from tests.firmware.signing_server import signing_server
from tests.serving import LOOPBACK, Served, served

ACK = "{},ACK,0,0,0,0,0,0"
ERR = "{},ERR,{},0,0,0,0,0"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("s")) as server:
        yield server


@pytest.fixture(scope="module")
def key(server: Served) -> Path:
    return operators_key(server)


@contextmanager
def device(program: Path, server: Served, directory: Path, name: str, *more: str) -> Iterator[RunningDevice]:
    """Its path is proven, and the server knows whether it lets operators in."""
    file = directory / f"{name}.key"
    server.command("device", "add", name, "--key-file", str(file))
    options = ("--name", name, "--server", f"A={LOOPBACK}:{server.lfcp_port}", "--key-file", str(file))
    with running(program, directory, *options, "--state", str(directory / "state"), *more) as running_device:
        running_device.wait_for("answered A", times=2)
        yield running_device


def reach(connection: Connected, device: RunningDevice, name: str = "anna", port: int = 0) -> None:
    assert connection.wait_for_path("direct")["address"] is not None
    device.wait_for(f"connected {name} {port}")
    device.wait_for("path direct ")


def test_netcat_reaches_the_device_directly(lfcp_device: Path, server: Served, key: Path, tmp_path: Path) -> None:
    camera = Camera(tmp_path, "one.jpg", "two_fails.jpg")
    with (
        device(lfcp_device, server, tmp_path, "c1", *camera.options) as c1,
        connected(command_line(server, "c1", key=key), tmp_path / "home") as connection,
    ):
        reach(connection, c1)
        ack = ACK.format("c1")
        assert connection.say("c1,HEARTBEAT,0,0,0,0,0,0") == ack
        assert connection.say("c1,TLGS") == ack
        assert len(camera.runs) == 1
        failed = connection.say("c1,TLGS\n")
        assert failed.startswith(ack + "c1,ERR,")
        assert connection.say("c1,DSAL") == ack
        c1.wait_for("detector off")
        assert connection.say("c1,CONF,interval,60") == ack
        c1.wait_for("setting interval 60")
        assert connection.say("c1,CONF,zoom,60") == ack + ERR.format("c1", "CONF has a bad parameter")
        assert connection.say("c1,SNAP") == ack + ERR.format("c1", "SNAP has a bad parameter")
        assert connection.say("c2,TLGS") == ""
        assert connection.say("c1,MOAL,gate") == ""
        assert connection.stop() == exits.OK
        c1.wait_for("disconnected")
    paths = [line for line in c1.lines if line.startswith("path")]
    assert paths[-1].startswith(("path direct public ", "path direct host ", "path direct predicted "))


def test_a_restart_is_acknowledged_first_and_ends_the_session(
    lfcp_device: Path, server: Served, key: Path, tmp_path: Path
) -> None:
    with (
        device(lfcp_device, server, tmp_path, "c2") as c2,
        connected(command_line(server, "c2", key=key), tmp_path / "home") as connection,
    ):
        reach(connection, c2)
        assert connection.say("c2,RST") == ACK.format("c2")
        c2.wait_for("restart")
        assert connection.ended() == exits.ENDED
        c2.wait_for("started c2", times=2)


def test_a_service_that_is_allowed_is_reached_and_no_other(
    lfcp_device: Path, server: Served, key: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    with echo() as port, device(lfcp_device, server, tmp_path, "c3", "--allow-udp", str(port)) as c3:
        words = ("c3", "--udp-port", str(port))
        with connected(command_line(server, *words, key=key), home) as connection:
            reach(connection, c3, port=port)
            assert connection.say("twice") == "twicetwice"
        with connected(command_line(server, "c3", "--udp-port", "9", key=key), home) as connection:
            assert connection.ended() == exits.FAILED
            assert connection.error()["reason"] == "not_allowed"


def test_two_operators_are_let_in_at_once(lfcp_device: Path, server: Served, key: Path, tmp_path: Path) -> None:
    other = operators_key(server, "ben")
    with (
        device(lfcp_device, server, tmp_path, "c4") as c4,
        connected(command_line(server, "c4", key=key), tmp_path / "home") as first,
        connected(command_line(server, "c4", key=other, name="ben"), tmp_path / "other") as second,
    ):
        reach(first, c4)
        reach(second, c4, "ben")
        for connection in (first, second):
            assert connection.say("c4,HEARTBEAT") == ACK.format("c4")


def test_it_says_goodbye_when_it_stops(lfcp_device: Path, server: Served, key: Path, tmp_path: Path) -> None:
    with (
        device(lfcp_device, server, tmp_path, "c5") as c5,
        connected(command_line(server, "c5", key=key), tmp_path / "home") as connection,
    ):
        reach(connection, c5)
        assert c5.stop() == 0
        assert connection.ended() == exits.ENDED
        assert "c5 ended it" in connection.error()["message"]


def test_who_lets_nobody_in_says_so(lfcp_device: Path, server: Served, key: Path, tmp_path: Path) -> None:
    with (
        device(lfcp_device, server, tmp_path, "c6", "--no-connect"),
        connected(command_line(server, "c6", key=key), tmp_path / "home") as connection,
    ):
        assert connection.ended() == exits.FAILED
        assert connection.error()["reason"] == "not_able"


@pytest.mark.parametrize(("options", "flags"), [((), "kt"), (("--no-connect",), "k")])
def test_the_report_says_whether_somebody_may_connect(
    lfcp_device: Path, tmp_path: Path, options: tuple[str, ...], flags: str
) -> None:
    with signing_server(NAME, KEY) as hearing, running(lfcp_device, tmp_path, *signed(tmp_path, hearing, *options)):
        hearing.until(hearing.proven, "a proof of life")
        said = hearing.of(Verb.HEARTBEAT)[0].message.params[3].partition(".")[0]
        assert said.lstrip("acfspl") == flags


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--allow-udp", "0"), "1 to 65535"),
        (("--allow-udp", "5004"), "nobody gets in otherwise"),
        (tuple(f"--allow-udp={port}" for port in range(1, 10)), "at most 8"),
    ],
)
def test_a_port_that_cannot_be_reached_is_not_allowed(
    lfcp_device: Path, options: tuple[str, ...], problem: str
) -> None:
    ended = run(lfcp_device, "--name", NAME, "--server", "A=127.0.0.1:1", *options)
    assert ended.returncode == 2
    assert problem in ended.stderr
