"""Sessions that begin and end at awkward moments."""

import asyncio
from typing import cast

from alarmd.device.conversation import Conversation
from alarmd.device.meetings import Meetings, Say
from lfcp.candidates import Address, Mapping
from lfcp.client import ClientSession, Invited
from lfcp.client.punching_steps import Over, PathChanged

INVITED = Invited("A", 7, bytes(32), 1, Address("192.0.2.1", 4000), Mapping.UNKNOWN, 0, "-", 0.0, "anna")


class SlowDoor:
    """Lets somebody in when it is told to. A service, too."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.open = asyncio.Event()
        self.closed = False

    async def admit(self, _invited: Invited) -> "SlowDoor":
        self.asked.set()
        await self.open.wait()
        return self

    async def give(self, _payload: bytes) -> None: ...

    async def run(self, _say: Say) -> None: ...

    def close(self) -> None:
        self.closed = True

    def told(self, _step: PathChanged | Over) -> None: ...


async def test_who_is_being_let_in_while_the_program_ends_does_not_keep_it() -> None:
    door, nobody = SlowDoor(), object()  # a session would be asked for nothing
    meetings = Meetings(cast(ClientSession, nobody), cast(Conversation, nobody), door)
    meetings.take(INVITED)
    await door.asked.wait()
    closing = asyncio.create_task(meetings.close())
    await asyncio.sleep(0)
    door.open.set()
    await asyncio.wait_for(closing, 30)
    assert door.closed
