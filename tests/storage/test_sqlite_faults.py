"""A SQLite file that is locked, full, read-only, gone or broken: nothing is stored, it is said, and it comes back."""

import os
import resource
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from alarmd.storage import engines, sqlite_file
from alarmd.storage.database_url import parse
from alarmd.storage.interface import EventFilter, StorageUnavailableError, StorageUnusableError, Store
from alarmd.storage.opening import open_reader, open_store, upgrade_database
from alarmd.storage.sql_store import SqlStore
from tests.contracts.records import CLAIM, EVERYTHING, NOON, VAULT, event
from tests.needs import need

NOBODY = 65534
LARGE_TEXT = "x" * 1000


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_SECONDS", 0.01)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def stored_sequences(url: str) -> list[int]:
    reader = open_reader(url)
    found = reader.events(EventFilter(after_row=0, limit=1000))
    reader.close()
    return [stored.event.sequence for stored in found]


CALLS: list[Callable[[Store], object]] = [
    lambda store: store.load(),
    lambda store: store.commit([[event(2)]]),
    lambda store: store.claim_deliveries(CLAIM),
    lambda store: store.waiting_destinations(),
    lambda store: store.finish_delivery("x", "me", NOON),
    lambda store: store.retry_delivery("x", "me", NOON, "why"),
    lambda store: store.postpone_delivery("x", "me", NOON),
    lambda store: store.abandon_delivery("x", "me", NOON, "why"),
    lambda store: store.purge(NOON, 1),
]


@pytest.mark.parametrize("call", CALLS)
def test_a_locked_database_is_unavailable_until_it_is_released(
    call: Callable[[Store], object], store: SqlStore, file: Path
) -> None:
    with locked(file), pytest.raises(StorageUnavailableError, match=f"{file}: database is locked"):
        call(store)
    call(store)


def test_readers_do_not_mind_the_writers_lock(store: SqlStore, url: str, file: Path) -> None:
    with locked(file):
        assert stored_sequences(url) == [1]


def test_a_database_locked_at_the_start_is_unavailable(url: str, file: Path) -> None:
    upgrade_database(url)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageUnavailableError, match="database is locked"):
            open_store(url, "A", VAULT)
    open_store(url, "A", VAULT).close()


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may grow beyond this."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_that_may_not_grow_is_unavailable_and_keeps_what_it_has(store: SqlStore, url: str, file: Path) -> None:
    wal = file.with_name(file.name + "-wal")
    with largest_file(wal.stat().st_size), pytest.raises(StorageUnavailableError, match="disk"):
        store.commit([[event(number, text=LARGE_TEXT)] for number in range(2, 100)])
    assert stored_sequences(url) == [1]
    store.commit([[event(number, text=LARGE_TEXT)] for number in range(2, 100)])
    assert stored_sequences(url) == list(range(1, 100))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "alarmd-test", str(tmp_path / "disk")]
    (tmp_path / "disk").mkdir()
    allowed = os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0
    need(allowed, "the right to mount a small file system (run as root)")
    yield tmp_path / "disk"
    subprocess.run(["umount", "-l", str(tmp_path / "disk")], check=True)


def test_a_full_disk_is_unavailable_until_there_is_room(small_disk: Path) -> None:
    url = f"sqlite:///{small_disk}/alarmd.db"
    store = open_store(url, "A", VAULT)
    store.commit([EVERYTHING])
    filler = small_disk / "filler"
    room = os.statvfs(small_disk)
    filler.write_bytes(bytes(room.f_bavail * room.f_bsize))
    acknowledged = fill(store)
    filler.unlink()
    assert store.commit([[event(acknowledged + 1, text=LARGE_TEXT)]]) == []
    store.close()
    assert stored_sequences(url) == list(range(1, acknowledged + 2))


def fill(store: SqlStore) -> int:
    """Commit one by one until there is no room; returns the last that was stored."""
    for number in range(2, 10_000):
        try:
            store.commit([[event(number, text=LARGE_TEXT)]])
        except StorageUnavailableError:
            return number - 1
    raise AssertionError("the disk was never full")


@contextmanager
def no_rights_to(directory: Path) -> Iterator[None]:
    """As a user who may only read what is in there."""
    shown = [directory, *directory.iterdir()]
    for path in shown:
        path.chmod(0o555 if path.is_dir() else 0o444)
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for path in shown:
            path.chmod(0o755 if path.is_dir() else 0o600)


@pytest.fixture
def public_directory() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="alarmd-test-"))  # others may not even enter pytest's own
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def test_a_read_only_database_is_unavailable_until_it_can_be_written(public_directory: Path) -> None:
    url = f"sqlite:///{public_directory}/alarmd.db"
    upgrade_database(url)
    database = engines.writer(parse(url))
    store = SqlStore(database, "A", VAULT)
    store.commit([EVERYTHING])
    with no_rights_to(public_directory):
        database.close()  # as after any other failure: the next connection finds a file it may not write
        with pytest.raises(StorageUnavailableError, match=r"readonly database|unable to open"):
            store.commit([[event(2)]])
    assert store.commit([[event(2)]]) == []
    store.close()


def test_a_directory_without_rights_is_unusable_at_the_start(public_directory: Path) -> None:
    with no_rights_to(public_directory), pytest.raises(StorageUnusableError, match="Permission denied"):
        open_store(f"sqlite:///{public_directory}/alarmd.db", "A", VAULT)


def test_a_directory_in_the_files_place_is_unusable(url: str, file: Path) -> None:
    file.mkdir()
    with pytest.raises(StorageUnusableError, match=f"cannot open {file}: Is a directory"):
        open_store(url, "A", VAULT)


def test_a_removed_file_is_noticed_before_anything_is_acknowledged(store: SqlStore, url: str, file: Path) -> None:
    file.rename(file.with_suffix(".away"))
    with pytest.raises(StorageUnavailableError, match="removed or replaced"):
        store.commit([[event(2)]])
    file.with_suffix(".away").rename(file)
    assert store.commit([[event(2)]]) == []
    assert stored_sequences(url) == [1, 2]


def test_a_replaced_file_is_not_written_to(store: SqlStore, url: str, file: Path, tmp_path: Path) -> None:
    store.backup(tmp_path / "old.backup")
    store.commit([[event(2)]])
    (tmp_path / "old.backup").replace(file)
    with pytest.raises(StorageUnavailableError, match="removed or replaced under the running server"):
        store.commit([[event(3)]])


def test_a_file_that_is_no_database_is_unusable(url: str, file: Path) -> None:
    file.write_bytes(os.urandom(8192))
    for door in (lambda: open_store(url, "A", VAULT), lambda: open_reader(url), lambda: upgrade_database(url)):
        with pytest.raises(StorageUnusableError, match=f"{file}: file is not a database"):
            door()


def spoil(file: Path) -> None:
    """Every page but the first two is overwritten: the schema is there, the tables are not."""
    size = file.stat().st_size
    with file.open("r+b") as handle:
        handle.seek(8192)
        handle.write(b"\xff" * (size - 8192))


def test_a_broken_database_is_unusable_at_the_start(url: str, file: Path) -> None:
    store = open_store(url, "A", VAULT)
    store.commit([EVERYTHING])
    store.close()
    spoil(file)
    with pytest.raises(StorageUnusableError, match=r"malformed.*restore a backup"):
        open_store(url, "A", VAULT).load()


def test_a_database_that_breaks_while_running_acknowledges_nothing(store: SqlStore, file: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(file, tmp_path / "good")
    spoil(file)
    with pytest.raises(StorageUnavailableError, match="malformed"):
        store.commit([[event(number, text=LARGE_TEXT)] for number in range(2, 100)])
    shutil.copyfile(tmp_path / "good", file)  # the same file, with its content back
    assert store.commit([[event(2)]]) == []


def test_a_reader_recovers_with_the_file(store: SqlStore, url: str, file: Path) -> None:
    reader = open_reader(url)
    file.rename(file.with_suffix(".away"))
    assert not reader.healthy()
    with pytest.raises(StorageUnavailableError, match="removed or replaced"):
        reader.devices()
    file.with_suffix(".away").rename(file)
    assert reader.healthy()
    reader.close()


def test_a_reader_of_a_broken_file_is_not_healthy(store: SqlStore, url: str, file: Path) -> None:
    reader = open_reader(url)
    with closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    spoil(file)
    assert not reader.healthy()
    reader.close()


def test_all_files_are_private(store: SqlStore, file: Path) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in file.parent.glob("alarmd.db*")}
    assert modes == dict.fromkeys(["alarmd.db", "alarmd.db-wal", "alarmd.db-shm", "alarmd.db.lock"], 0o600)


def test_what_is_acknowledged_is_on_the_disk(store: SqlStore) -> None:
    with store._database.engine.connect() as connection:
        modes = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    assert modes == ["wal", 2]
