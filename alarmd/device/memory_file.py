"""What a device with a key keeps in a file: written whole, in one step, and safe from power loss when it is written."""

import fcntl
import json
import os
import secrets
from pathlib import Path
from typing import Any

from lfcp import ProtocolError
from lfcp.client import HIGHEST_COUNTER, Kept
from lfcp.constants import COMMAND_MEMORY
from lfcp.settings import check_setting
from lfcp.signed_fields import is_command_id

OWNER_ONLY = 0o600
FIRST_COUNTERS = 1 << 48  # a new device begins at random below


class MemoryFileError(Exception):
    """The text says what to do."""


class MemoryFile:
    """Belongs to one program at a time, until close(): two would use counters twice. Raises MemoryFileError, and
    OSError for a folder that is missing or closed to this user."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = os.open(_beside(path, ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, OWNER_ONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise MemoryFileError(f"{path} is in use: another program speaks for this device") from None

    def close(self) -> None:
        os.close(self._lock)

    def load(self) -> Kept:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return Kept(secrets.randbelow(FIRST_COUNTERS))
        try:
            return _checked(json.loads(content))
        except (ValueError, KeyError, TypeError, AttributeError, ProtocolError):
            raise MemoryFileError(
                f"{self._path} is no device's memory; remove it, and the device begins with an empty one"
            ) from None

    def save(self, kept: Kept) -> None:
        text = json.dumps({**kept._asdict(), "settings": dict(kept.settings)})
        made = _beside(self._path, ".new")
        with open(made, "w", encoding="ascii", opener=_for_the_owner) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        made.replace(self._path)
        _sync_folder(self._path.parent)


def _beside(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)


def _for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags, OWNER_ONLY)


def _sync_folder(folder: Path) -> None:
    """So that the new name survives a power loss too."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _checked(said: dict[str, Any]) -> Kept:
    """Raises if it is not what save() writes."""
    counter, commands, settings = said["counter"], tuple(said["commands"]), said["settings"]
    if type(counter) is not int or not 0 <= counter <= HIGHEST_COUNTER:
        raise ValueError
    if len(commands) > COMMAND_MEMORY or not all(map(is_command_id, commands)):
        raise ValueError
    return Kept(counter, commands, {name: check_setting(name, str(value)) for name, value in settings.items()})
