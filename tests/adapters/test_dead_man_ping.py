"""The dead man's ping, against a real HTTP server that keeps what it is told."""

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from structlog.testing import capture_logs

from alarmd.adapters import dead_man_ping
from alarmd.adapters.dead_man_ping import MAX_REASON, DeadManPing
from tests.fakes.receiver import Receiver, Reply, receiver

PATH = "/ping/a-secret"


@pytest.fixture
def monitor() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def heard(monitor: Receiver) -> list[tuple[str, str]]:
    return [(request.path, request.body.decode()) for request in monitor.received]


class Server:
    def __init__(self, url: str) -> None:
        self.fault = ""
        self.ping = DeadManPing(url, 60, self._fault)

    @classmethod
    def watched_by(cls, monitor: Receiver) -> "Server":
        return cls(f"http://{urlsplit(monitor.url).netloc}{PATH}")

    async def _fault(self) -> str:
        return self.fault

    async def says(self) -> bool:
        async with httpx.AsyncClient() as client:
            return await self.ping.ping(client)


async def test_a_server_that_is_well_says_so(monitor: Receiver) -> None:
    assert await Server.watched_by(monitor).says()
    assert heard(monitor) == [(PATH, "")]


async def test_a_server_that_cannot_do_its_job_says_why_in_place_of_it(monitor: Receiver) -> None:
    server = Server.watched_by(monitor)
    server.fault = "commits fail"
    assert await server.says()
    assert heard(monitor) == [(f"{PATH}/fail", "commits fail")]


async def test_a_long_reason_is_cut(monitor: Receiver) -> None:
    server = Server.watched_by(monitor)
    server.fault = "x" * (MAX_REASON + 1)
    await server.says()
    assert heard(monitor) == [(f"{PATH}/fail", "x" * MAX_REASON)]


async def test_a_refusal_and_the_end_of_it_are_logged_once_without_the_url(monitor: Receiver) -> None:
    server = Server.watched_by(monitor)
    monitor.reply = lambda _request: Reply(404)
    with capture_logs() as logs:
        assert not await server.says()
        assert not await server.says()
        monitor.reply = lambda _request: Reply()
        assert await server.says()
        assert await server.says()
    assert [line["log_level"] for line in logs] == ["warning", "info"]
    assert logs[0]["reason"] == "it answers 404"
    assert "a-secret" not in str(logs)


async def test_nobody_there_is_no_reason_to_fail() -> None:
    with capture_logs() as logs:
        assert not await Server("http://127.0.0.1:9/a-secret").says()
    assert logs[0]["reason"] == "ConnectError"
    assert "a-secret" not in str(logs)


async def test_a_monitor_that_does_not_answer_is_given_up(monitor: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_man_ping, "PATIENCE", 0.2)
    monitor.reply = lambda _request: Reply(hang=True)
    with capture_logs() as logs:
        assert not await Server.watched_by(monitor).says()
    assert "Time" in logs[0]["reason"]


async def test_pings_are_sent_again_and_again_and_the_failed_ones_sooner(
    monitor: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        monitor.reply = lambda _request: Reply()
        if len(pauses) == 3:
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", pause)
    monitor.reply = lambda _request: Reply(503)
    with pytest.raises(asyncio.CancelledError):
        await Server.watched_by(monitor).ping.run()
    assert pauses == [dead_man_ping.RETRY, 60, 60]
    assert heard(monitor) == [(PATH, "")] * 3
