"""A reactor on the test's own loop, and the parts that nearly every test here needs."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from twisted.internet.asyncioreactor import AsyncioSelectorReactor

from alarmd.storage.writer_thread import WriterThread
from tests.adapters.parts import Counted

WRITER_PATIENCE = 30.0  # s


@pytest.fixture
async def reactor() -> AsyncIterator[AsyncioSelectorReactor]:
    """Not installed and not run: the loop that runs the test runs what is registered with it."""
    reactor = AsyncioSelectorReactor(asyncio.get_running_loop())
    yield reactor
    reactor.removeAll()


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def writer() -> Iterator[WriterThread]:
    thread = WriterThread()
    yield thread
    assert thread.stop(WRITER_PATIENCE)
