"""`alarmd drill` against a real server; where its steps fail is in tests/adapters/test_drill.py."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alarmd.cli import exits
from tests.cli.conftest import Alarmd
from tests.fakes.receiver import Receiver, receiver
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


def drill(server: Served) -> tuple[int, list[dict[str, Any]]]:
    """The exit code and the steps."""
    done = server.try_command("drill", "--json", "--lfcp", f"{LOOPBACK}:{server.lfcp_port}")
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


def test_what_failed_is_the_exit_code(server: Served) -> None:
    done = server.try_command("drill", "--lfcp", f"{LOOPBACK}:9", "--patience", "1")
    assert done.returncode == exits.FAILED
    assert done.stdout.splitlines()[-1] == "The drill FAILED."
    assert server.told("devices")["devices"] == []


def test_a_place_that_is_none_is_wrong_usage(server: Served) -> None:
    done = server.try_command("drill", "--peer", "a b")
    assert (done.returncode, "neither HOST nor HOST:PORT" in done.stderr) == (exits.WRONG_USAGE, True)


def test_without_a_server_there_is_nothing_to_drill(alarmd: Alarmd) -> None:
    assert alarmd("drill").code == exits.NO_SERVER


def test_the_daily_proof_and_the_pings_run_with_the_server(tmp_path: Path, hook: Receiver) -> None:
    url = hook.url.partition("?")[0]
    with served(tmp_path, WATCH_PING_URL=url, WATCH_PING_EVERY="10", WATCH_DAILY_PROOF="00:00") as server:
        wait_until(lambda: bool(hook.received), "the first ping")
        assert url not in server.log_text()
    assert [request.path for request in hook.received] == ["/alarms"]
