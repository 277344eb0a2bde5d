import asyncio
import csv
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.python.failure import Failure

from alarmd.adapters import operator_answers, operator_port
from alarmd.adapters.addresses import bind, bind_all
from alarmd.adapters.operator_answers import OperatorAnswers
from alarmd.adapters.operator_port import MAX_AT_ONCE, MAX_LINES_WAITING, OperatorPort
from alarmd.adapters.reactor_clock import now
from alarmd.core.operator_lines import MAX_LINE
from alarmd.core.requests import CommandRequested
from alarmd.storage.interface import EventFilter, StorageUnavailableError, StoredEvent
from tests.adapters.parts import Counted
from tests.adapters.peers import connected
from tests.adapters.real_house import RealHouse, real_house
from tests.waiting import until

SECRET = "opensesame"  # not one: a test's


class Port:
    """An operator's port before a real house."""

    def __init__(self, house: RealHouse, reactor: AsyncioSelectorReactor, secret: str) -> None:
        self.house = house
        self.reactor = reactor
        self.counted = Counted()
        self.answers = OperatorAnswers(
            submit=house.runner.submit_request,
            state=house.engine.state,
            read_events=self._read_events,
            now=now,
            secret=secret,
        )
        bound = bind_all(["127.0.0.1"], 0, "operator.port")
        self.port = OperatorPort(bound, self.answers, asyncio.get_running_loop(), self.counted.metrics)
        self.number: int = self.port.addresses[0][1]
        self.port.start(reactor)

    async def _read_events(self, wanted: EventFilter) -> list[StoredEvent]:
        return await asyncio.to_thread(self.house.storage.reader.events, wanted)

    async def ask(self, line: bytes) -> list[str]:
        """One datagram; the records of the first datagram that answers."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as operator:
            operator.setblocking(False)
            operator.connect(("127.0.0.1", self.number))
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(operator, line)
            answer = await asyncio.wait_for(loop.sock_recv(operator, 65_536), 30)
        return answer.decode().removesuffix("\n").split("\n")

    def queued(self) -> list[str]:
        """Names of the devices that have a command waiting."""
        sessions = self.house.engine.state.sessions
        return sorted(name for name, session in sessions.items() if session.commands and len(session.commands))


@asynccontextmanager
async def opened(directory: Path, reactor: AsyncioSelectorReactor, secret: str = "") -> AsyncIterator[Port]:
    async with real_house(directory) as house:
        port = Port(house, reactor, secret)
        try:
            yield port
        finally:
            port.port.stop(reactor)
            port.port.close()


@pytest.fixture
async def port(tmp_path: Path, reactor: AsyncioSelectorReactor) -> AsyncIterator[Port]:
    async with opened(tmp_path, reactor) as port:
        await port.house.adopt("cam1", "cam2")
        await port.house.adopt("gate1", zone="gate")
        yield port


async def test_a_command_is_queued_and_answered_with_its_number_once_it_is_stored(port: Port) -> None:
    assert await port.ask(b"cam1,TLGS") == ["cam1,TLGS,queued,1"]
    stored = port.house.storage.reader.commands(device="cam1")
    assert [(one.command.id, one.command.verb, one.command.requested_by) for one in stored] == [
        (1, "TLGS", "operator's port")
    ]


async def test_all_fields_and_a_line_end_may_be_written_out(port: Port) -> None:
    assert await port.ask(b"cam1,TLGS,0,0,0,0,0,0\r\n") == ["cam1,TLGS,queued,1"]


async def test_a_star_means_every_adopted_device_and_an_at_sign_a_zone(port: Port) -> None:
    port.house.receive("stranger,HEARTBEAT,0,0,0,0,0,0")
    answers = await port.ask(b"*,ENAL")
    assert [line.rsplit(",", 1)[0] for line in answers] == [
        "cam1,ENAL,queued",
        "cam2,ENAL,queued",
        "gate1,ENAL,queued",
    ]
    assert [line.rsplit(",", 1)[0] for line in await port.ask(b"@gate,RST")] == ["gate1,RST,queued"]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"nobody,TLGS", ["nobody", "TLGS", "error", "unknown_device"]),
        (b"@nowhere,TLGS", ["@nowhere", "TLGS", "error", "unknown_zone"]),
        (b"nobody,SHOW", ["nobody", "SHOW", "error", "unknown_device"]),
        (b"@nowhere,LIST", ["@nowhere", "LIST", "error", "unknown_zone"]),
        (b"cam1,TLGC,token,chat", ["cam1", "TLGC", "error", "not_here"]),
        (b"cam1,FLY", ["cam1", "", "error", "unknown_verb"]),
        (b"cam1", ["", "", "error", "malformed"]),
        (b"\x1b[2J,TLGS", ["", "", "error", "malformed"]),
        (b"x" * (MAX_LINE + 1), ["", "", "error", "malformed"]),
    ],
)
async def test_what_cannot_be_done_is_answered_with_a_reason(port: Port, line: bytes, answer: list[str]) -> None:
    (record,) = csv.reader(await port.ask(line))
    assert record[:4] == answer
    assert len(record) == 5
    assert record[4]
    assert port.queued() == []


async def test_devices_are_listed_one_a_line(port: Port) -> None:
    port.house.receive("cam1,HEARTBEAT,0,0,0,0,0,0")
    records = list(csv.reader(await port.ask(b"*,LIST")))
    assert [record[0] for record in records] == ["cam1", "cam2", "gate1"]
    assert records[0][1:3] == ["LIST", "online"]
    assert records[0][4:] == ["udp:192.0.2.1:4000", "home", "armed", "adopted", "0"]
    assert [record[0] for record in csv.reader(await port.ask(b"@gate,LIST"))] == ["gate1"]
    assert [record[0] for record in csv.reader(await port.ask(b"cam2,LIST"))] == ["cam2"]


async def test_one_device_is_shown_one_property_a_line(port: Port) -> None:
    await port.ask(b"cam1,TLGS")
    shown = {record[2]: record[3] for record in csv.reader(await port.ask(b"cam1,SHOW"))}
    assert shown["zone"] == "home"
    assert shown["pending_commands"] == "1"
    assert shown["report_within"] == "90"
    assert shown["wanted_detector"] == ""


async def test_events_are_listed_newest_first(port: Port) -> None:
    port.house.receive("cam1,LOG,=cmd|calc,0,0,0,0,0")
    await port.house.runner.commits.until_idle()
    records = list(csv.reader(await port.ask(b"cam1,EVTS,1")))
    assert [(record[0], record[1], record[3], record[5]) for record in records] == [
        ("cam1", "EVTS", "log", "'=cmd|calc")
    ]
    assert len(await port.ask(b"*,EVTS")) > 3


async def test_a_long_listing_is_cut_and_says_so(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator_answers, "MAX_LISTED", 2)
    assert [line[:14] for line in await port.ask(b"*,LIST")] == ["cam1,LIST,new,", "cam2,LIST,new,", "*,LIST,truncat"]


async def test_a_database_that_is_away_is_an_answer_too(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_wanted: EventFilter) -> list[StoredEvent]:
        raise StorageUnavailableError("the disk is gone")

    monkeypatch.setattr(port.answers, "_read_events", away)
    assert await port.ask(b"*,EVTS") == ["*,EVTS,error,unavailable,the disk is gone"]


async def test_a_defect_is_answered_over_udp_and_over_tcp(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    async def defect(_line: bytes) -> list[str]:
        raise ZeroDivisionError

    monkeypatch.setattr(port.answers, "answer", defect)
    assert (await port.ask(b"cam1,TLGS"))[0].startswith(",,error,defect,")
    async with connected(port.number) as operator:
        operator.send(b"cam1,TLGS\n")
        assert (await operator.line()).startswith(b",,error,defect,")


async def test_a_command_for_a_device_that_was_forgotten_meanwhile_names_its_number(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = await port.house.runner.submit_request(CommandRequested("op", "cam1", "TLGS"))

    async def submit(_request: object) -> tuple[object, ...]:
        return records

    monkeypatch.setattr(port.answers, "_submit", submit)
    port.house.engine.state.by_id.clear()
    assert await port.ask(b"cam1,TLGS") == ["#1,TLGS,queued,1"]


async def test_a_secret_if_one_is_set_must_stand_in_the_eighth_field(
    tmp_path: Path, reactor: AsyncioSelectorReactor
) -> None:
    async with opened(tmp_path, reactor, SECRET) as port:
        await port.house.adopt("cam1")
        for wrong in (b"cam1,TLGS", b"cam1,TLGS,0,0,0,0,0,guess", b"*,LIST"):
            answer = (await port.ask(wrong))[0]
            assert ",error,wrong_secret," in answer
            assert SECRET not in answer
        assert port.queued() == []
        assert await port.ask(f"cam1,TLGS,0,0,0,0,0,{SECRET}".encode()) == ["cam1,TLGS,queued,1"]


async def test_over_tcp_lines_are_answered_in_order_and_lists_end_with_an_empty_line(port: Port) -> None:
    async with connected(port.number) as operator:
        operator.send(b"cam1,TLGS\n*,LIST\ncam2,TLGS\n@gate,TLGS\nnobody,SHOW\n")
        assert await operator.line() == b"cam1,TLGS,queued,1\n"
        assert len(await operator.lines_until_empty()) == 3
        assert await operator.line() == b"cam2,TLGS,queued,2\n"
        assert await operator.lines_until_empty() == ["gate1,TLGS,queued,3"]
        assert (await operator.lines_until_empty())[0].startswith("nobody,SHOW,error,unknown_device,")
        operator.send(b"cam1,RST")
        operator.end()
        assert await operator.rest() == b"cam1,RST,queued,4\n"


async def test_an_operator_who_ends_without_asking_is_closed(port: Port) -> None:
    async with connected(port.number) as operator:
        operator.end()
        assert await operator.rest() == b""


BROWSER = (
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1:8445\r\nOrigin: http://evil.example\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 14\r\n\r\n*,DSAL\r\n*,DSAL\r\n"
)


@pytest.mark.parametrize(
    "request_bytes",
    [BROWSER, BROWSER.replace(b"POST / ", b"POST /,DSAL,"), b"*,DSAL HTTP/1.1\r\n*,DSAL\r\n", b"\r\n*,DSAL\r\n"],
)
async def test_what_a_web_page_makes_a_browser_send_is_not_carried_out(port: Port, request_bytes: bytes) -> None:
    async with connected(port.number) as browser:
        browser.send(request_bytes)
        answer = await browser.rest()
    assert answer.count(b"\n") == 1
    assert b",error," in answer
    assert port.queued() == []
    assert all(one.device.detector_wish is None for one in port.house.engine.state.sessions.values())


async def test_more_lines_than_may_wait_end_the_connection(port: Port) -> None:
    async with connected(port.number) as operator:
        operator.send(b"cam1,SHOW\n" * (MAX_LINES_WAITING + 2))
        await operator.rest()
    assert port.counted.dropped("operator_tcp", "too_many_lines") == 1


async def test_an_operator_who_leaves_in_mid_answer_is_forgotten(port: Port) -> None:
    async with connected(port.number) as operator:
        operator.send(b"*,EVTS\n" * 3)
        await operator.line()
        operator.writer.transport.abort()
    await until(lambda: port.counted.value("alarmd_connections", listener="operator_tcp") == 0)


async def test_datagrams_being_answered_are_bounded(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, may_answer = [], asyncio.Event()

    async def slow(line: bytes) -> list[str]:
        asked.append(line)
        await may_answer.wait()
        return ["answered"]

    monkeypatch.setattr(port.answers, "answer", slow)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as operator:
        for _ in range(MAX_AT_ONCE + 5):
            operator.sendto(b"*,LIST", ("127.0.0.1", port.number))
        await until(lambda: port.counted.dropped("operator_udp", "busy") == 5)
    assert len(asked) == MAX_AT_ONCE
    may_answer.set()


async def test_a_datagram_socket_that_falls_out_of_the_reactor_says_so(
    port: Port, capsys: pytest.CaptureFixture[str]
) -> None:
    sock = bind("127.0.0.1", 0, socket.SOCK_DGRAM)
    datagrams = operator_port.OperatorDatagrams(sock, port.answers, asyncio.get_running_loop(), port.counted.metrics)
    datagrams.connectionLost(Failure(RuntimeError("a defect")))
    assert "taken out of the reactor" in capsys.readouterr().out
    assert datagrams.logPrefix() == "operator_udp"
    datagrams.close_socket()
    datagrams.connectionLost(Failure(RuntimeError("closed")))
    assert capsys.readouterr().out == ""
