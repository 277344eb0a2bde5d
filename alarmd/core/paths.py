"""Where a peer is seen: the address and the socket that its bytes came in on, so that a reply goes back there; and what
is known of a device's way here beside that: where it was before, and what its NAT does.
"""

from typing import Literal, NamedTuple

from lfcp.candidates import Mapping
from lfcp.constants import KEEP_LEAST_INTERVAL_MS, KEEP_MARGIN_MS, KEEP_MOST_INTERVAL_MS

NO_SOCKET = 0
MAX_FORMER = 7  # addresses that a device left; with the one where it is they are 8


class Path(NamedTuple):
    """One peer on one of our sockets.

    transport: "udp" or "tcp". host: the peer's address as text, IPv4-mapped addresses as plain IPv4.
    port: the peer's port. socket: which listener (UDP) or connection (TCP) of ours, a number from 1 up
    that the adapter gives and never uses twice in a process.
    """

    transport: Literal["udp", "tcp"]
    host: str
    port: int
    socket: int

    def __str__(self) -> str:
        return f"{self.transport}:{self.endpoint}"

    @property
    def endpoint(self) -> str:
        """Address and port, as the peer is told them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def same_peer(self, other: "Path") -> bool:
        """Whether the same address speaks, on whichever of our sockets."""
        return self[:3] == other[:3]

    @classmethod
    def parse(cls, text: str) -> "Path | None":
        """A path that str() wrote, on no socket: where a device was before a restart. None if it is not one."""
        transport, _, rest = text.partition(":")
        host, _, port = rest.rpartition(":")
        if transport not in ("udp", "tcp") or not host or not port.isdecimal():
            return None
        return cls("udp" if transport == "udp" else "tcp", host.strip("[]"), int(port), NO_SOCKET)


class Stay(NamedTuple):
    """A device at one address. first, last: wall µs; first is None if it was there before this run of the server."""

    path: Path
    first: int | None
    last: int


class Doubt(NamedTuple):
    """Two proven addresses compete: a device's path, and this one."""

    path: Path
    counter: int  # of the frame that began it: whatever has as high a one was said as late
    began: float  # s of the rules' clock
    heard: bool  # that frame came from the path already, and was copied
    asked: int = 0  # how often the device was sent PROB at its path


class Halved(NamedTuple):
    """A push was missed: the interval that the device is told, s, until then on the rules' clock."""

    interval: int
    until: float


class Way:
    """What is known of a device's way to this server; made when there is something to know, since there may be 100,000
    devices. It is not stored: the next report and the next moves tell it anew.

    mapping, life (s, 0: not known), interval (s between heartbeats): as last reported, None: never. since: wall µs at
    which it came to its path, None: before this run. former: where it was before, the last one last.
    """

    __slots__ = ("former", "halved", "interval", "life", "mapping", "port_changed_at", "port_changes", "since", "unfit")

    def __init__(self) -> None:
        self.mapping: Mapping | None = None
        self.life: int | None = None
        self.interval: int | None = None
        self.since: int | None = None
        self.former: tuple[Stay, ...] = ()
        self.halved: Halved | None = None
        self.unfit = 0  # heartbeats in a row whose report does not fit, see mappings.py
        self.port_changes = 0  # heartbeats in a row that came from another port each
        self.port_changed_at = 0.0  # s of the rules' clock

    @property
    def safe_interval(self) -> int | None:
        """The longest one, s, that its mapping outlives for sure; None: its life is not known."""
        return safe_interval(self.life) if self.life else None

    def leave(self, old: Path, path: Path, wall: int) -> None:
        """It goes from its path to another one."""
        back = next((stay for stay in self.former if stay.path.same_peer(path)), None)
        former = (*(stay for stay in self.former if stay is not back), Stay(old, self.since, wall))
        self.former = former[-MAX_FORMER:]
        self.since = back.first if back is not None else wall

    def history(self, path: Path, seen: int) -> tuple[Stay, ...]:
        """All addresses, the present one last. path: of the device; seen: wall µs of its last sign of life."""
        return *self.former, Stay(path, self.since, seen)


def safe_interval(life: int) -> int:
    """The interval to learn from a life, both in s."""
    learned = life * 1000 - KEEP_MARGIN_MS
    return min(max(learned, KEEP_LEAST_INTERVAL_MS), KEEP_MOST_INTERVAL_MS) // 1000
