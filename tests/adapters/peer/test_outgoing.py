"""What is told from the database, when that cannot be read at once."""

import asyncio
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, cast

import pytest

from alarmd.adapters.peer import outgoing
from alarmd.adapters.peer.commands import Ask, Tell, write_vector
from alarmd.adapters.peer.link import Answer, PeerLink
from alarmd.adapters.peer.outgoing import Outgoing
from alarmd.adapters.peer.wire import Wire
from alarmd.core.outflow import Outflow
from alarmd.core.records import Told
from alarmd.storage.interface import Reader, StorageUnavailableError, Vector
from alarmd.storage.vault import Vault
from tests.contracts.records import EVENT
from tests.waiting import until

WIRE = Wire(Vault(bytes(32)))


class Moody:
    """The database, which fails now and then, and the peer, which takes everything. told: the events' sequences."""

    def __init__(self) -> None:
        self.failures = 1
        self.asked: list[Vector] = []
        self.told: list[int] = []
        self.closed = 0

    def changes(self, since: Vector, _page: int) -> Generator[tuple[Told, ...], None, None]:
        self.asked.append(since)
        try:
            yield (Told(replace(EVENT, sequence=1)),)
            if self.failures:
                self.failures -= 1
                raise StorageUnavailableError("the database is locked")
            yield (Told(replace(EVENT, sequence=2)),)
        finally:
            self.closed += 1

    async def call(self, command: Any, **arguments: Any) -> Answer:
        if command is Ask:
            return {"vector": write_vector({("event", "A"): 1})}
        assert command is Tell
        self.told += [one.record.sequence for one in WIRE.read(arguments["page"]).told]  # type: ignore[union-attr]
        return {"skipped": 0}

    def send(self, _command: Any, **_arguments: Any) -> None:
        """What needs no answer."""


async def test_a_database_that_cannot_be_read_is_asked_again_for_what_is_still_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(outgoing, "RETRY", 0.005)
    moody, thread, outflow = Moody(), ThreadPoolExecutor(1), Outflow(lambda _durable: ())
    outflow.opened()
    telling = Outgoing(cast(PeerLink, moody), outflow, WIRE, cast(Reader, moody), thread, lambda _records: None)
    work = asyncio.create_task(telling.run({}))
    await until(lambda: not telling.catching_up)
    assert moody.asked == [{}, {("event", "A"): 1}]
    assert moody.told == [1, 1, 2]
    assert moody.closed == 2
    assert "the database is locked" in capsys.readouterr().out
    await telling.drained()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    thread.shutdown()
