"""What a session tells its caller. server: its label."""

from typing import NamedTuple


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


ClientEvent = CommandReceived | MessageAcknowledged | HeartbeatAcknowledged | PictureAcknowledged
