"""What one upload, one sender and all of them together may cost."""

from collections import Counter
from dataclasses import dataclass

from alarmd.web.ingest.messages import UploadRefusedError

MAX_HEAD = 16 * 1024  # bytes of request line and headers
MAX_UNDER_WAY = 64 * 1024 * 1024  # bytes of all bodies that are being received or stored
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


class Places:
    """Connections, counted from the moment they are accepted: a TLS handshake that never ends holds a place too."""

    def __init__(self, limits: UploadLimits) -> None:
        self._limits = limits
        self._addresses: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._addresses.total()

    def take(self, host: str, *, shared: bool = False) -> str:
        """Empty, or why there is none. shared: a proxy's address, behind which all may be."""
        if len(self) >= self._limits.connections:
            return "too_many_connections"
        if not shared and self._addresses[host] >= self._limits.connections_per_address:
            return "too_many_connections_of_address"
        self._addresses[host] += 1
        return ""

    def give_back(self, host: str) -> None:
        self._addresses[host] -= 1
        if not self._addresses[host]:
            del self._addresses[host]


class Budget:
    """Memory for bodies. A body of known length gets all of it before its first byte is read, so that uploads are
    turned away at the door and not half-way."""

    def __init__(self, limit: int = MAX_UNDER_WAY) -> None:
        self.limit = limit
        self.used = 0

    def take(self, count: int) -> None:
        if self.used + count > self.limit:
            raise UploadRefusedError(
                503, "busy", "", f"uploads of {self.limit} bytes are under way; try again", retry_after=BUSY_RETRY
            )
        self.used += count

    def give_back(self, count: int) -> None:
        self.used -= count
