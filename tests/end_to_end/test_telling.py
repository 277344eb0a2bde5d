"""Alarms as they reach a destination: over real HTTP, from a real server that also dies."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.receiver import Receiver, Reply, receiver
from tests.serving import Served, served
from tests.waiting import wait_until

MOTION = b"cam1,MOAL,gate,0,0,0,0,0"
SECRET = "the receiver and we know it"


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def configured(hook: Receiver) -> dict[str, str]:
    return {
        "ALARMS_DESTINATIONS": "log,hook",
        "DESTINATIONS_HOOK_KIND": "webhook",
        "DESTINATIONS_HOOK_URL": hook.url,
        "DESTINATIONS_HOOK_SECRET": SECRET,
    }


def subjects(hook: Receiver) -> list[str]:
    return [json.loads(request.body)["subject"] for request in hook.received]


def test_an_alarm_and_what_becomes_of_it_reach_a_webhook_in_order(tmp_path: Path, hook: Receiver) -> None:
    with served(tmp_path, **configured(hook)) as server:
        server.ask(MOTION)
        server.command("alarms", "ack", "1")
        server.command("alarms", "clear", "1")
        wait_until(lambda: len(hook.received) == 3, "the messages")
        assert server.stop() == 0
        assert SECRET not in server.log_text()
        assert "in-the-url" not in server.log_text()
    assert subjects(hook) == ["raised", "acknowledged", "cleared"]


def test_a_server_killed_between_sending_and_confirming_sends_the_same_key_again(
    tmp_path: Path, hook: Receiver
) -> None:
    hook.reply = lambda _request: Reply(hang=len(hook.received) == 1)
    with served(tmp_path, **configured(hook)) as server:
        server.ask(MOTION)
        wait_until(lambda: hook.received, "the first attempt")
        server.stop(signal.SIGKILL)
        server.start()
        wait_until(lambda: len(hook.received) == 2, "the second attempt")
        wait_until(lambda: server.told("status")["outbox"]["pending"] == 0, "the confirmation")
        server.stop()
    assert len({request.headers["Idempotency-Key"] for request in hook.received}) == 1
    assert [json.loads(request.body)["attempt"] for request in hook.received] == [1, 2]


def test_a_webhook_that_never_answers_delays_neither_an_ack_nor_the_log(tmp_path: Path, hook: Receiver) -> None:
    hook.reply = lambda _request: Reply(hang=True)
    with served(tmp_path, **configured(hook)) as server:
        told_to_log(server, 1)
        for number in range(2, 20):
            assert server.ask(f"cam{number},MOAL,gate,0,0,0,0,0".encode()) == f"cam{number},ACK,0,0,0,0,0,0".encode()
        wait_until(lambda: len(server.logged("alarm")) == 19, "the log")
        assert not server.logged("a delivery failed in an unforeseen way")


def told_to_log(server: Served, number: int) -> None:
    server.ask(f"cam{number},MOAL,gate,0,0,0,0,0".encode())
    wait_until(lambda: server.logged("alarm"), "the log")


def test_a_configuration_is_shown_without_its_secrets(tmp_path: Path, hook: Receiver) -> None:
    with served(tmp_path, **configured(hook)) as server:
        shown = server.command("check-config")
        assert f"Alarms are told to hook: webhook at {hook.url.partition('/alarms')[0]}\n" in shown
        assert "Alarms are told to log: the server's own log\n" in shown
        assert "in-the-url" not in shown
        assert SECRET not in shown


def test_nobody_told_is_said(tmp_path: Path) -> None:
    with served(tmp_path, ALARMS_DESTINATIONS="") as server:
        assert "Alarms are told to nobody" in server.command("check-config")
