"""What a session tells its caller. server: its label."""

from typing import NamedTuple

from lfcp.candidates import Address, Mapping


class CommandReceived(NamedTuple):
    """Carry it out, then call command_done() or command_failed(); before, if it is RST or DSLP."""

    server: str
    verb: str
    params: tuple[str, ...]  # six, unused is "0"; they may be secret

    def __repr__(self) -> str:
        return f"CommandReceived({self.server!r}, {self.verb!r}, …)"


class MessageAcknowledged(NamedTuple):
    """This server has stored the message."""

    server: str
    verb: str
    text: str


class HeartbeatAcknowledged(NamedTuple):
    """Or a SLEP was."""

    server: str
    interval: int | None  # s; the longest that the server allows, if it said so


class PictureAcknowledged(NamedTuple):
    """A FRAM was. result: one of the results of uploads. reason: why it is not taken, for people."""

    server: str
    upload: str
    result: int
    reason: str


class KeepAnswered(NamedTuple):
    """A KEEP that keep() wrote was. address: where the server saw it come from; None: too many wait there already, or
    the server did not say."""

    server: str
    counter: int  # of the KEEP
    address: Address | None


class Invited(NamedTuple):
    """Somebody is to be met. Call accept() or refuse(). A repetition is answered again and told no more."""

    server: str
    session: int  # its id at this server
    key: bytes  # of the session: 32 bytes
    role: int  # this side's: 0 asked with connect(), 1 is the device
    other: Address  # where the server sees the other side
    mapping: Mapping  # the other side's
    port: int  # UDP port at the device; 0: its LFCP
    options: str  # letters; b: a birthday attempt is wanted; "-": none
    delay: float  # s to wait before the first probe
    name: str  # the other side's

    def __repr__(self) -> str:
        return f"Invited({self.server!r}, {self.session:#x}, role={self.role}, name={self.name!r}, …)"


class ConnectionAccepted(NamedTuple):
    """The server has a session for connect(); Invited follows, or came before."""

    server: str
    request: int  # what connect() gave
    session: int


class ConnectionRefused(NamedTuple):
    """reason: one of the rendezvous reasons of docs/protocol.md, or of a later server's."""

    server: str
    request: int
    reason: str


class SessionOver(NamedTuple):
    """The server says that the session has ended, or has come to nothing. It may be one that is not known here."""

    server: str
    session: int
    reason: str


ClientEvent = (
    CommandReceived
    | MessageAcknowledged
    | HeartbeatAcknowledged
    | PictureAcknowledged
    | KeepAnswered
    | Invited
    | ConnectionAccepted
    | ConnectionRefused
    | SessionOver
)
