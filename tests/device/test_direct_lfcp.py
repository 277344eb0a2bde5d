"""Commands that come directly, and who is let in."""

import asyncio
from typing import Any

import pytest

from alarmd.device.answering import Answering
from alarmd.device.direct_lfcp import MAX_WAITING, DirectLfcp
from alarmd.device.loopback import Loopback
from lfcp import Verb
from lfcp.candidates import Address, Mapping
from lfcp.client import Invited
from lfcp.constants import RendezvousReason
from tests.waiting import until

ACK = b"cam1,ACK,0,0,0,0,0,0"


class Camera:
    """done: what it obeyed, in order, and what it said. failure: of the next ones."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.failure: str | None = None
        self.lfcp = DirectLfcp("cam1", self.obey)

    async def obey(self, verb: Verb, _params: tuple[str, ...]) -> str | None:
        self.done.append(verb)
        return self.failure

    async def say(self, frame: bytes) -> None:
        self.done.append(frame)

    async def hear(self, *frames: bytes, count: int) -> list[Any]:
        """What it did until that were so many things."""
        for frame in frames:
            await self.lfcp.give(frame)
        running = asyncio.create_task(self.lfcp.run(self.say))
        await until(lambda: len(self.done) >= count)
        running.cancel()
        self.lfcp.close()
        return self.done


async def test_a_command_is_obeyed_then_acknowledged() -> None:
    assert await Camera().hear(b"cam1,TLGS\n", count=2) == [Verb.TLGS, ACK]


async def test_a_restart_is_acknowledged_first() -> None:
    assert await Camera().hear(b"cam1,RST,0,0,0,0,0,0", count=2) == [ACK, Verb.RST]


async def test_a_failure_is_told_after_its_ack_in_words_fit_for_a_frame() -> None:
    camera = Camera()
    camera.failure = "no film, sorry"
    assert await camera.hear(b"cam1,TLGS", count=3) == [Verb.TLGS, ACK, b"cam1,ERR,no film; sorry,0,0,0,0,0"]


async def test_what_is_no_frame_for_this_camera_is_not_answered() -> None:
    frames = (b"", b"cam1", b"cam2,TLGS", b"cam1,NONE", b"\xff\xff", b"cam1,ACK,0,0,0,0,0,0", b"cam1,HEARTBEAT")
    assert await Camera().hear(*frames, count=1) == [ACK]


async def test_too_many_that_wait_are_dropped() -> None:
    camera = Camera()
    done = await camera.hear(*[b"cam1,HEARTBEAT"] * (MAX_WAITING + 5), count=MAX_WAITING)
    assert done == [ACK] * MAX_WAITING


def invited(port: int, role: int = 1) -> Invited:
    return Invited("A", 7, bytes(32), role, Address("192.0.2.1", 9), Mapping.HARD, port, "-", 0.0, "anna")


@pytest.mark.parametrize(
    ("invitation", "reason"),
    [(invited(5004), RendezvousReason.NOT_ALLOWED), (invited(0, role=0), RendezvousReason.REFUSED)],
)
async def test_who_wants_what_is_not_allowed_is_refused(invitation: Invited, reason: RendezvousReason) -> None:
    assert await Answering("cam1", (5005,), Camera().obey).admit(invitation) is reason


async def test_its_lfcp_and_its_allowed_ports_are_open() -> None:
    door = Answering("cam1", (5005,), Camera().obey)
    assert isinstance(await door.admit(invited(0)), DirectLfcp)
    service = await door.admit(invited(5005))
    assert isinstance(service, Loopback)
    service.close()
