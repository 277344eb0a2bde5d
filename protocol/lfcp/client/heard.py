"""What a frame of a server says, in whichever dialect it came."""

from typing import NamedTuple

from lfcp.candidates import Address
from lfcp.client.event_queue import QueuedMessage
from lfcp.client.events import Invited, SessionOver
from lfcp.constants import Verb
from lfcp.uploads import Answer

BAD_PARAMETER = "has a bad parameter"


class BeatAnswered(NamedTuple):
    beat: Verb  # HEARTBEAT or SLEP
    interval: int | None  # s; the longest that the server allows, if it said so
    again: bool = False  # it proved nothing: beat again at once
    address: Address | None = None  # where the server saw it come from, if it said so


class MessageStored(NamedTuple):
    message: QueuedMessage


class PictureAnswered(NamedTuple):
    answer: Answer


class Commanded(NamedTuple):
    """beat: what the command came in answer to. fault: why it cannot be carried out. id: None in LFCP/1.
    version: of the wanted state, if it says one."""

    verb: str
    params: tuple[str, ...]  # six, opened
    beat: Verb | None
    id: str | None = None
    counter: int = 0  # of the frame; the ACK names it
    version: int | None = None
    fault: str | None = None

    def __repr__(self) -> str:
        """Parameters may be secret."""
        return f"Commanded({self.verb!r}, …, id={self.id!r})"


class KeepHeard(NamedTuple):
    """An answer to the KEEP with this counter. refused: too many wait."""

    counter: int
    refused: bool
    address: Address | None


class Probed(NamedTuple):
    counter: int  # of PROB


class Summoned(NamedTuple):
    """A PNCH that invites. counter: of the frame, which its ACK names."""

    counter: int
    invited: Invited


class ConnectRequest(NamedTuple):
    """number: the same in repetitions. port: UDP port at the device; 0: its LFCP. options: letters, or "-"."""

    number: int
    server: str
    device: str
    port: int
    options: str


class RequestAnswered(NamedTuple):
    """session: None: refused."""

    request: ConnectRequest
    session: int | None
    reason: str


class Synchronised(NamedTuple):
    raised: bool  # the counter goes on above where it was


class Understood(NamedTuple):
    """A proper frame that changes nothing: a late ACK for example."""


Heard = (
    BeatAnswered
    | MessageStored
    | PictureAnswered
    | Commanded
    | KeepHeard
    | Probed
    | Summoned
    | SessionOver
    | RequestAnswered
    | Synchronised
    | Understood
)
