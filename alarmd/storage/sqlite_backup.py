"""Copies of a SQLite file while others write to it: whole or not there, private, and on the disk once made."""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from alarmd.storage.interface import StorageError, StorageUnavailableError
from alarmd.storage.sqlite_file import SqliteFile, sync_directory

KEPT = 3  # copies made before upgrades


def backup(source: SqliteFile, target: Path) -> None:
    """A consistent copy at `target`, in place of what was there. Writers are not held up: the copy is one long read.
    Raises StorageError."""
    try:
        if target.resolve() == source.path:
            raise StorageError(f"{target} is the database itself")
        with _replacing(target) as partial:
            _copy(source, partial)
    except (OSError, sqlite3.Error) as error:
        raise StorageUnavailableError(f"no backup at {target}: {error}") from error


def backup_before_upgrade(source: SqliteFile, revision: str) -> Path:
    """A copy beside the database, named after the revision it holds; only the newest KEPT stay."""
    target = source.path.with_name(f"{source.path.name}.revision-{revision}.backup")
    backup(source, target)
    copies = source.path.parent.glob(f"{source.path.name}.revision-*.backup")
    for old in sorted(copies, key=lambda copy: copy.stat().st_mtime_ns, reverse=True)[KEPT:]:
        old.unlink()
    return target


def _copy(source: SqliteFile, target: Path) -> None:
    with closing(source.connect_reader()) as read, closing(sqlite3.connect(target)) as copy:
        read.backup(copy)


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """A private file beside `target` to write to, which takes its name only when all went well."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(descriptor)
    partial = Path(name)
    try:
        yield partial
        partial.replace(target)
        sync_directory(target.parent)
    finally:
        partial.unlink(missing_ok=True)
