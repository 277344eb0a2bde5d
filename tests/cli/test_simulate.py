import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from alarmd.cli import exits
from alarmd.cli import simulate as module
from alarmd.cli.asked import Asked
from alarmd.cli.server_option import read_server, this_machines
from tests.cli.conftest import Alarmd
from tests.device.test_device import closed_port
from tests.running_house import PATIENCE, RunningHouse
from tests.waiting import wait_until


@pytest.fixture
def server(house: RunningHouse) -> tuple[str, ...]:
    return "--server", f"127.0.0.1:{house.udp_port}"


def devices(house: RunningHouse) -> list[str]:
    with house.client() as client:
        return [device["name"] for device in client.get("/devices").json()["devices"]]


def test_devices_are_played_and_summed_up(alarmd: Alarmd, house: RunningHouse, server: tuple[str, ...]) -> None:
    ended = alarmd("simulate", *server, "--devices", "10", "--interval", "1", "--duration", "3", "--motion-every", "1s")
    assert ended.code == exits.OK
    facts = {name: value for name, _, value in (line.partition("  ") for line in ended.out.splitlines())}
    assert facts["devices"].strip() == "10"
    assert int(facts["answered"]) >= 10
    assert facts["alarms"].strip() == facts["alarms stored"].strip() != "0"
    assert facts["answer p99"].endswith("ms")
    assert devices(house) == [f"sim{number:02}" for number in range(1, 11)]


def test_the_summary_is_json_when_asked_for(alarmd: Alarmd, server: tuple[str, ...]) -> None:
    summary = alarmd.fine("simulate", *server, "--devices", "2", "--interval", "1", "--duration", "2", "--json").json
    assert summary["devices"] == 2
    assert summary["answered"] > 0
    assert summary["frames_rejected"] == summary["network_errors"] == 0


def test_the_configured_port_is_the_default(
    alarmd: Alarmd, house: RunningHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALARMD_LFCP_PORT", str(house.udp_port))
    words = ("--devices", "1", "--interval", "1", "--duration", "1.5", "--name", "probe", "--seed", "7")
    assert alarmd("simulate", *words).code == exits.OK
    assert devices(house) == ["probe1"]


def test_without_an_answer_it_fails(alarmd: Alarmd) -> None:
    nobody = f"127.0.0.1:{closed_port()}"
    ended = alarmd("simulate", "--server", nobody, "--devices", "1", "--interval", "1", "--duration", "1.2", "--json")
    assert ended.code == exits.FAILED
    assert ended.json["answered"] == 0
    assert (ended.error["reason"], "is there a server" in ended.error["message"]) == ("no_answer", True)


def test_an_alarm_that_is_not_acknowledged_fails_it(
    alarmd: Alarmd, house: RunningHouse, server: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server answers heartbeats and swallows motion."""
    house.hears = lambda datagram: b",MOAL," not in datagram
    monkeypatch.setattr("alarmd.device.simulator.LAST_CALL", 0.1)
    words = ("--devices", "2", "--interval", "1", "--duration", "2", "--motion-every", "0.2")
    ended = alarmd("simulate", *server, *words)
    assert ended.code == exits.FAILED
    assert "did not acknowledge every alarm" in ended.err


def test_devices_fall_silent_after_they_are_expected() -> None:
    plan = module.Plan(5.0, 60.0, 600.0, 1)
    lost, other = plan.behaviour(0), plan.behaviour(1)
    assert 8 * 5.0 <= lost.silent_after < 20 * 5.0
    assert other.silent_after == float("inf")
    assert (other.interval, other.motion_every, other.restart_every) == (5.0, 60.0, 600.0)


@pytest.mark.parametrize("wanted", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_in_order_when_asked_to(
    alarmd: Alarmd, house: RunningHouse, server: tuple[str, ...], wanted: signal.Signals
) -> None:
    command = [sys.executable, "-m", "alarmd", "simulate", *server, "--devices", "3", "--interval", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: len(devices(house)) == 3, "the devices")
        process.send_signal(wanted)
        out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == exits.OK
    assert "heartbeats" in out


def test_progress_is_told_on_the_way(alarmd: Alarmd, server: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TELL_EVERY", 0.3)
    ended = alarmd("simulate", *server, "--devices", "2", "--interval", "1", "--duration", "2")
    lines = ended.err.splitlines()
    assert len(lines) > 1
    assert all("heartbeats" in line and "0 silent" in line for line in lines)


def test_progress_on_a_terminal_is_one_line(alarmd: Alarmd, server: tuple[str, ...]) -> None:
    ours, theirs = os.openpty()
    words = [*server, "--devices", "2", "--interval", "1", "--duration", "3"]
    command = [sys.executable, "-m", "alarmd", "simulate", *words]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=theirs, check=True, timeout=PATIENCE)
    os.close(theirs)
    told = os.read(ours, 65536).decode()
    os.close(ours)
    assert told.count("\r") > 1
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--server", "here:99999"), "write HOST:PORT"),
        (("--server", "http://here/"), "write HOST:PORT"),
        (("--server", "[::1"), "write HOST:PORT"),
        (("--devices", "0"), "1<=x<="),
        (("--interval", "0.5"), "not from 1 to 86400 seconds"),
        (("--name", "two words"), "a name has 1 to 32"),
    ],
)
def test_wrong_words_are_wrong_usage(alarmd: Alarmd, words: tuple[str, ...], told: str) -> None:
    ended = alarmd("simulate", *words)
    assert ended.code == exits.WRONG_USAGE
    assert told in ended.err


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("here", ("here", 8443, "C")),
        ("192.0.2.1:1234", ("192.0.2.1", 1234, "C")),
        ("B=192.0.2.1", ("192.0.2.1", 8443, "B")),
        ("[2001:db8::1]:1", ("2001:db8::1", 1, "C")),
        ("Z=[2001:db8::1]:1", ("2001:db8::1", 1, "Z")),
    ],
)
def test_a_server_is_read(text: str, meant: tuple[str, int, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALARMD_LFCP_PORT", "1234")
    monkeypatch.setenv("ALARMD_SERVER_LABEL", "C")
    assert read_server(Asked(), text) == meant
    assert this_machines(Asked()) == ("127.0.0.1", 1234, "C")


def a_file(path: Path, *lines: str, mode: int = 0o600) -> str:
    path.write_text("".join(f"{line}\n" for line in lines))
    path.chmod(mode)
    return str(path)


def test_devices_of_a_key_file_sign(
    alarmd: Alarmd, house: RunningHouse, server: tuple[str, ...], tmp_path: Path
) -> None:
    with house.client() as client:
        keys = {name: client.post(f"/devices/{name}/key", json={}).json()["key"] for name in ("gate", "roof")}
    keys_of = a_file(tmp_path / "keys.csv", *(f"{name},{key}" for name, key in keys.items()))
    words = ("--interval", "1", "--duration", "3", "--motion-every", "1s", "--json")
    summary = alarmd.fine("simulate", *server, "--keys", keys_of, *words).json
    assert (summary["devices"], summary["alarms_owed"], summary["frames_rejected"]) == (2, 0, 0)
    assert summary["alarms_stored"] == summary["alarms"] != 0
    with house.client() as client:
        shown = client.get("/devices").json()["devices"]
        assert sorted(device["name"] for device in shown) == ["gate", "roof"]
        assert all(client.get(f"/devices/{name}").json()["live"]["path_proven"] for name in keys)


@pytest.mark.parametrize("words", [("--devices", "3"), ("--name", "cam")])
def test_a_key_file_says_itself_which_devices_there_are(alarmd: Alarmd, tmp_path: Path, words: tuple[str, ...]) -> None:
    ended = alarmd("simulate", "--keys", a_file(tmp_path / "keys.csv"), *words)
    assert ended.code == exits.WRONG_USAGE
    assert "leave --devices and --name away" in ended.err


def test_a_key_file_that_others_may_read_is_refused(alarmd: Alarmd, tmp_path: Path) -> None:
    keys = a_file(tmp_path / "keys.csv", f"cam1,{'A' * 43}", mode=0o640)
    ended = alarmd("simulate", "--keys", keys, "--json")
    assert ended.code == exits.WRONG_USAGE
    assert ended.error["reason"] == "wrong_key_file"
    assert f"chmod 600 {keys}" in ended.error["message"]
    assert "A" * 43 not in ended.err


def test_a_key_file_has_limits(alarmd: Alarmd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_DEVICES", 1)
    keys = a_file(tmp_path / "keys.csv", *(f"cam{number},{'A' * 43}" for number in range(2)))
    ended = alarmd("simulate", "--keys", keys)
    assert ended.code == exits.WRONG_USAGE
    assert "more than 1 devices" in ended.err


def test_a_server_that_cannot_be_reached_at_all_is_told(alarmd: Alarmd) -> None:
    ended = alarmd("simulate", "--server", "no-such-host.invalid", "--duration", "1")
    assert ended.code == exits.FAILED
    assert "cannot send to no-such-host.invalid port 8443" in ended.err
