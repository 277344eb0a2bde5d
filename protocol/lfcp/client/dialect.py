"""What LFCP/1 and LFCP/2 differ in, for a device: plain.py and signed.py say how."""

from typing import Protocol

from lfcp.client.beats import Beats
from lfcp.client.commands import OwedAck
from lfcp.client.event_queue import QueuedMessage
from lfcp.client.heard import ConnectRequest, Heard
from lfcp.client.retransmission import Retransmission
from lfcp.messages import Message
from lfcp.report import Report
from lfcp.uploads import Part


class Link(Protocol):
    """With one server: how frames are written and read."""

    def heartbeat(self, report: Report | None, /) -> bytes: ...
    def sleep(self, seconds: int, /) -> bytes: ...
    def message(self, message: QueuedMessage, now: float, /) -> bytes: ...
    def part(self, part: Part, /) -> bytes: ...
    def acknowledge(self, ack: OwedAck, /) -> bytes: ...
    def connect(self, request: ConnectRequest, /) -> bytes: ...

    def keep(self, delay: float, /) -> tuple[int, bytes]:
        """Counter and frame of a KEEP. delay: s."""

    def read(self, message: Message, frame: bytes, now: float, /) -> Heard | None:
        """message: what the frame says. None: refused."""


class Dialect(Protocol):
    """agains: repetitions of an unanswered heartbeat. quiet: s, see Retransmission."""

    @property
    def agains(self) -> int: ...

    @property
    def quiet(self) -> float: ...

    def link(self, label: str, beats: Beats, messages: Retransmission, /) -> Link: ...
