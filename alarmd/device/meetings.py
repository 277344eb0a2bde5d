"""The sessions of a rendezvous that a machine is in: whom it lets in, and whose datagrams are whose."""

import asyncio
import resource
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

import structlog

from alarmd.device.conversation import Conversation
from alarmd.device.interfaces import addresses_of
from alarmd.device.meeting import Meeting
from lfcp import escape
from lfcp.candidates import Address
from lfcp.client import ClientEvent, ClientSession, Invited, KeepAnswered, SessionOver
from lfcp.client.punching_steps import Invitation, Over, Own, PathChanged
from lfcp.constants import RendezvousReason
from lfcp.tunnel import read_head

MAX_MEETINGS = 2  # at a time
SOCKETS_OF_BIRTHDAY = 256
SPARE_FILES = 128  # that everything else of the program may have open

Say = Callable[[bytes], Awaitable[None]]

_log = structlog.get_logger(__name__)


class Service(Protocol):
    """What a session is for, at this end."""

    async def give(self, payload: bytes) -> None:
        """From the other side."""

    async def run(self, say: Say) -> None:
        """say: to the other side. Cancelled when the session is over."""

    def close(self) -> None: ...


class Door(Protocol):
    """Who decides."""

    async def admit(self, invited: Invited) -> Service | RendezvousReason:
        """What it is for, or why it is refused. Raises OSError: there is no socket for it."""

    def told(self, step: PathChanged | Over) -> None:
        """Of a session's path, and of its end."""


class _Wire:
    """LFCP with the one server that a session was made by."""

    def __init__(self, session: ClientSession, conversation: Conversation, label: str) -> None:
        self._session, self._conversation, self._label = session, conversation, label

    @property
    def server(self) -> Address:
        return self._conversation.line.server(self._label)

    async def send(self, address: Address, datagram: bytes, ttl: int | None = None) -> None:
        await self._conversation.line.send(address, datagram, ttl)

    def keep(self) -> tuple[int, bytes]:
        return self._session.keep(self._label)

    def heard(self, frame: bytes) -> None:
        self._conversation.hear(self._label, frame)


class _Held:
    """One session and what it is for."""

    def __init__(self, meeting: Meeting, service: Service, wire: _Wire) -> None:
        self.meeting, self.service, self.wire = meeting, service, wire

    async def run(self) -> None:
        speaking = asyncio.create_task(self._speak())
        try:
            await self.meeting.run()
        finally:
            speaking.cancel()
            self.service.close()
            await asyncio.gather(speaking, return_exceptions=True)

    async def _speak(self) -> None:
        try:
            await self.service.run(self.meeting.send)
        except Exception as defect:
            self.meeting.fail(defect)


class Meetings:
    """What happens does so in tasks of this object, until close()."""

    def __init__(self, session: ClientSession, conversation: Conversation, door: Door) -> None:
        self._session = session
        self._conversation = conversation
        self._door = door
        self._held: dict[int, _Held] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def need_lfcp_socket(self) -> bool:
        """A direct path would be lost with it."""
        return any(held.meeting.needs_lfcp_socket for held in self._held.values())

    def take(self, event: ClientEvent) -> None:
        """What the session said; what concerns no rendezvous is ignored."""
        if isinstance(event, Invited):
            self._spawn(self._invited(event))
        elif isinstance(event, KeepAnswered) and event.address is not None:
            for held in self._held.values():
                self._spawn(held.meeting.server_saw(event.counter, event.address))
        elif isinstance(event, SessionOver) and event.session in self._held:
            self._spawn(self._held[event.session].meeting.close(event.reason))

    async def receive(self, source: Address, datagram: bytes) -> None:
        """A tunnel datagram at the socket that LFCP is spoken on. It is dropped unless it is of a session."""
        head = read_head(datagram)
        held = None if head is None else self._held.get(head.session)
        if held is None:
            return
        if source == held.wire.server:
            await held.meeting.relayed(datagram)
        else:
            await held.meeting.receive(source, datagram)

    async def close(self) -> None:
        """Tell the others."""
        self._closed = True
        for held in tuple(self._held.values()):
            await held.meeting.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _invited(self, invited: Invited) -> None:
        service = await self._service(invited)
        if isinstance(service, RendezvousReason):
            self._session.refuse(invited.server, invited.session, service)
            self._conversation.hurry()
            _log.info("refused to be met", by=escape(invited.name), port=invited.port, reason=service)
            return
        if self._closed:  # while the door was asked: nobody would end it
            service.close()
            return
        self._session.accept(invited.server, invited.session)
        self._conversation.hurry()
        _log.info("met", by=escape(invited.name), port=invited.port)
        await self._run(invited, self._hold(invited, service))

    async def _service(self, invited: Invited) -> Service | RendezvousReason:
        if len(self._held) >= MAX_MEETINGS or invited.session in self._held:
            return RendezvousReason.TOO_MANY
        try:
            return await self._door.admit(invited)
        except OSError as error:
            _log.warning("no socket for who wants to be met", error=error.strerror)
            return RendezvousReason.REFUSED

    def _hold(self, invited: Invited, service: Service) -> _Held:
        wire = _Wire(self._session, self._conversation, invited.server)
        invitation = Invitation(
            invited.session,
            invited.key,
            invited.role,
            invited.other,
            invited.mapping,
            invited.options,
            invited.delay,
        )
        meeting = Meeting(invitation, self._own(invited.server), wire, service.give, self._door.told)
        self._held[invited.session] = held = _Held(meeting, service, wire)
        return held

    def _own(self, server: str) -> Own:
        session = self._session
        addresses = addresses_of(self._conversation.line.port)
        return Own(session.mapping, addresses, session.seen_by(server), session.direction, _many_sockets())

    async def _run(self, invited: Invited, held: _Held) -> None:
        try:
            await held.run()
        except Exception:  # one session's defect must not end the others, nor the device
            _log.exception("a session failed")
        finally:
            del self._held[invited.session]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _many_sockets() -> bool:
    """Whether a birthday attempt has room for its sockets."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft >= SOCKETS_OF_BIRTHDAY + SPARE_FILES
