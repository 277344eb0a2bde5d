import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alarmd.adapters import housekeeping, open_storage, tasks
from alarmd.adapters.exit_codes import CANNOT_CREATE, STORAGE_FAILED, UNUSABLE_DATA, StartError
from alarmd.adapters.housekeeping import DAY, count_losses, purge_history
from alarmd.adapters.open_storage import OpenStorage
from alarmd.adapters.reactor_clock import now
from alarmd.adapters.state_directory import prepare_state_directory
from alarmd.adapters.tasks import cancel, supervised
from alarmd.adapters.time_zones import time_zone
from alarmd.core.effects import RecordEvent
from alarmd.core.instant import Instant
from alarmd.storage.interface import EventFilter, StorageUnavailableError
from tests.adapters.parts import Counted, sqlite_url
from tests.contracts.records import EVENT, EVERYTHING, ORIGIN, VAULT
from tests.waiting import until


@contextlib.asynccontextmanager
async def running(work: Awaitable[None]) -> Any:
    task = asyncio.ensure_future(work)
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_history_older_than_the_retention_is_deleted_bit_by_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "PURGE_ROWS", 3)
    monkeypatch.setattr(housekeeping, "PURGE_BREATH", 0.0)
    storage = OpenStorage(sqlite_url(tmp_path), ORIGIN, VAULT)
    today = 100 * DAY
    times = [today - 40 * DAY] * 10 + [today - 20 * DAY] * 2
    events = [replace(EVENT, sequence=n, hlc=n, received_at=at, alarm_id=None) for n, at in enumerate(times, start=1)]
    storage.store.commit([EVERYTHING[:5], [RecordEvent(event) for event in events]])
    async with running(purge_history(storage.store, storage.call, lambda: Instant(today, 0.0), 30)):
        await until(lambda: len(storage.reader.events(EventFilter())) == 2)
    await storage.close()


async def test_a_database_that_is_away_delays_the_purge_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "PURGE_EVERY", 0.0)
    calls: list[int] = []

    async def call(_purge: object, before: int, _rows: int) -> int:
        calls.append(before)
        raise StorageUnavailableError("gone")

    store: Any = type("Store", (), {"purge": None})
    async with running(purge_history(store, call, lambda: Instant(2 * DAY, 0.0), 1)):
        await until(lambda: len(calls) >= 2)
    assert set(calls) == {DAY}


class Losing:
    """A listener whose kernel has lost so many datagrams."""

    def __init__(self) -> None:
        self.lost = 0

    def losses(self) -> int:
        return self.lost


async def test_what_the_kernel_lost_is_counted_once(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "LOSSES_EVERY", 0.0)
    listeners: Any = [Losing(), Losing()]
    async with running(count_losses(listeners, counted.metrics)):
        listeners[0].lost, listeners[1].lost = 3, 4
        await until(lambda: counted.dropped("udp", "receive_buffer_full") == 7)
        listeners[1].lost = 6
        await until(lambda: counted.dropped("udp", "receive_buffer_full") == 9)


async def test_a_task_that_fails_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "PAUSE_AFTER_FAILURE", 0.0)
    begun: list[int] = []

    async def work() -> None:
        begun.append(len(begun))
        if len(begun) < 3:
            raise ZeroDivisionError
        await asyncio.Event().wait()

    task = asyncio.create_task(supervised("work", work))
    await until(lambda: len(begun) == 3)
    await cancel([task])
    assert task.cancelled()


def test_the_state_directory_is_made_for_our_eyes_only(tmp_path: Path) -> None:
    directory = tmp_path / "state" / "alarmd"
    prepare_state_directory(directory)
    assert directory.stat().st_mode & 0o777 == 0o700
    prepare_state_directory(directory)


def test_a_state_directory_that_cannot_be_made_is_told_with_its_exit_code(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match=r"cannot make the state directory .*: Not a directory") as caught:
        prepare_state_directory(tmp_path / "file" / "state")
    assert caught.value.code == CANNOT_CREATE


def test_a_state_directory_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)  # root may write anywhere
    with pytest.raises(StartError, match="cannot write in the state directory"):
        prepare_state_directory(tmp_path)


def test_a_database_that_is_none_is_told_with_its_exit_code(tmp_path: Path) -> None:
    (tmp_path / "alarmd.sqlite").write_text("this is not a database " * 100)
    with pytest.raises(StartError, match="the database cannot be used: ") as caught:
        OpenStorage(sqlite_url(tmp_path), ORIGIN, VAULT)
    assert caught.value.code == UNUSABLE_DATA


def test_a_database_that_does_not_answer_is_told_with_its_exit_code() -> None:
    with pytest.raises(StartError, match="the database cannot be reached: ") as caught:
        OpenStorage("postgresql://petr:hunter2@127.0.0.1:1/alarmd", ORIGIN, VAULT)
    assert caught.value.code == STORAGE_FAILED
    assert "hunter2" not in str(caught.value)


async def test_a_database_that_hangs_does_not_hold_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(open_storage, "CLOSE_PATIENCE", 0.01)
    storage = OpenStorage(sqlite_url(tmp_path), ORIGIN, VAULT)
    held = sqlite3.connect(tmp_path / "alarmd.sqlite", isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    storage.writer.call(storage.store.commit, [EVERYTHING])
    await storage.close()
    assert "not closed in order" in capsys.readouterr().out
    held.close()
    storage.close_now()


def test_a_name_that_is_no_time_zone_is_a_key_error_whatever_it_is() -> None:
    assert str(time_zone("Europe/Prague")) == "Europe/Prague"
    for name in ("Nowhere/City", "../../etc/passwd", "Europe", ""):
        with pytest.raises(KeyError):
            time_zone(name)


def test_both_clocks_go_forward() -> None:
    first, second = now(), now()
    assert second.mono >= first.mono
    assert second.wall > 1_700_000_000_000_000
