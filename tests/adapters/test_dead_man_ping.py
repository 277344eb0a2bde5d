"""The dead man's ping, against a real HTTP server that keeps what it is told."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from structlog.testing import capture_logs

from alarmd.adapters import dead_man_ping
from alarmd.adapters.dead_man_ping import MAX_REASON, DeadManPing
from tests.fakes.http_server import FakeHandler, http_server


@dataclass
class Monitor:
    """What was said to it; `status` is its answer, `holds` keeps it from answering at all."""

    url: str = ""
    status: int = 200
    heard: list[tuple[str, str, str]] = field(default_factory=list)  # method, path, body
    holds: threading.Event | None = None

    def handler(self) -> type[FakeHandler]:
        monitor = self

        class Handler(FakeHandler):
            def do_GET(self) -> None:  # noqa: N802  http.server's
                self.answer("")

            def do_POST(self) -> None:  # noqa: N802
                self.answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

            def answer(self, body: str) -> None:
                if monitor.holds is not None:
                    monitor.holds.wait()
                    return
                monitor.heard.append((self.command, self.path, body))
                self.send_response(monitor.status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"OK")

        return Handler


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    made = Monitor()
    with http_server(made.handler(), lambda: made.holds.set() if made.holds else None) as url:
        made.url = f"{url}/ping/a-secret"
        yield made


class Server:
    def __init__(self, monitor: Monitor) -> None:
        self.fault = ""
        self.ping = DeadManPing(monitor.url, 60, self._fault)

    async def _fault(self) -> str:
        return self.fault

    async def says(self) -> bool:
        async with httpx.AsyncClient() as client:
            return await self.ping.ping(client)


async def test_a_server_that_is_well_says_so(monitor: Monitor) -> None:
    assert await Server(monitor).says()
    assert monitor.heard == [("GET", "/ping/a-secret", "")]


async def test_a_server_that_cannot_do_its_job_says_why_in_place_of_it(monitor: Monitor) -> None:
    server = Server(monitor)
    server.fault = "commits fail"
    assert await server.says()
    assert monitor.heard == [("POST", "/ping/a-secret/fail", "commits fail")]


async def test_a_long_reason_is_cut(monitor: Monitor) -> None:
    server = Server(monitor)
    server.fault = "x" * (MAX_REASON + 1)
    await server.says()
    assert monitor.heard[0][2] == "x" * MAX_REASON


async def test_a_refusal_and_the_end_of_it_are_logged_once_without_the_url(monitor: Monitor) -> None:
    server = Server(monitor)
    monitor.status = 404
    with capture_logs() as logs:
        assert not await server.says()
        assert not await server.says()
        monitor.status = 200
        assert await server.says()
        assert await server.says()
    assert [line["log_level"] for line in logs] == ["warning", "info"]
    assert logs[0]["reason"] == "it answers 404"
    assert "a-secret" not in str(logs)


async def test_nobody_there_is_no_reason_to_fail(monitor: Monitor) -> None:
    server = Server(monitor)
    server.ping = DeadManPing("http://127.0.0.1:9/a-secret", 60, server._fault)
    with capture_logs() as logs:
        assert not await server.says()
    assert logs[0]["reason"] == "ConnectError"
    assert "a-secret" not in str(logs)


async def test_a_monitor_that_does_not_answer_is_given_up(monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_man_ping, "PATIENCE", 0.2)
    monitor.holds = threading.Event()
    with capture_logs() as logs:
        assert not await Server(monitor).says()
    assert "Time" in logs[0]["reason"]


async def test_pings_are_sent_again_and_again_and_the_failed_ones_sooner(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        monitor.status = 200
        if len(pauses) == 3:
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", pause)
    monitor.status = 503
    with pytest.raises(asyncio.CancelledError):
        await Server(monitor).ping.run()
    assert pauses == [dead_man_ping.RETRY, 60, 60]
    assert len(monitor.heard) == 3
