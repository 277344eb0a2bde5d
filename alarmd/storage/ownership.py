"""One server per SQLite file. Two would both believe their memory, and give out the same ids."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from alarmd.storage.interface import StorageUnavailableError, StorageUnusableError

PRIVATE = 0o600
SUFFIX = ".lock"
MAX_PROCESS_ID_TEXT = 20


class Ownership:
    """An exclusive lock on a file beside the database. The kernel drops it with the process, however it dies."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """The lock file stays: removing it would let a third process lock a name that the second no longer sees."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def own(path: Path) -> Ownership:
    """Become the only server of the database at `path`, or raise: StorageUnavailableError (it names who is, or what
    is missing), StorageUnusableError without rights."""
    lock = path.with_name(path.name + SUFFIX)
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
    except PermissionError as error:  # waiting gives nobody rights; a directory that is missing may yet be mounted
        raise StorageUnusableError(f"cannot open {lock}: {error.strerror}") from error
    except OSError as error:
        raise StorageUnavailableError(f"cannot open {lock}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = os.read(descriptor, MAX_PROCESS_ID_TEXT).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise StorageUnavailableError(f"{path} is in use by process {owner or 'unknown'}") from error
    with suppress(OSError):  # a full disk: the lock holds all the same, only the name is missing
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
    return Ownership(descriptor)
