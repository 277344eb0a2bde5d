"""Which socket a path's number means: listeners for UDP, connections for TCP."""

from itertools import count
from typing import Protocol

from alarmd.core.effects import CacheHeartbeat, TakePart
from alarmd.core.paths import Path


class Endpoint(Protocol):
    """Where effects for a path go. No method raises on what the network does."""

    def send(self, path: Path, payload: bytes) -> None: ...

    def stop_reading(self, path: Path) -> None:
        """Take nothing more from this peer: its connection is about to be closed."""
        ...

    def close(self, path: Path) -> None:
        """Close what leads to this peer, if it is a connection, after what was sent on it."""
        ...

    def cache(self, heartbeat: CacheHeartbeat) -> None: ...

    def take(self, taken: TakePart) -> None:
        """The bytes that this peer announced with its last line."""
        ...


class Sockets:
    """Numbers are never used twice in a process, so an effect that comes late reaches nobody else."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._open: dict[int, Endpoint] = {}

    def add(self, endpoint: Endpoint) -> int:
        number = next(self._numbers)
        self._open[number] = endpoint
        return number

    def remove(self, number: int) -> None:
        self._open.pop(number, None)

    def get(self, number: int) -> Endpoint | None:
        return self._open.get(number)
