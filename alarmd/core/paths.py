"""Where a peer is seen: the address and the socket that its bytes came in on, so that a reply goes back there."""

from typing import Literal, NamedTuple

NO_SOCKET = 0


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
