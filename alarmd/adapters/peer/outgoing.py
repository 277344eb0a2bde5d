"""What this server tells the peer: from the database what it missed, then what is committed, as it is."""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

import structlog

from alarmd.adapters.peer.commands import Ask, CaughtUp, read_vector
from alarmd.adapters.peer.link import PeerLink
from alarmd.adapters.peer.pipe import Pipe
from alarmd.adapters.peer.wire import MAX_RECORDS, Page, Wire
from alarmd.core.outflow import Outflow
from alarmd.core.records import Told
from alarmd.storage.interface import Reader, StorageError, Vector

CHUNK = 500  # records read from the database at once
PACE = 6_000  # records/s at most, of what was missed: nobody waits for it, and devices share the processor with it
RETRY = 2.0  # s after the database could not be read

T = TypeVar("T")
_log = structlog.get_logger(__name__)


class Outgoing:
    """One connection's. progressed: the peer has stored more. catching_up: it does not have everything yet."""

    def __init__(
        self,
        link: PeerLink,
        outflow: Outflow,
        wire: Wire,
        reader: Reader,
        thread: ThreadPoolExecutor,
        progressed: Callable[[int], None],
    ) -> None:
        self._link = link
        self._outflow = outflow
        self._wire = wire
        self._reader = reader
        self._thread = thread  # one: a snapshot of the database belongs to the thread that began it
        self._progressed = progressed
        self._pipe = Pipe(link, self._stored)
        self._wake = asyncio.Event()
        self.catching_up = True

    def wake(self) -> None:
        """Something was committed."""
        self._wake.set()

    async def run(self, theirs: Vector) -> None:
        """Until the link is gone, which raises; the outflow is open. theirs: what the peer has."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pipe.run())
            while True:
                try:
                    await self._catch_up(theirs)
                    await self._tell_live()
                except StorageError as error:
                    _log.error("what the peer has missed cannot be read; trying again", reason=str(error))
                    await asyncio.sleep(RETRY)
                await self._pipe.idle()
                self._outflow.opened()
                theirs = read_vector((await self._link.call(Ask))["vector"])

    async def drained(self) -> None:
        """Until the peer has everything that is committed by now."""
        while self.catching_up or len(self._outflow):
            await self._pipe.idle()
            await asyncio.sleep(0)

    async def _catch_up(self, theirs: Vector) -> None:
        self.catching_up = True
        told = 0
        async with self._changes(theirs) as pages:
            async for page in pages:
                await self._pipe.tell(page, live=False)
                told += page.records
                await asyncio.sleep(page.records / PACE)
        await self._pipe.idle()
        self.catching_up = False
        self._link.send(CaughtUp)
        self._outflow.acknowledged(0)
        self._progressed(0)
        if told:
            _log.info("the peer was told what it had missed", records=told)

    async def _tell_live(self) -> None:
        """Until the peer falls too far behind."""
        while not self._outflow.overflowed:
            self._wake.clear()
            while records := self._outflow.take(MAX_RECORDS):
                for page in self._wire.pages(records):
                    await self._pipe.tell(page, live=True)
            if not self._outflow.overflowed:
                await self._wake.wait()
        _log.warning("the peer does not keep up; it is told from the database again")

    def _stored(self, records: int, live: bool) -> None:
        if live:
            self._outflow.acknowledged(records)
        self._progressed(records)

    @asynccontextmanager
    async def _changes(self, theirs: Vector) -> AsyncIterator[AsyncIterator[Page]]:
        changes = await self._in_thread(lambda: self._reader.changes(theirs, CHUNK))
        try:
            yield self._pages(changes)
        finally:
            await asyncio.shield(self._in_thread(changes.close))

    async def _pages(self, changes: Generator[tuple[Told, ...], None, None]) -> AsyncIterator[Page]:
        """The next ones are read while these are told."""
        reading = asyncio.ensure_future(self._in_thread(lambda: self._next(changes)))
        while pages := await reading:
            reading = asyncio.ensure_future(self._in_thread(lambda: self._next(changes)))
            for page in pages:
                yield page

    def _next(self, changes: Generator[tuple[Told, ...], None, None]) -> list[Page]:
        """Empty: there is nothing more."""
        return list(self._wire.pages(next(changes, ())))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
