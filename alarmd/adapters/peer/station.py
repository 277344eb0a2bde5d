"""This server's end of the link: who is connected, and what the rules hear of it."""

import asyncio
from contextlib import suppress
from typing import Any

import structlog

from alarmd.adapters.peer.commands import Goodbye, Hears, portions, write_names
from alarmd.adapters.peer.link import PeerLink
from alarmd.adapters.peer.meeting import House, Introduction, Meeting
from alarmd.adapters.reactor_clock import now
from alarmd.core.effects import TellPeer
from alarmd.core.inputs import PeerGone, PeerLeft, PeerMet
from alarmd.core.instant import SECOND
from alarmd.core.link_condition import Link, LinkCondition

MAX_SAID = 20  # reasons for having no link that are told until there is one
FAREWELL = 1.0  # s for what is left to tell at a stop, and as much for the goodbye

_log = structlog.get_logger(__name__)


class Station:
    """Belongs to the loop's thread. Of several connections of the peer the newest counts: it knows which is alive."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._meetings: set[Meeting] = set()
        self._current: Meeting | None = None
        self._introduced: Introduction | None = None
        self.is_stopping = False
        self.has_caught_up = asyncio.Event()  # once since the start, with what the peer had before
        self._said: set[str] = set()
        self._link, self._since, self._reason = Link.GONE, now().wall, ""
        self._seen_at: int | None = None

    def link(self) -> PeerLink:
        """For a connection that is being made."""
        meeting = Meeting(self._house, self)
        self._meetings.add(meeting)
        return meeting.link

    @property
    def unproved(self) -> int:
        """Connections beside the one that counts."""
        return len(self._meetings) - self.is_up

    @property
    def is_up(self) -> bool:
        return self._current is not None

    @property
    def catching_up(self) -> bool:
        """The peer does not have everything yet."""
        return self._current is not None and self._current.outgoing.catching_up

    def condition(self) -> LinkCondition:
        introduced, current = self._introduced, self._current
        if current is not None:
            self._seen_at = now().wall - round(current.link.silence * SECOND)
        return LinkCondition(
            link=self._link,
            since=self._since,
            seen_at=self._seen_at,
            version=introduced.program if introduced else "",
            clock_offset=self.clock_offset,
            waiting=len(self._house.outflow),
            reason=self._reason,
            address=self._address,
            lfcp_port=introduced.lfcp_port if introduced else 0,
        )

    @property
    def clock_offset(self) -> float:
        return self._current.clock_offset if self._current is not None else 0.0

    @property
    def _address(self) -> str:
        """The peer's host."""
        transport: Any = self._current.link.transport if self._current is not None else None
        return str(transport.getPeer().host) if transport is not None else ""

    def committed(self) -> None:
        """After each transaction."""
        if self._current is not None:
            self._house.progress.committed(self._house.outflow)
            self._current.outgoing.wake()

    def tell(self, told: TellPeer) -> None:
        """Lost if nobody is there."""
        if self._current is None:
            return
        for portion in portions(dict.fromkeys(told.heard, True) | dict.fromkeys(told.unheard, False)):
            heard, unheard = ([name for name, is_heard in portion.items() if is_heard is it] for it in (True, False))
            self._current.link.send(Hears, heard=write_names(heard), unheard=write_names(unheard))

    async def stop(self) -> None:
        """After the last commit: what is left is told, and that this is a planned stop."""
        self.is_stopping = True
        current = self._current
        if current is not None:
            with suppress(Exception):  # the peer may be gone by now, and is none of our business any more
                async with asyncio.timeout(FAREWELL):
                    await self._house.runner.commits.until_idle()
                    await current.outgoing.drained()
            with suppress(Exception):
                async with asyncio.timeout(FAREWELL):
                    await current.link.call(Goodbye)
        await asyncio.gather(*(meeting.stop() for meeting in self._meetings))
        self._house.thread.shutdown(wait=False, cancel_futures=True)

    def met(self, meeting: Meeting, introduced: Introduction) -> None:
        before, self._current = self._current, meeting
        if before is not None:
            before.end("a newer connection took its place")
        self._introduced = introduced
        self._said.clear()
        self._house.progress.closed()
        self._house.outflow.opened()
        self._change(Link.MET, "")
        _log.info("the peer is there", peer=self._house.peer, version=introduced.program)
        ids = introduced.last_alarm, introduced.last_command
        self._house.runner.submit(PeerMet(introduced.program, *ids, introduced.clock_offset), now())

    def left(self, meeting: Meeting) -> None:
        if meeting is self._current:
            self._close()
            self._change(Link.LEFT, "")
            _log.info("the peer stops as planned", peer=self._house.peer)
            self._house.runner.submit(PeerLeft(), now())

    def gone(self, meeting: Meeting, reason: str) -> None:
        self._meetings.discard(meeting)
        if meeting is not self._current:
            if self._link is Link.GONE:
                self.say(reason)
            return
        self._close()
        if not self.is_stopping:
            self._change(Link.GONE, reason)
            _log.warning("the link to the peer is gone", peer=self._house.peer, reason=reason)
            self._house.runner.submit(PeerGone(reason, meeting.link.silence), now())

    def caught_up(self, meeting: Meeting) -> None:
        if meeting is self._current:
            self._house.claimed.everything()
            self.has_caught_up.set()

    def progressed(self) -> None:
        self._house.runner.copies.peer_stored()

    def say(self, reason: str) -> None:
        """Each reason once until the peer is met, and not every nonsense that strangers send to the port."""
        if reason not in self._said and len(self._said) < MAX_SAID and not self.is_stopping:
            self._said.add(reason)
            _log.warning("no link to the peer", peer=self._house.peer, reason=reason)

    def _close(self) -> None:
        self.condition()  # notes when the peer was seen last
        self._current = None
        self._house.outflow.closed()
        self._house.progress.closed()
        self._house.runner.copies.give_up()

    def _change(self, link: Link, reason: str) -> None:
        self._link, self._since, self._reason = link, now().wall, reason
