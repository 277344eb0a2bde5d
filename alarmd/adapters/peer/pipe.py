"""Pages on their way to the peer: a few at once, in order, each until it is stored there."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from alarmd.adapters.peer.commands import NotNowError, Tell
from alarmd.adapters.peer.link import Answer, PeerLink
from alarmd.adapters.peer.wire import Page

AT_ONCE = 4  # pages; so that a line with 50 ms of delay carries thousands of records a second
FIRST_PAUSE = 0.25  # s after a page that was refused
LAST_PAUSE = 5.0  # s; the pause doubles up to here

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Sent:
    number: int
    page: Page
    live: bool
    answer: "asyncio.Future[Answer]"


class Pipe:
    """stored(records, live): the peer has stored so many more."""

    def __init__(self, link: PeerLink, stored: Callable[[int, bool], None]) -> None:
        self._link = link
        self._stored = stored
        self._sent: deque[_Sent] = deque()
        self._number = 0
        self._pause = FIRST_PAUSE
        self._changed = asyncio.Condition()

    async def tell(self, page: Page, *, live: bool) -> None:
        """Returns when it is on its way."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._sent) < AT_ONCE)
            self._sent.append(_Sent(self._number, page, live, self._send(self._number, page)))
            self._number += 1
            self._changed.notify_all()

    async def idle(self) -> None:
        """Until everything is stored."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._sent)

    async def run(self) -> None:
        """Take the answers, until cancelled. Raises what the link does when it is gone."""
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: len(self._sent) > 0)
            await self._settle(self._sent[0])

    async def _settle(self, sent: _Sent) -> None:
        try:
            answer = await sent.answer
        except NotNowError:
            await self._tell_again()
            return
        if answer["skipped"]:
            _log.error("the peer could not take records and does without them", records=answer["skipped"])
        self._pause = FIRST_PAUSE
        async with self._changed:
            self._sent.popleft()
            self._stored(sent.page.records, sent.live)
            self._changed.notify_all()

    async def _tell_again(self) -> None:
        """All that are on their way, in order: the peer takes none out of turn."""
        async with self._changed:
            await asyncio.wait([sent.answer for sent in self._sent])
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 2, LAST_PAUSE)
            for sent in self._sent:
                sent.answer = self._send(sent.number, sent.page)

    def _send(self, number: int, page: Page) -> "asyncio.Future[Answer]":
        answer = asyncio.ensure_future(self._link.call(Tell, number=number, page=page.data))
        answer.add_done_callback(_looked_at)
        return answer


def _looked_at(answer: "asyncio.Future[Answer]") -> None:
    """Those behind one that failed are never awaited."""
    if not answer.cancelled():
        answer.exception()
