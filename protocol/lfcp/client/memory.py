"""What a device must find again after a restart: counters that were never used, commands done, settings."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from lfcp.constants import COUNTER_BLOCK

HIGHEST_COUNTER = (1 << 63) - 1  # servers keep counters in databases, which have no larger numbers


class Kept(NamedTuple):
    """counter: those up to here may have been used. A new device begins at random below 2^48, so that no ACK of an
    earlier life answers it. commands: ids of RST and DSLP that were obeyed, oldest first. settings: what CONF gave, by
    name."""

    counter: int = 0
    commands: tuple[str, ...] = ()
    settings: Mapping[str, int] = {}


class DeviceMemory(Protocol):
    def load(self) -> Kept: ...

    def save(self, kept: Kept) -> None:
        """All of it or nothing, and safe from power loss when this returns. Raises OSError."""


class VolatileMemory:
    """For a device without a key, which needs none, and for one that lives as long as its program."""

    def __init__(self, kept: Kept | None = None) -> None:
        self._kept = kept or Kept()

    def load(self) -> Kept:
        return self._kept

    def save(self, kept: Kept) -> None:
        self._kept = kept


class Notebook:
    """The memory and what stands in it."""

    __slots__ = ("_memory", "kept")

    def __init__(self, memory: DeviceMemory) -> None:
        self._memory = memory
        self.kept = memory.load()

    def reserve(self, counter: int) -> None:
        self._write(self.kept._replace(counter=counter))

    def remember(self, commands: tuple[str, ...]) -> None:
        self._write(self.kept._replace(commands=commands))

    def set(self, name: str, value: int) -> None:
        self._write(self.kept._replace(settings={**self.kept.settings, name: value}))

    def _write(self, kept: Kept) -> None:
        self._memory.save(kept)
        self.kept = kept


class Counters:
    """Up counters, each used once in the device's whole life. doubtful: an earlier life may have used those up to here,
    so that what answers them may be old."""

    __slots__ = ("_last", "_notebook", "doubtful")

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook
        self._last = self.doubtful = notebook.kept.counter

    def take(self) -> int:
        """One that was never used. Raises what the memory raises; then none was taken."""
        if self._last >= self._notebook.kept.counter:
            self._notebook.reserve(self._last + COUNTER_BLOCK)
        self._last += 1
        return self._last

    def raise_to(self, highest: int) -> bool:
        """Go on above this one. False: it is above already, or there would be no room left."""
        if not self._last < highest <= HIGHEST_COUNTER - COUNTER_BLOCK:
            return False
        self._last = self.doubtful = highest
        return True
