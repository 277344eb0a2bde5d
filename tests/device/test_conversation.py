"""A device with a key on its sockets, against servers that answer when they are told to."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from alarmd.device import lfcp_line
from alarmd.device.device import Device
from alarmd.device.lfcp_line import LfcpLine
from lfcp import Verb, decode, read_report
from lfcp.authenticator import key_from_text
from lfcp.client import ClientEvent, Ladder, VolatileMemory
from tests.protocol.small_server import SmallServer, counter_of
from tests.waiting import until

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
STEPS = (0.1, 0.2)


class Server(asyncio.DatagramProtocol):
    """One on a real socket. silent: it answers nothing."""

    def __init__(self, label: str) -> None:
        self.speaks = SmallServer("cam1", label, KEY)
        self.frames: list[tuple[str, int]] = []
        self.silent = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.port: int = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        frame = data.decode()
        self.frames.append((frame, source[1]))
        verb = decode(data).verb
        if self.silent:
            return
        if verb == Verb.HEARTBEAT:
            self.says(self.speaks.says("ACK", counter_of(frame), "0", f"127.0.0.1:{source[1]}", "170"), source)
        elif verb == Verb.KEEP:
            self._keep(frame, source)

    def says(self, frame: str, source: tuple[str, int]) -> None:
        self.transport.sendto(frame.encode(), source)

    def of(self, verb: Verb) -> list[tuple[str, int]]:
        """Frames and the ports that they came from."""
        return [(frame, port) for frame, port in self.frames if frame.startswith(f"cam1,{verb},")]

    def _keep(self, frame: str, source: tuple[str, int]) -> None:
        def answer() -> None:
            self.says(self.speaks.says("ACK", counter_of(frame), "0", f"127.0.0.1:{source[1]}"), source)

        asyncio.get_running_loop().call_later(int(decode(frame.encode()).params[0]) / 1000, answer)


@pytest.fixture
async def servers() -> AsyncIterator[dict[str, Server]]:
    loop = asyncio.get_running_loop()
    made = {label: Server(label) for label in "AB"}
    for server in made.values():
        await loop.create_datagram_endpoint(lambda server=server: server, local_addr=("127.0.0.1", 0))  # type: ignore[misc]
    yield made
    for server in made.values():
        server.transport.close()


@asynccontextmanager
async def running(
    servers: dict[str, Server], interval: float | None = 1, heard: list[ClientEvent] | None = None
) -> AsyncIterator[Device]:
    at = {label: ("127.0.0.1", server.port) for label, server in servers.items()}
    told = [] if heard is None else heard
    key, memory = key_from_text(KEY), VolatileMemory()
    device = Device("cam1", at, {}, interval, told.append, key=key, memory=memory, ladder=Ladder(STEPS))
    async with device:
        task = asyncio.create_task(device.run())
        yield device
        assert not task.done()
        task.cancel()


def said_last(server: Server) -> Any:
    return read_report(decode(server.of(Verb.HEARTBEAT)[-1][0].encode()))


async def test_both_servers_see_the_same_socket_and_are_told_the_mapping(servers: dict[str, Server]) -> None:
    async with running(servers):
        await until(lambda: all(server.frames and said_last(server).mapping == "e" for server in servers.values()))
    assert {port for server in servers.values() for _, port in server.of(Verb.HEARTBEAT)} == {
        servers["A"].of(Verb.HEARTBEAT)[0][1]
    }
    assert said_last(servers["A"]).probing


async def test_the_ladder_is_climbed_from_sockets_of_its_own(servers: dict[str, Server]) -> None:
    async with running(servers, None) as device:
        await until(
            lambda: sum(",200,0,0,0," in frame for server in servers.values() for frame, _ in server.frames) == 2
        )
        keeps = [port for server in servers.values() for _, port in server.of(Verb.KEEP)]
        assert len(set(keeps)) == 2 * len(STEPS)
        assert set(keeps).isdisjoint(port for _, port in servers["A"].of(Verb.HEARTBEAT))
        await until(lambda: not device._session.ladder_sockets)
        assert device._session.life == 0  # s, whole ones


async def test_a_socket_on_which_nobody_answers_any_more_is_replaced(servers: dict[str, Server]) -> None:
    only = {"A": servers["A"]}
    async with running(only):
        await until(lambda: servers["A"].of(Verb.HEARTBEAT))
        first = servers["A"].of(Verb.HEARTBEAT)[0][1]
        await until(lambda: len(servers["A"].of(Verb.HEARTBEAT)) > 2)
        assert {port for _, port in servers["A"].of(Verb.HEARTBEAT)} == {first}
        servers["A"].silent = True
        await until(lambda: servers["A"].of(Verb.HEARTBEAT)[-1][1] != first)


async def test_another_network_is_told_at_once(servers: dict[str, Server], monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(servers, 3600) as device:
        await until(lambda: all(server.of(Verb.HEARTBEAT) for server in servers.values()))
        monkeypatch.setattr(lfcp_line, "_source_towards", lambda _address: "10.0.0.7")
        device.log("wakes it")
        await until(lambda: all(len(server.of(Verb.HEARTBEAT)) > 1 for server in servers.values()))


async def test_prob_is_answered_at_once(servers: dict[str, Server]) -> None:
    async with running(servers, 3600):
        server = servers["A"]
        await until(lambda: server.of(Verb.HEARTBEAT))
        server.says(server.speaks.says("PROB"), ("127.0.0.1", server.of(Verb.HEARTBEAT)[0][1]))
        await until(lambda: server.of(Verb.ACK))


@pytest.mark.parametrize(("method", "interval", "silent"), [("probe", None, False), ("renew", 1, True)])
async def test_without_sockets_the_device_goes_on(
    servers: dict[str, Server], monkeypatch: pytest.MonkeyPatch, method: str, interval: float | None, silent: bool
) -> None:
    asked = []

    async def none_left(*what: object) -> None:
        asked.append(what)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(LfcpLine, method, none_left)
    servers["A"].silent = silent
    async with running({"A": servers["A"]}, interval) as device:
        await until(lambda: asked)
        device.log("still here")
        await until(lambda: servers["A"].of(Verb.LOG))
