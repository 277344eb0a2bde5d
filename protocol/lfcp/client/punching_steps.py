"""What a rendezvous is begun with, and what it asks of its caller and tells it; see punching.py. Times are seconds."""

from typing import NamedTuple

from lfcp.candidates import Address, Kind, Mapping

LFCP_SOCKET = 0  # the socket that LFCP is spoken on; the others are opened for the session


class Invitation(NamedTuple):
    """What PNCH says. other: where the server sees the other side. options: letters, or "-"."""

    session: int
    key: bytes
    role: int  # 0: who asked; 1: the device
    other: Address
    mapping: Mapping  # the other side's
    options: str = "-"
    delay: float = 0.0  # before probes

    def __repr__(self) -> str:
        return f"Invitation({self.session:x}, role={self.role}, other={self.other}, mapping={self.mapping.value})"


class Own(NamedTuple):
    """What a side knows of itself when it is invited."""

    mapping: Mapping = Mapping.UNKNOWN
    addresses: tuple[Address, ...] = ()  # of the LFCP socket, at this machine's interfaces
    seen: Address | None = None  # where a server saw the LFCP socket last
    direction: int = 1  # 1 or -1: how a NAT counts ports, if the mapping is sequential
    many_sockets: bool = False  # it can open BIRTHDAY_SOCKETS at once


class Send(NamedTuple):
    """ttl: None, or the time to live of this one datagram. What cannot be sent there is dropped."""

    socket: int
    address: Address
    datagram: bytes
    ttl: int | None = None


class Relay(NamedTuple):
    """To the server, from the LFCP socket."""

    datagram: bytes


class OpenSockets(NamedTuple):
    """Open UDP sockets under these numbers, each at a port of its own; then call opened() for each."""

    sockets: tuple[int, ...]


class CloseSockets(NamedTuple):
    sockets: tuple[int, ...]


class AskAddress(NamedTuple):
    """Send the server a KEEP with delay 0 from this socket, once; then call server_saw()."""

    socket: int


class Payload(NamedTuple):
    """The body of a DATA, by whichever path."""

    body: bytes


class PathChanged(NamedTuple):
    """What is sent goes this way from now on. address, kind: None over the relay. kind: of the other's address.
    round_trip: None: not known yet. Told again when a round trip becomes known."""

    address: Address | None
    kind: Kind | None
    round_trip: float | None


class Over(NamedTuple):
    """The session is over; nothing else comes. reason: `ended`: the other side said so; `silent`: nothing was heard
    of it for too long; `closed`: close() was called."""

    reason: str


Step = Send | Relay | OpenSockets | CloseSockets | AskAddress | Payload | PathChanged | Over
