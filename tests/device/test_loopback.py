"""The ends of a tunnel on loopback, with real sockets."""

import asyncio
import socket
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from alarmd.device.loopback import LOOPBACK, Loopback
from lfcp.constants import TUNNEL_BODY
from tests.waiting import until


@pytest.fixture
def programs() -> Iterator[list[socket.socket]]:
    """Two local programs."""
    made = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for one in made:
        one.bind((LOOPBACK, 0))
        one.setblocking(False)
    yield made
    for one in made:
        one.close()


class Heard:
    def __init__(self) -> None:
        self.datagrams: list[bytes] = []

    async def __call__(self, datagram: bytes) -> None:
        self.datagrams.append(datagram)


async def receive(program: socket.socket) -> bytes:
    return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(program, 2000), 30)


async def test_who_spoke_last_gets_the_answers(programs: list[socket.socket]) -> None:
    heard, local = Heard(), await Loopback.listen(0)
    running = asyncio.create_task(local.run(heard))
    await local.give(b"before anybody spoke")
    for number, program in enumerate(programs):
        program.sendto(b"question %d" % number, (LOOPBACK, local.port))
        await until(lambda wanted=number: len(heard.datagrams) > wanted)  # type: ignore[misc]
        await local.give(b"answer %d" % number)
        assert await receive(program) == b"answer %d" % number
    assert heard.datagrams == [b"question 0", b"question 1"]
    local.close()
    await running


async def test_a_service_is_reached_and_nobody_else_is_heard(programs: list[socket.socket]) -> None:
    service, stranger = programs
    heard, local = Heard(), await Loopback.towards(service.getsockname()[1])
    running = asyncio.create_task(local.run(heard))
    await local.give(b"question")
    assert await receive(service) == b"question"
    stranger.sendto(b"mine", (LOOPBACK, local.port))
    service.sendto(b"answer", (LOOPBACK, local.port))
    await until(lambda: heard.datagrams)
    assert heard.datagrams == [b"answer"]
    local.close()
    await running


async def test_a_service_that_is_away_breaks_nothing(programs: list[socket.socket]) -> None:
    service, _ = programs
    heard, local = Heard(), await Loopback.towards(service.getsockname()[1])
    address = service.getsockname()
    service.close()
    running = asyncio.create_task(local.run(heard))
    for _ in range(3):
        await local.give(b"anybody?")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as back:
        back.bind(address)
        back.sendto(b"here", (LOOPBACK, local.port))
        await until(lambda: heard.datagrams)
    local.close()
    await running


async def test_what_no_tunnel_carries_is_dropped_and_told_once(programs: list[socket.socket]) -> None:
    heard, local = Heard(), await Loopback.listen(0)
    running = asyncio.create_task(local.run(heard))
    with capture_logs() as logs:
        for length in (TUNNEL_BODY + 1, TUNNEL_BODY + 2, TUNNEL_BODY):
            programs[0].sendto(bytes(length), (LOOPBACK, local.port))
        await until(lambda: heard.datagrams)
    assert (heard.datagrams, local.too_long) == ([bytes(TUNNEL_BODY)], 2)
    assert [(entry["bytes"], entry["limit"]) for entry in logs] == [(TUNNEL_BODY + 1, TUNNEL_BODY)]
    local.close()
    await running


async def test_a_port_that_is_taken_cannot_be_listened_on() -> None:
    local = await Loopback.listen(0)
    with pytest.raises(OSError, match="in use"):
        await Loopback.listen(local.port)
    local.close()
