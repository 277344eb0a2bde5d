"""A device's session carried out on its sockets: what is due is said, what comes is heard, and a network that changes
is noticed."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from time import monotonic

import structlog

from alarmd.device.lfcp_line import LfcpLine, Tunnel
from lfcp.client import ClientEvent, ClientSession, Probe

LONGEST_NAP = 5.0  # s without a look at the clock and the network

_log = structlog.get_logger(__name__)


class Conversation:
    """servers: host and port by label. take: is told of every event. look: is called after anything was said or heard.
    tunnel: gets tunnel datagrams, see LfcpLine. may_renew: whether the main socket may be replaced now, since it seems
    to be deaf."""

    def __init__(
        self,
        session: ClientSession,
        servers: Mapping[str, tuple[str, int]],
        take: Callable[[ClientEvent], None],
        look: Callable[[], None],
        tunnel: Tunnel,
        may_renew: Callable[[], bool],
    ) -> None:
        self.line = LfcpLine(servers, self.hear, tunnel)
        self._session = session
        self._take = take
        self._look = look
        self._may_renew = may_renew
        self._sooner = asyncio.Event()
        self._looking_up: asyncio.Task[None] | None = None
        self._mute = False  # no counter can be reserved

    async def run(self) -> None:
        """Until cancelled. Raises, in an ExceptionGroup, what `take`, `look` or `tunnel` raised."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.line.run())
            while True:
                self._sooner.clear()
                await self.say_what_is_due()
                await self._nap()

    async def close(self) -> None:
        if self._looking_up is not None:
            self._looking_up.cancel()
            await asyncio.gather(self._looking_up, return_exceptions=True)
        self.line.close()

    def hurry(self) -> None:
        """There is something to say."""
        self._sooner.set()

    def hear(self, label: str, datagram: bytes) -> None:
        """From this server, on whichever socket."""
        for event in self._session.receive(label, datagram, monotonic()):
            self._take(event)
        self._look()
        self.hurry()

    async def say_what_is_due(self) -> None:
        now = monotonic()
        if self.line.has_moved():
            self._session.network_changed(now)
        frames, probes = self._due(now)
        if self._session.deaf:
            await self._begin_anew(now)
        for label, frame in frames:
            await self.line.say(label, frame)
        for probe in probes:
            with suppress(OSError):  # no socket: the ladder takes it for a lost datagram
                await self.line.probe(*probe)
        self.line.close_probes_but(self._session.ladder_sockets)
        self._look()

    async def _nap(self) -> None:
        due = min(self._session.next_wakeup(), self._session.next_rung())
        with suppress(TimeoutError):
            async with asyncio.timeout(min(max(due - monotonic(), 0.0), LONGEST_NAP)):
                await self._sooner.wait()

    async def _begin_anew(self, now: float) -> None:
        """A server may be elsewhere by now, and a NAT may have lost its way back to this socket."""
        if self._looking_up is None or self._looking_up.done():
            self._looking_up = asyncio.create_task(self.line.look_up())
        if self._may_renew():
            with suppress(OSError):  # the old one is better than none
                await self.line.renew()
            self._session.rebound(now)

    def _due(self, now: float) -> tuple[list[tuple[str, bytes]], list[Probe]]:
        """Nothing while the memory fails: a counter that is used twice is worse than silence, which is noticed."""
        try:
            frames, probes = self._session.poll(now), self._session.poll_ladder(now)
        except OSError as error:
            if not self._mute:
                _log.error("the memory cannot be written: nothing is sent", error=str(error))
            self._mute = True
            return [], []
        self._mute = self._mute and not frames
        return frames, probes
