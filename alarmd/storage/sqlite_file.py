"""The SQLite file itself: made private, opened the one way that keeps what was acknowledged, and watched."""

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from alarmd.storage.interface import StorageUnavailableError, StorageUnusableError

PRIVATE = 0o600
BUSY_SECONDS = 2.0  # somebody else (a backup tool, a curious person) may hold the lock for this long
WAL_KEEP = 64 << 20  # bytes; a log that a long reader let grow is cut back to this
STATEMENTS = 256  # prepared and kept per connection: every table in every power of two rows, see batches.py


def sync_directory(directory: Path) -> None:
    """A new name is on the disk only after this."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class SqliteFile:
    """The file at one path. It must stay the same file while a server runs: SQLite would go on writing into one
    that was deleted or replaced, and everything acknowledged since would be gone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._number: int | None = None

    def create(self) -> None:
        """An empty file, unless there is one. Private from its first moment, and its name is on the disk."""
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE))
            sync_directory(self.path.parent)
        except OSError as error:
            raise StorageUnusableError(f"cannot open {self.path}: {error.strerror}") from error

    def watch(self) -> None:
        """From now on, check() insists on the file that is there now."""
        self._number = self.path.stat().st_ino

    def check(self) -> None:
        """Raises StorageUnavailableError when the file was removed or replaced since watch()."""
        if self._number is None or self._present() == self._number:
            return
        raise StorageUnavailableError(
            f"{self.path} was removed or replaced under the running server: put it back, or restart"
        )

    def _present(self) -> int | None:
        try:
            return self.path.stat().st_ino
        except FileNotFoundError:
            return None

    def connect_writer(self) -> sqlite3.Connection:
        return self._connect(
            "rw",
            "journal_mode = WAL",
            "synchronous = FULL",  # a commit is on the disk when it returns
            "foreign_keys = ON",
            f"journal_size_limit = {WAL_KEEP}",
        )

    def connect_reader(self) -> sqlite3.Connection:
        return self._connect("ro", "query_only = ON")

    def _connect(self, mode: str, *pragmas: str) -> sqlite3.Connection:
        """Transactions begin in the engine's own words; a connection wanders between threads, one at a time."""
        connection = sqlite3.connect(
            f"file:{quote(str(self.path))}?mode={mode}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=STATEMENTS,
        )
        try:
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection
