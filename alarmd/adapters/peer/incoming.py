"""What the peer tells: one page after the other goes through the rules, and is answered when it is stored.

The next page is decided while this one is being committed, so that several may share a transaction.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from alarmd.adapters.peer.commands import NotNowError
from alarmd.adapters.peer.fields import kind_of
from alarmd.adapters.peer.wire import Reading, Wire
from alarmd.core.inputs import PeerTold
from alarmd.core.records import Record, Told
from alarmd.core.refusals import UNAVAILABLE, RequestRefusedError, TurnSetAsideError

SHORT = 4_000  # bytes; a page that is no longer is read at once, a longer one in a thread

_log = structlog.get_logger(__name__)


class Incoming:
    """One connection's. submit: a report to the rules → when it is stored; raises RequestRefusedError. merged(records,
    skipped): so many were stored, and so many cannot be."""

    def __init__(
        self,
        wire: Wire,
        submit: Callable[[PeerTold], Awaitable[tuple[Record, ...]]],
        thread: ThreadPoolExecutor,
        merged: Callable[[int, int], None],
    ) -> None:
        self._wire = wire
        self._submit = submit
        self._thread = thread
        self._merged = merged
        self._turns = asyncio.Lock()
        self._expected = 0

    async def take(self, number: int, page: bytes) -> int:
        """Records of this page that are left out, for good. Raises NotNowError, and for every later page too until this
        one came again: else a link that breaks in between would leave a gap that no stamp shows."""
        being_read = asyncio.ensure_future(self._read(page))
        async with self._turns:  # in the order in which they came, however long each takes to read
            reading = await being_read
            if number != self._expected:
                raise NotNowError(f"page {self._expected} is missing")
            merging = asyncio.ensure_future(self._merge(reading.told))
            await asyncio.sleep(0)  # its turn is decided now, before that of the next page
            self._expected += 1
        try:
            skipped = len(reading.refused) + await merging
        except NotNowError:
            self._expected = min(self._expected, number)
            raise
        for reason in reading.refused:
            _log.error("a record of the peer makes no sense here and is left out", reason=reason)
        self._merged(len(reading.told) + len(reading.refused) - skipped, skipped)
        return skipped

    async def _read(self, page: bytes) -> Reading:
        if len(page) <= SHORT:
            return self._wire.read(page)
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._wire.read, page)

    async def _merge(self, told: tuple[Told, ...]) -> int:
        """How many cannot be stored."""
        if not told or await self._is_stored(told):
            return 0
        if len(told) == 1:
            _log.error("a record of the peer cannot be stored and is left out", kind=kind_of(told[0].record))
            return 1
        return sum([await self._merge((one,)) for one in told])

    async def _is_stored(self, told: tuple[Told, ...]) -> bool:
        """False: never will be, as it is."""
        try:
            await self._submit(PeerTold(told))
        except TurnSetAsideError:
            return False
        except RequestRefusedError as error:
            if error.reason == UNAVAILABLE:
                raise NotNowError(error.message) from None
            return False
        return True
