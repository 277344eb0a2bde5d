"""`alarmd drill` against a real server: the whole way, and what it says where the way ends."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alarmd.cli import exits
from tests.cli.conftest import Alarmd
from tests.fakes.receiver import Receiver, Reply, receiver
from tests.serving import LOOPBACK, Served, served
from tests.waiting import wait_until

HOOK = {
    "ALARMS_DESTINATIONS": "log,hook",
    "DESTINATIONS_HOOK_KIND": "webhook",
    "DESTINATIONS_HOOK_SECRET": "the receiver and we know it",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """For those tests that leave it as it was."""
    with served(tmp_path_factory.mktemp("served")) as made:
        yield made


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def drill(server: Served, *words: str, port: int = 0) -> tuple[int, list[dict[str, Any]]]:
    """The exit code and the steps."""
    where = f"{LOOPBACK}:{port or server.lfcp_port}"
    done = server.try_command("drill", "--json", "--lfcp", where, *words)
    assert done.stderr == ""
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def told(hook: Receiver) -> list[tuple[str, bool]]:
    messages = [json.loads(request.body) for request in hook.received]
    return [(message["subject"], "TEST" in message["alarm"]["text"]) for message in messages]


def test_a_test_alarm_goes_all_the_way_and_leaves_no_device_and_no_alarm(tmp_path: Path, hook: Receiver) -> None:
    with served(tmp_path, **HOOK, DESTINATIONS_HOOK_URL=hook.url) as server:
        code, steps = drill(server)
        assert (code, {step["passed"] for step in steps}) == (exits.OK, {True}), steps
        assert [step["name"] for step in steps][-3:] == [
            "the alarm is told",
            "it is acknowledged, and that is told",
            "it is cleared, and that is told",
        ]
        assert told(hook) == [("raised", True), ("acknowledged", True), ("cleared", True)]
        assert server.told("devices")["devices"] == []
        assert server.told("alarms")["alarms"] == []
        assert drill(server)[0] == exits.OK  # what is left of the first is in nobody's way


def test_people_see_each_step_with_its_time(server: Served) -> None:
    shown = server.command("drill", "--lfcp", f"{LOOPBACK}:{server.lfcp_port}").splitlines()
    assert shown[-1] == "Every step passed."
    assert all(line.startswith("passed") and " s  " in line for line in shown[:-1])


def test_what_a_drill_that_was_killed_left_behind_is_in_nobodys_way(server: Served) -> None:
    server.command("device", "add", "alarmd-drill-a")
    assert drill(server)[0] == exits.OK


def test_a_server_that_devices_do_not_reach_fails_where_they_are_answered(server: Served) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind((LOOPBACK, 0))
        port = nobody.getsockname()[1]
        code, steps = drill(server, "--patience", "3", port=port)
    assert code == exits.FAILED
    assert (steps[-1]["name"], steps[-1]["passed"]) == ("its heartbeats are answered", False)
    assert steps[-1]["said"] == f"no answer from server A at {LOOPBACK} port {port}"
    assert server.told("devices")["devices"] == []


def test_a_place_that_is_none_is_wrong_usage(server: Served) -> None:
    done = server.try_command("drill", "--peer", "a b")
    assert (done.returncode, "neither HOST nor HOST:PORT" in done.stderr) == (exits.WRONG_USAGE, True)


def test_a_destination_that_takes_nothing_fails_by_its_name(tmp_path: Path, hook: Receiver) -> None:
    hook.reply = lambda _request: Reply(403)
    with served(tmp_path, **HOOK, DESTINATIONS_HOOK_URL=hook.url) as server:
        code, steps = drill(server)
        assert code == exits.FAILED
        assert (steps[-1]["name"], steps[-1]["passed"]) == ("the alarm is told", False)
        assert steps[-1]["said"].startswith("hook does not take it: it answers 403")


def test_an_installation_that_tells_nobody_fails(tmp_path: Path) -> None:
    with served(tmp_path, ALARMS_DESTINATIONS="") as server:
        code, steps = drill(server)
    assert code == exits.FAILED
    assert "alarms.destinations" in steps[-1]["said"]


def test_without_a_server_there_is_nothing_to_drill(alarmd: Alarmd) -> None:
    assert alarmd("drill").code == exits.NO_SERVER


def test_the_daily_proof_and_the_pings_run_with_the_server(tmp_path: Path, hook: Receiver) -> None:
    url = hook.url.partition("?")[0]
    with served(tmp_path, WATCH_PING_URL=url, WATCH_PING_EVERY="10", WATCH_DAILY_PROOF="00:00") as server:
        wait_until(lambda: bool(hook.received), "the first ping")
        assert url not in server.log_text()
    assert [request.path for request in hook.received] == ["/alarms"]
