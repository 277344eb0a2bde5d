"""What one upload, one sender and all of them together may cost."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from alarmd.web.ingest.messages import UploadRefusedError

MAX_HEAD = 16 * 1024  # bytes of request line and headers
MAX_UNDER_WAY = 64 * 1024 * 1024  # bytes of all bodies that are being received or stored
MAX_SHARE = MAX_UNDER_WAY // 4  # bytes of those that are one device's
MAX_BODIES = 4  # of one device at a time
LINGER = 5.0  # s without a byte, after the answer, that a peer gets to close its side
BUSY_RETRY = 10  # s after which a sender is told to try again


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """head_timeout: s from the connection (TLS included) to the end of the headers. body_idle_timeout: s between two
    pieces of the body. total_timeout: s for the whole request. max_body: bytes."""

    connections: int = 256
    connections_per_address: int = 64
    head_timeout: float = 15.0
    body_idle_timeout: float = 15.0
    total_timeout: float = 120.0
    max_body: int = 16 * 1024 * 1024


class Holder(Protocol):
    """Of a place: a connection. is_in_head: nobody knows yet who it is. is_answered: only its end is awaited."""

    peer: str

    @property
    def is_in_head(self) -> bool: ...

    @property
    def is_answered(self) -> bool: ...

    def give_way(self) -> None: ...


class Places:
    """Connections, counted from the moment they are accepted: a TLS handshake that never ends holds a place too. When
    all are taken, whoever has shown nothing for longest gives way, so that strangers who wait keep no camera out."""

    def __init__(self, limits: UploadLimits) -> None:
        self._limits = limits
        self._holders: dict[Holder, None] = {}  # the oldest first
        self._addresses: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._holders)

    def take(self, holder: Holder, *, shared: bool = False) -> str:
        """Empty, or why there is none. shared: a proxy's address, behind which all may be."""
        if not shared and self._addresses[holder.peer] >= self._limits.connections_per_address:
            neighbours = [other for other in self._holders if other.peer == holder.peer]
            if not self._make_way(neighbours):
                return "too_many_connections_of_address"
        if len(self) >= self._limits.connections and not self._make_way(self._holders):
            return "too_many_connections"
        self._holders[holder] = None
        self._addresses[holder.peer] += 1
        return ""

    def give_back(self, holder: Holder) -> None:
        """Nothing if it has given way."""
        if holder in self._holders:
            del self._holders[holder]
            self._addresses[holder.peer] -= 1
            if not self._addresses[holder.peer]:
                del self._addresses[holder.peer]

    def _make_way(self, among: Iterable[Holder]) -> bool:
        leaves = next((holder for holder in among if holder.is_in_head), None)
        leaves = leaves or next((holder for holder in among if holder.is_answered), None)
        if leaves is None:
            return False
        self.give_back(leaves)
        leaves.give_way()
        return True


class Budget:
    """Memory for bodies. A body of known length gets all of it before its first byte is read, so that uploads are
    turned away at the door and not half-way. share: what one device gets of it, so that none keeps the others out."""

    def __init__(self, limit: int = MAX_UNDER_WAY, share: int = MAX_SHARE) -> None:
        self.limit = limit
        self.share = share
        self.used = 0
        self._rooms: dict[str, set[BodyRoom]] = {}

    def open(self, device: str) -> "BodyRoom":
        rooms = self._rooms.setdefault(device, set())
        if len(rooms) >= MAX_BODIES:
            raise _device_busy(f"{MAX_BODIES} uploads of this camera are under way")
        room = BodyRoom(self, device)
        rooms.add(room)
        return room

    def grow(self, room: "BodyRoom", size: int) -> None:
        more = size - room.size
        if sum(other.size for other in self._rooms[room.device]) + more > self.share:
            raise _device_busy(f"this camera has {self.share} bytes under way at most")
        if self.used + more > self.limit:
            raise UploadRefusedError(
                503, "busy", "", f"uploads of {self.limit} bytes are under way; try again", retry_after=BUSY_RETRY
            )
        self.used += more
        room.size = size

    def close(self, room: "BodyRoom") -> None:
        rooms = self._rooms[room.device]
        rooms.remove(room)
        self.used -= room.size
        if not rooms:
            del self._rooms[room.device]


class BodyRoom:
    """Of one body. size: bytes that it may have."""

    def __init__(self, budget: Budget, device: str) -> None:
        self._budget = budget
        self.device = device
        self.size = 0

    def hold(self, size: int) -> None:
        """Raises UploadRefusedError."""
        if size > self.size:
            self._budget.grow(self, size)

    def close(self) -> None:
        self._budget.close(self)


def _device_busy(what: str) -> UploadRefusedError:
    return UploadRefusedError(429, "device_busy", "", f"{what}; wait for their answers", retry_after=BUSY_RETRY)
