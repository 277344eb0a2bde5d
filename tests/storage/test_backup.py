"""A copy while the server runs: whole, private, and never half of one under its name."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from alarmd.storage.interface import EventFilter, StorageError, StorageUnavailableError
from alarmd.storage.memory_store import MemoryStore
from alarmd.storage.opening import open_reader, open_store
from alarmd.storage.sql_store import SqlStore
from tests.contracts.records import VAULT


def test_a_copy_can_be_served(store: SqlStore, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    store.backup(target)
    assert target.stat().st_mode & 0o777 == 0o600
    copy = open_store(f"sqlite:///{target}", "A", VAULT)
    assert copy.load() == store.load()
    copy.close()


def test_a_copy_takes_the_place_of_an_older_one(store: SqlStore, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("yesterday's")
    store.backup(target)
    reader = open_reader(f"sqlite:///{target}")
    assert len(reader.events(EventFilter())) == 1
    reader.close()


def test_a_copy_is_made_while_somebody_writes(store: SqlStore, file: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM events")
        store.backup(tmp_path / "copy.db")
        other.execute("ROLLBACK")
    reader = open_reader(f"sqlite:///{tmp_path}/copy.db")
    assert len(reader.events(EventFilter())) == 1
    reader.close()


def test_the_database_itself_is_no_target(store: SqlStore, file: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(file)
    for target in (file, tmp_path / "link"):
        with pytest.raises(StorageError, match="is the database itself"):
            store.backup(target)


def test_a_copy_that_fails_leaves_the_older_one_and_no_litter(store: SqlStore, file: Path, tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    target = tmp_path / "backups" / "copy.db"
    target.write_text("yesterday's")
    file.rename(tmp_path / "away")
    with pytest.raises(StorageUnavailableError, match=f"no backup at {target}: unable to open database file"):
        store.backup(target)
    (tmp_path / "away").rename(file)
    assert target.read_text() == "yesterday's"
    assert [path.name for path in target.parent.iterdir()] == ["copy.db"]


def test_a_directory_that_is_not_there_is_named(store: SqlStore, tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailableError, match=r"missing/copy.db: .*No such file"):
        store.backup(tmp_path / "missing" / "copy.db")


def test_memory_has_nothing_to_copy(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="in memory only"):
        MemoryStore("A").backup(tmp_path / "copy")
