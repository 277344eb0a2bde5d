"""Two servers in processes of their own become a pair by the command line, and a drill goes through both."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alarmd.cli import exits
from tests.serving import LOOPBACK, Served, alarmd, served
from tests.waiting import wait_until


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind((LOOPBACK, 0))
        port: int = trial.getsockname()[1]
        return port


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Served, Served]]:
    """Servers A and B, which have met."""
    listening = {"PAIR_ADDRESSES": LOOPBACK, "PAIR_PORT": str(free_port())}
    directories = tmp_path / "a", tmp_path / "b"
    for directory in directories:
        directory.mkdir()
    invited = alarmd(directories[0], "peer", "init", "--address", LOOPBACK, **listening)
    assert invited.returncode == 0, invited.stderr
    joined = alarmd(directories[1], "peer", "join", invited.stdout.strip(), SERVER_LABEL="B")
    assert joined.returncode == 0, joined.stderr
    with served(directories[0], **listening) as a, served(directories[1], SERVER_LABEL="B") as b:
        wait_until(lambda: {peer(a)["standing"], peer(b)["standing"]} == {"met"}, "the meeting")
        yield a, b


def peer(server: Served) -> Any:
    return json.loads(server.get("/api/v1/peer"))


def drill(server: Served) -> tuple[int, list[dict[str, Any]]]:
    """The exit code and the steps."""
    places = "--lfcp", f"{LOOPBACK}:{server.lfcp_port}"
    done = server.try_command("drill", "--json", *places)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_a_drill_at_either_server_goes_through_both_and_says_who_is_missing(pair: tuple[Served, Served]) -> None:
    a, b = pair
    assert (peer(a)["speaks"], peer(b)["speaks"]) == (True, False)
    assert (peer(b)["address"], peer(b)["lfcp_port"]) == (LOOPBACK, a.lfcp_port)
    for server, other in (pair, (b, a)):
        code, steps = drill(server)
        assert code == exits.OK, steps
        said = {step["name"]: step["said"] for step in steps}
        assert said["its heartbeats are answered"] == "by A and B"
        assert said["its alarm is stored"].startswith("A says ")
        assert said["the alarm is shown"].endswith("at both servers")
        assert json.loads(other.get("/api/v1/alarms"))["alarms"] == []
    assert b.stop() == 0
    wait_until(lambda: peer(a)["standing"] == "left", "the goodbye")
    code, steps = drill(a)
    assert code == exits.FAILED
    assert [step["name"] for step in steps if not step["passed"]] == ["the other server is there"]
    assert steps[-1]["name"] == "it is cleared, and that is told"  # the rest is proved for the one that is left
