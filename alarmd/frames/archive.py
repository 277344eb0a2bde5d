"""Where pictures are kept. A picture is acknowledged once it lies here, so a write is whole and on the disk, or not.

A file is written under a temporary name in `.partial`, synced, then given its name, and the directory synced. What
a crash leaves behind lies in `.partial` and goes at the next start. Synced per picture, not in batches: it costs less
than a millisecond on a disk with a write cache, and the callers' threads overlap.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Protocol

from alarmd.frames.errors import ArchiveError, ArchiveFullError, MissingError
from alarmd.frames.keys import check_key
from alarmd.storage.sqlite_file import sync_directory
from lfcp.text import is_name

PRIVATE_DIRECTORY = 0o700
PARTIAL = ".partial"  # no device's name begins with a dot
MAX_SETTLED = 4096  # directories that are known to be on the disk; beyond, they are synced once more


@dataclass(frozen=True, slots=True)
class Room:
    """On the disk of the archive, bytes: what it has, what is free, and what of that stays free."""

    total: int
    free: int
    reserve: int


class Archive(Protocol):
    """Keys are those of keys.py; anything else raises BadKeyError. What the disk refuses raises ArchiveError. failing:
    why the last write failed; empty: it did not."""

    failing: str

    def write(self, key: str, data: bytes, *, into_reserve: bool = False) -> None:
        """Whole and durable once it returns, in place of what was there; the same bytes twice: nothing happens.
        into_reserve: for what must not fail for lack of room. Raises ArchiveFullError."""

    def read(self, key: str) -> bytes:
        """Raises MissingError."""

    def delete(self, key: str) -> None:
        """What is not there is deleted."""

    def path(self, key: str) -> Path:
        """Where it lies, or would."""

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Those in the directory `prefix` and below, sorted; empty: all."""

    def cameras(self) -> list[str]:
        """Names of the devices that have something here, sorted."""

    def room(self) -> Room:
        """On its disk."""


class DirectoryArchive:
    """Files below one directory, for our eyes only. May be called from many threads."""

    def __init__(self, root: Path, reserve: int, *, beside: bool = False) -> None:
        """reserve: bytes that stay free on the disk. Sweeps what a crash left, so one process only; others are
        `beside` it, and read."""
        self._root = root
        self._reserve = reserve
        self.failing = ""
        self._partial = root / PARTIAL
        self._settled: set[Path] = set()
        self._directories = Lock()  # one empties a directory while another is about to name a file in it
        if beside:
            return
        with _translated(f"cannot use {root}"):
            root.mkdir(PRIVATE_DIRECTORY, parents=True, exist_ok=True)
            shutil.rmtree(self._partial, ignore_errors=True)
            self._partial.mkdir(PRIVATE_DIRECTORY, exist_ok=True)

    def path(self, key: str) -> Path:
        return self._root / check_key(key)

    def read(self, key: str) -> bytes:
        path = self.path(key)
        with _translated(f"cannot read {key}"):
            try:
                return path.read_bytes()
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                raise MissingError(f"the archive has no {key}") from None

    def write(self, key: str, data: bytes, *, into_reserve: bool = False) -> None:
        try:
            self._write(key, data, into_reserve)
        except ArchiveError as error:
            self.failing = str(error)
            raise
        self.failing = ""

    def delete(self, key: str) -> None:
        path = self.path(key)
        with _translated(f"cannot delete {key}"), self._directories:
            path.unlink(missing_ok=True)
            self._drop_empty(path.parent)

    def keys(self, prefix: str = "") -> Iterator[str]:
        start = self.path(prefix) if prefix else self._root
        with _translated(f"cannot list {start}"):
            yield from self._below(start)

    def cameras(self) -> list[str]:
        with _translated(f"cannot list {self._root}"):
            return sorted(found.name for found in _entries(self._root) if is_name(found.name))

    def room(self) -> Room:
        with _translated(f"cannot ask the disk of {self._root}"):
            disk = shutil.disk_usage(self._root)
            return Room(disk.total, disk.free, self._reserve)

    def _write(self, key: str, data: bytes, into_reserve: bool) -> None:
        path = self.path(key)
        with _translated(f"cannot write {key}"):
            if not _holds(path, data):
                if not into_reserve:
                    self._check_room(len(data))
                self._place(path, data)
            with suppress(FileNotFoundError):  # deleted meanwhile
                sync_directory(path.parent)  # also of what is there: its writer may have been killed before this

    def _below(self, directory: Path) -> Iterator[str]:
        """In the order of the names; sorted directory by directory, so that memory holds one at a time."""
        for entry in sorted(_entries(directory), key=_sorting):
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._below(Path(entry.path))
            else:
                yield Path(entry.path).relative_to(self._root).as_posix()

    def _check_room(self, size: int) -> None:
        free = self.room().free
        if free - size < self._reserve:
            raise ArchiveFullError(
                f"the disk of {self._root} has {free} bytes free, and archive.reserve keeps {self._reserve} for "
                "alarms: free some, lower archive.keep_days or archive.keep_bytes, or lower archive.reserve"
            )

    def _place(self, path: Path, data: bytes) -> None:
        descriptor, name = tempfile.mkstemp(dir=self._partial)
        partial = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            self._name(partial, path)
        finally:
            partial.unlink(missing_ok=True)

    def _name(self, partial: Path, path: Path) -> None:
        with self._directories:
            try:
                self._settle(path.parent)
                partial.replace(path)
            except FileNotFoundError:  # somebody else removed an empty directory
                self._settled.clear()
                self._settle(path.parent)
                partial.replace(path)

    def _settle(self, directory: Path) -> None:
        """Make it, and have its name and its parents' on the disk: once in a process, since it may have been made by
        one that was killed before it could sync."""
        if directory in self._settled or directory == self._root:
            return
        self._settle(directory.parent)
        directory.mkdir(PRIVATE_DIRECTORY, exist_ok=True)
        sync_directory(directory.parent)
        if len(self._settled) >= MAX_SETTLED:
            self._settled.clear()
        self._settled.add(directory)

    def _drop_empty(self, directory: Path) -> None:
        with suppress(OSError):  # not empty, or gone
            while directory != self._root:
                directory.rmdir()
                self._settled.discard(directory)
                directory = directory.parent


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise (ArchiveFullError if full else ArchiveError)(f"{what}: {error.strerror or error}") from error


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except FileNotFoundError:
        return False


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as found:
            return list(found)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _sorting(entry: os.DirEntry[str]) -> str:
    """As the whole keys sort: what lies in `a` comes after `a.b`, for "/" is above "."."""
    return entry.name + "/" if entry.is_dir(follow_symlinks=False) else entry.name
