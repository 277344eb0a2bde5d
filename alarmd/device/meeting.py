"""One session of a rendezvous as one side carries it out: lfcp.client.punching has the rules, the sockets are here."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from time import monotonic
from typing import Protocol

import structlog

from alarmd.device.tunnel_sockets import TunnelSockets
from lfcp.candidates import Address
from lfcp.client.punching import Punching
from lfcp.client.punching_steps import (
    LFCP_SOCKET,
    AskAddress,
    CloseSockets,
    Invitation,
    OpenSockets,
    Over,
    Own,
    PathChanged,
    Payload,
    Relay,
    Send,
    Step,
)
from lfcp.tunnel import is_tunnel

LONGEST_NAP = 60.0  # s without a look at the clock
MAX_ASKED = 32  # KEEPs without an answer that are remembered

_log = structlog.get_logger(__name__)


class Wire(Protocol):
    """What a session has of the LFCP of its machine. server: where the session's is."""

    @property
    def server(self) -> Address: ...

    async def send(self, address: Address, datagram: bytes, ttl: int | None = None) -> None:
        """From the socket that LFCP is spoken on."""

    def keep(self) -> tuple[int, bytes]:
        """A KEEP with delay 0: its counter and its frame."""

    def heard(self, frame: bytes) -> None:
        """What the server answered at another socket."""


class Meeting:
    """take: gets what the other side sent, in any order; what it raises is as if fail() were told. told: hears of the
    path, whenever it or its round trip is another, and at last why the session is over. Belongs to the loop; run() is
    its life."""

    def __init__(
        self,
        invitation: Invitation,
        own: Own,
        wire: Wire,
        take: Callable[[bytes], Awaitable[None]],
        told: Callable[[PathChanged | Over], None],
    ) -> None:
        self._punching = Punching(invitation, own, random.random, monotonic())
        self._wire = wire
        self._take = take
        self._told = told
        self._sockets = TunnelSockets(self._heard)
        self._asked: dict[int, int] = {}  # by the counter of a KEEP, the socket that it left from
        self._sooner = asyncio.Event()
        self._why: str | None = None
        self._defect: Exception | None = None
        self._path = self._punching.path  # the last that was told, but for this one: nothing is known yet

    @property
    def needs_lfcp_socket(self) -> bool:
        """As lfcp.client.punching has it."""
        return self._punching.needs_lfcp_socket

    async def run(self) -> None:
        """Until it is over. Raises what fail() was told."""
        try:
            await self._do(self._punching.poll(monotonic()))
            while not self._punching.over:
                await self._nap()
                if self._defect is not None:
                    await self.close()
                    raise self._defect
                await self._do(self._punching.poll(monotonic()))
        finally:
            self._sockets.close_all()

    def fail(self, defect: Exception) -> None:
        """What the session is for is broken: it ends, and the other side is told."""
        self._defect = defect
        self._sooner.set()

    async def receive(self, source: Address, datagram: bytes) -> None:
        """A tunnel datagram that came directly to the socket that LFCP is spoken on."""
        await self._do(self._punching.receive(LFCP_SOCKET, source, datagram, monotonic()))

    async def relayed(self, datagram: bytes) -> None:
        await self._do(self._punching.relayed(datagram, monotonic()))

    async def server_saw(self, counter: int, address: Address) -> None:
        """The answer to a KEEP; it may be somebody else's."""
        asked = self._asked.pop(counter, None)
        if asked is not None:
            await self._do(self._punching.server_saw(asked, address, monotonic()))

    async def send(self, payload: bytes) -> None:
        """At most TUNNEL_BODY bytes."""
        await self._do(self._punching.send(payload, monotonic()))

    async def close(self, why: str | None = None) -> None:
        """The other side is told; run() ends. why: the reason to be told here, if it is another than `closed`."""
        self._why = why
        await self._do(self._punching.close(monotonic()))

    async def _nap(self) -> None:
        self._sooner.clear()
        seconds = min(max(self._punching.next_wakeup() - monotonic(), 0.0), LONGEST_NAP)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._sooner.wait()

    async def _heard(self, socket: int, source: Address, datagram: bytes) -> None:
        """On a socket that was opened for the session, where the server answers KEEP too."""
        if is_tunnel(datagram):
            await self._do(self._punching.receive(socket, source, datagram, monotonic()))
        elif source == self._wire.server:
            self._wire.heard(datagram)

    async def _do(self, steps: Iterable[Step]) -> None:
        for step in steps:
            await self._carry_out(step)
        if self._path != self._punching.path:
            self._path = self._punching.path
            self._told(self._path)
        self._sooner.set()

    async def _carry_out(self, step: Step) -> None:
        match step:
            case Send(socket, address, datagram, ttl):
                await self._send(socket, address, datagram, ttl)
            case Relay(datagram):
                await self._wire.send(self._wire.server, datagram)
            case Payload(body):
                await self._give(body)
            case OpenSockets(sockets):
                for number in sockets:
                    await self._open(number)
            case CloseSockets(sockets):
                self._sockets.close(sockets)
            case AskAddress(socket):
                await self._ask(socket)
            case Over(reason):
                self._told(Over(self._why or reason))

    async def _give(self, body: bytes) -> None:
        try:
            await self._take(body)
        except Exception as defect:  # whoever else is heard on this socket must not suffer from it
            self.fail(defect)

    async def _send(self, socket: int, address: Address, datagram: bytes, ttl: int | None = None) -> None:
        if socket == LFCP_SOCKET:
            await self._wire.send(address, datagram, ttl)
        else:
            await self._sockets.send(socket, address, datagram, ttl)

    async def _open(self, number: int) -> None:
        try:
            addresses = await self._sockets.open(number)
        except OSError as error:  # the attempt does without it
            _log.warning("no socket for a direct path", error=error.strerror)
            return
        if self._punching.wants(number):
            await self._do(self._punching.opened(number, addresses, monotonic()))
        else:  # closed while it was opened
            self._sockets.close((number,))

    async def _ask(self, socket: int) -> None:
        counter, frame = self._wire.keep()
        while len(self._asked) >= MAX_ASKED:
            del self._asked[next(iter(self._asked))]
        self._asked[counter] = socket
        await self._send(socket, self._wire.server, frame)
