"""One session on real sockets, both sides in one process; what the server does of it is done here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from asyncio_dgram.aio import DatagramServer, bind

from alarmd.device.datagrams import send_from
from alarmd.device.meeting import Meeting
from alarmd.device.tunnel_sockets import TunnelSockets
from lfcp.candidates import Address, Mapping
from lfcp.client.punching_steps import Invitation, Over, Own, PathChanged
from lfcp.tunnel import is_tunnel
from tests.waiting import until

KEY = bytes(range(32))
SERVER_HOST = "127.0.0.1"


class Server:
    """Answers a KEEP, which here is its counter in 8 bytes, with the address that it came from."""

    def __init__(self, stream: DatagramServer) -> None:
        self.stream = stream
        self.address = Address(*stream.sockname)

    async def run(self) -> None:
        while True:
            keep, source = await self.stream.recv()
            assert isinstance(source, tuple)
            await self.stream.send(keep + str(Address(*source[:2])).encode(), source)


class SideOf:
    """A machine with the socket that LFCP is spoken on. deaf: that one hears no tunnel datagrams."""

    def __init__(self, stream: DatagramServer, server: Server) -> None:
        self.stream = stream
        self.server = server.address
        self.address = Address(*stream.sockname)
        self.deaf = False
        self.taken: list[bytes] = []
        self.paths: list[PathChanged] = []
        self.over: list[str] = []
        self.other: SideOf
        self.keeps = 0

    def invited(self, role: int, options: str = "-") -> None:
        invitation = Invitation(7, KEY, role, self.other.address, Mapping.INDEPENDENT, options)
        own = Own(Mapping.INDEPENDENT, (), self.address)
        self.meeting = Meeting(invitation, own, self, self.take, self.told)

    async def take(self, payload: bytes) -> None:
        self.taken.append(payload)

    def told(self, step: PathChanged | Over) -> None:
        if isinstance(step, Over):
            self.over.append(step.reason)
        else:
            self.paths.append(step)

    async def send(self, address: Address, datagram: bytes, ttl: int | None = None) -> None:
        if address == self.server:
            await self.other.meeting.relayed(datagram)
        else:
            await send_from(self.stream, address, datagram, ttl)

    def keep(self) -> tuple[int, bytes]:
        self.keeps += 1
        return self.keeps, self.keeps.to_bytes(8, "big")

    def heard(self, frame: bytes) -> None:
        host, _, port = frame[8:].decode().rpartition(":")
        saw = self.meeting.server_saw(int.from_bytes(frame[:8], "big"), Address(host, int(port)))
        self.answered = asyncio.create_task(saw)

    async def listen(self) -> None:
        while True:
            datagram, source = await self.stream.recv()
            assert isinstance(source, tuple)
            if is_tunnel(datagram) and not self.deaf:
                await self.meeting.receive(Address(*source[:2]), bytes(datagram))


@asynccontextmanager
async def two_sides(deaf: bool = False) -> AsyncIterator[tuple[SideOf, SideOf]]:
    server = Server(await bind((SERVER_HOST, 0)))
    asking, device = SideOf(await bind((SERVER_HOST, 0)), server), SideOf(await bind((SERVER_HOST, 0)), server)
    asking.other, device.other = device, asking
    for role, side in enumerate((asking, device)):
        side.deaf = deaf
        side.invited(role)
    work = [server.run(), asking.listen(), device.listen(), asking.meeting.run(), device.meeting.run()]
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield asking, device
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for stream in (server.stream, asking.stream, device.stream):
            stream.close()


async def test_what_is_said_arrives_at_once_and_soon_directly() -> None:
    async with two_sides() as (asking, device):
        await asking.meeting.send(b"question")
        assert device.taken == [b"question"]
        await until(lambda: [path.address for path in asking.paths][-1:] == [device.address], "a direct path")
        await until(lambda: [path.address for path in device.paths][-1:] == [asking.address], "a direct path")
        device.taken.clear()
        await asking.meeting.send(b"directly")
        await until(lambda: device.taken == [b"directly"])
        await device.meeting.send(b"back")
        await until(lambda: asking.taken == [b"back"])
    assert asking.paths[-1].round_trip is not None


async def test_where_the_first_sockets_are_of_no_use_others_are_opened() -> None:
    async with two_sides(deaf=True) as (asking, device):
        await until(lambda: any(path.address for path in asking.paths), "a direct path of the second attempt")
        direct = next(path.address for path in asking.paths if path.address)
        assert direct not in (asking.address, device.address)
        assert (asking.keeps, device.keeps) == (1, 1)
        await asking.meeting.send(b"directly")
        await until(lambda: device.taken == [b"directly"])


async def test_who_ends_it_tells_the_other_and_both_are_told() -> None:
    async with two_sides() as (asking, device):
        await until(lambda: asking.paths)
        await asking.meeting.close()
        await until(lambda: device.over)
        await asking.meeting.send(b"too late")
        assert (asking.over, device.over, device.taken) == (["closed"], ["ended"], [])


async def test_a_reason_from_elsewhere_is_told_instead() -> None:
    async with two_sides() as (asking, _):
        await asking.meeting.close("ended by the server")
        assert asking.over == ["ended by the server"]


async def test_without_sockets_the_relay_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = []

    async def none_left(_self: TunnelSockets, number: int) -> tuple[Address, ...]:
        refused.append(number)
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(TunnelSockets, "open", none_left)
    async with two_sides(deaf=True) as (asking, device):
        await until(lambda: refused, "the second attempt")
        await asking.meeting.send(b"over the relay")
        assert device.taken == [b"over the relay"]


async def test_a_session_that_ends_while_its_sockets_are_opened_leaves_none_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    really_open = TunnelSockets.open
    opened: list[TunnelSockets] = []
    ended: list[TunnelSockets] = []

    async def end_meanwhile(sockets: TunnelSockets, number: int) -> tuple[Address, ...]:
        if sockets is device.meeting._sockets:
            await device.meeting.close()
            await until(lambda: sockets in ended, "the end of the session")
            opened.append(sockets)
        return await really_open(sockets, number)

    monkeypatch.setattr(TunnelSockets, "open", end_meanwhile)
    monkeypatch.setattr(TunnelSockets, "close_all", lambda sockets: ended.append(sockets))
    async with two_sides(deaf=True) as (_, device):
        await until(lambda: opened, "the second attempt")
        await until(lambda: not device.meeting._sockets._sockets, "the end of its sockets")
