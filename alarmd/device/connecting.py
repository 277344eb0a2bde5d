"""An operator's machine that connects with one device: it proves its path to its servers, asks one after the other for
the device, and holds the session until somebody ends it."""

import asyncio
import math
import random
import secrets
from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple

from alarmd.device.conversation import Conversation
from alarmd.device.loopback import Loopback
from alarmd.device.meetings import Meetings, Service
from alarmd.device.simulator import Server
from lfcp import Report
from lfcp.candidates import Address
from lfcp.client import (
    ClientEvent,
    ClientSession,
    ConnectionAccepted,
    ConnectionRefused,
    DeviceMemory,
    HeartbeatAcknowledged,
    Invited,
    SessionOver,
)
from lfcp.client.punching_steps import Over, PathChanged
from lfcp.constants import HEARTBEAT_INTERVAL_MS, RendezvousReason

INTERVAL = HEARTBEAT_INTERVAL_MS / 1000  # s; a ladder is not worth its sockets here
PATIENCE = 15.0  # s for a session: heartbeats and requests are repeated for 7 s each
UNPROVEN_AGAIN = 0.5  # s; who was elsewhere before is believed to be here after REBINDING_MS
ASKED = 0  # the role of who did
BIRTHDAY = "b"
NO_OPTIONS = "-"


class How(Enum):
    STOPPED = auto()
    SILENT = auto()  # no server answered a heartbeat
    UNANSWERED = auto()  # a server did, and said nothing of the session
    REFUSED = auto()
    OVER = auto()  # the session was, not by us


class Ended(NamedTuple):
    """reason: of a refusal, or why a session is over; a code. server: the label of who said so."""

    how: How
    reason: str = ""
    server: str = ""


class Operator(NamedTuple):
    """Who asks. servers: asked in the order in which they answer."""

    name: str
    key: bytes
    servers: tuple[Server, ...]

    def __repr__(self) -> str:
        """The key is secret."""
        return f"Operator({self.name!r}, …)"


class Wanted(NamedTuple):
    """port: UDP port at the device; 0: its LFCP. birthday: hundreds of sockets may be tried for a direct path."""

    device: str
    port: int = 0
    birthday: bool = False


class Connecting:
    """The door of its machine, too. local: gets what comes from the device, and is closed with the session. taken:
    hears of every path that is, and of the s since a server was first asked; what it raises ends run(), which raises
    it. Raises what the memory raises."""

    def __init__(
        self,
        wanted: Wanted,
        operator: Operator,
        memory: DeviceMemory,
        local: Loopback,
        taken: Callable[[PathChanged, float], None],
    ) -> None:
        self._wanted = wanted
        self._local = local
        self._taken = taken
        servers = {server.label: (server.host, server.port) for server in operator.servers}
        report = Report(boot_id=secrets.token_hex(8), probing=True)
        self._session = ClientSession(
            operator.name,
            tuple(servers),
            INTERVAL,
            random.random,
            report=report,
            commands=(),
            key=operator.key,
            memory=memory,
        )
        self._conversation = Conversation(
            self._session, servers, self._heard, lambda: None, self._tunnelled, self._may_renew
        )
        self._meetings = Meetings(self._session, self._conversation, self)
        self._untried = set(servers)
        self._answered: list[str] = []  # labels of the servers that did, the first one first
        self._asking = False  # one server, which has not refused
        self._asked_at = math.inf  # the first one; on the loop's clock
        self._meant: tuple[str, int] | None = None  # the session, by its server
        self._refusal: Ended | None = None
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[Ended] = self._loop.create_future()

    async def run(self, stop: asyncio.Event) -> Ended:
        """Until the session is over, or somebody sets `stop`. Raises OSError for a server whose name is not known."""
        await self._conversation.line.open()
        tasks = [asyncio.create_task(work) for work in (stop.wait(), self._conversation.run(), self._patience())]
        stopping, talking, _ = tasks
        try:
            await asyncio.wait((stopping, talking, self._ended), return_when=asyncio.FIRST_COMPLETED)
            if talking.done():
                await talking
            return self._ended.result() if self._ended.done() else Ended(How.STOPPED)
        finally:
            await self._meetings.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._conversation.close()

    async def admit(self, invited: Invited) -> Service | RendezvousReason:
        """Only what was asked for; this machine is met by nobody."""
        place = invited.server, invited.session
        if invited.role != ASKED or invited.name != self._wanted.device or self._meant not in (None, place):
            return RendezvousReason.REFUSED
        self._meant = place
        return self._local

    def told(self, step: PathChanged | Over) -> None:
        if isinstance(step, PathChanged):
            self._tell(step)
        else:
            self._end(Ended(How.OVER, step.reason))

    def _tell(self, path: PathChanged) -> None:
        try:
            self._taken(path, self._loop.time() - self._asked_at)
        except Exception as defect:  # where it would come through depends on who heard of the path
            if not self._ended.done():
                self._ended.set_exception(defect)

    def _may_renew(self) -> bool:
        return not self._meetings.need_lfcp_socket

    async def _tunnelled(self, source: Address, datagram: bytes) -> None:
        await self._meetings.receive(source, datagram)

    async def _patience(self) -> None:
        await asyncio.sleep(PATIENCE)
        if self._meant is None:
            self._end(self._refusal or Ended(How.UNANSWERED if self._answered else How.SILENT))

    def _heard(self, event: ClientEvent) -> None:
        match event:
            case HeartbeatAcknowledged(server=server):
                if server not in self._answered:
                    self._answered.append(server)
                self._ask()
            case ConnectionAccepted(server=server, session=session):
                self._meant = server, session
            case ConnectionRefused(server=server, reason=RendezvousReason.UNPROVEN):
                self._refusal = Ended(How.REFUSED, RendezvousReason.UNPROVEN, server)
                asyncio.get_running_loop().call_later(UNPROVEN_AGAIN, self._connect, server)
            case ConnectionRefused(server=server, reason=reason):
                self._refused(Ended(How.REFUSED, reason, server))
            case SessionOver(server=server, session=session, reason=reason) if self._meant == (server, session):
                self._end(Ended(How.OVER if reason == RendezvousReason.ENDED else How.REFUSED, reason, server))
        self._meetings.take(event)

    def _ask(self) -> None:
        """One server at a time."""
        nearest = next((label for label in self._answered if label in self._untried), None)
        if self._asking or nearest is None:
            return
        self._asking = True
        self._asked_at = min(self._asked_at, self._loop.time())
        self._untried.discard(nearest)
        self._connect(nearest)

    def _connect(self, server: str) -> None:
        options = BIRTHDAY if self._wanted.birthday else NO_OPTIONS
        self._session.connect(server, self._wanted.device, self._wanted.port, options)
        self._conversation.hurry()

    def _refused(self, refusal: Ended) -> None:
        """Another server may know better: it hears the device, or has its key."""
        self._refusal = refusal
        self._asking = False
        self._ask()
        if not (self._asking or self._untried):
            self._end(self._refusal)

    def _end(self, ended: Ended) -> None:
        if not self._ended.done():
            self._ended.set_result(ended)
