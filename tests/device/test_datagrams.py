"""A UDP socket on asyncio-dgram, and the ways in which the network says no."""

import asyncio
from typing import Any

import pytest

from alarmd.device.datagrams import Datagrams, UnconnectedSocket
from tests.device.test_device import closed_port
from tests.waiting import until


async def test_a_datagram_arrives_and_silence_ends_with_nothing() -> None:
    loop = asyncio.get_running_loop()
    server, _ = await loop.create_datagram_endpoint(_Echo, local_addr=("127.0.0.1", 0))
    line = await Datagrams.connect(*server.get_extra_info("sockname"))
    await line.send(b"hello")
    assert await line.receive() == b"hello"
    assert await line.receive(0.01) is None
    line.close()
    server.close()


async def test_a_port_that_is_closed_is_counted_and_later_datagrams_still_leave() -> None:
    loop = asyncio.get_running_loop()
    port = closed_port()
    line = await Datagrams.connect("127.0.0.1", port)

    async def refused() -> None:
        while line.errors < 2:
            await line.send(b"anybody there?")
            await line.receive(0.01)

    await asyncio.wait_for(refused(), 30)
    server, _ = await loop.create_datagram_endpoint(_Echo, local_addr=("127.0.0.1", port))
    await line.send(b"hello")
    assert await line.receive() == b"hello"
    line.close()
    server.close()


async def test_whoever_listens_can_be_cancelled_at_the_moment_a_datagram_arrives() -> None:
    line = await Datagrams.connect("127.0.0.1", closed_port())

    async def listen() -> None:
        while True:
            await line.receive()

    listening = asyncio.create_task(listen())
    queue = line._stream._recvq  # type: ignore[attr-defined]  # the only way to hit that moment every time
    await until(lambda: queue._getters)
    queue.put_nowait((b"x", ("127.0.0.1", 1)))
    listening.cancel()
    done, _ = await asyncio.wait({listening}, timeout=5)
    assert done
    assert listening.cancelled()
    line.close()


class _Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self._transport.sendto(data, address)


async def test_a_closed_socket_gives_nothing_and_does_not_fail() -> None:
    sock = await UnconnectedSocket.open()
    sock.close()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await sock.receive()
