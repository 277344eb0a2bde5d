"""The commands of one device: in order, one in flight."""

from collections import deque

from alarmd.core.records import Command
from lfcp.constants import Verb

PUSH = "push"  # kind of appointment: can a device with a key be sent a command?
MAX_QUEUED = 16  # a device
MAX_SENDS = 3
UNANSWERED = f"no acknowledgement after {MAX_SENDS} sends"  # the outcome of one that may have been done all the same
OWN = frozenset({Verb.SNAP, Verb.LIVE})  # sent by the server that asked, which the pictures come to
ERROR_BELONGS = 300.0  # s after its ACK in which an ERR or SLEP is taken to be about a command
ROWS_GAP = 15.0  # s between two rows replies, see docs/protocol.md


def sent_parameters(command: Command) -> tuple[str, ...]:
    """Those of the operator; the upload that a SNAP asks for has the command's own id."""
    return (command.identity,) if command.verb == Verb.SNAP else command.params


def _asked_by(command: Command, label: str) -> bool:
    return command.identity.startswith(f"{label}.")


class CommandQueue:
    """awaiting_quiet: a command came to its end, so the next heartbeat gets none: an ERR that follows still belongs to
    `acknowledged`, and a late ACK, which names nothing, to nobody. acknowledged: until the next command goes out, or
    for ERROR_BELONGS seconds. pushes, push_at: how often the one in flight was sent again to a device with a key since
    it was first sent, and when it will be; None: at its next heartbeat. asserted: when what is wanted was last sent,
    by the verbs that say it. after_pushes: the counter with which the one in flight went out first, as the answer to a
    heartbeat, after all its pushes."""

    __slots__ = (
        "acknowledged",
        "acknowledged_at",
        "after_pushes",
        "asserted",
        "awaiting_quiet",
        "in_flight",
        "push_at",
        "pushes",
        "reset_acknowledged",
        "sent_at",
        "sent_to",
        "waiting",
    )

    def __init__(self) -> None:
        self.waiting: deque[Command] = deque()
        self.in_flight: Command | None = None
        self.sent_to = ""  # the host that the one in flight went to
        self.sent_at: float | None = None  # when the last one went out, monotonic s
        self.awaiting_quiet = False
        self.acknowledged: Command | None = None
        self.acknowledged_at = 0.0
        self.reset_acknowledged = False
        self.asserted: dict[frozenset[str], float] = {}
        self.pushes = 0
        self.push_at: float | None = None
        self.after_pushes: int | None = None

    def __len__(self) -> int:
        return len(self.waiting) + (self.in_flight is not None)

    @property
    def idle(self) -> bool:
        """Nothing to send and nothing to wait for: heartbeats may be answered from the cache."""
        return not self.waiting and self.in_flight is None and not self.awaiting_quiet

    def just_acknowledged(self, mono: float) -> Command | None:
        """What a message that names no command may be about."""
        return self.acknowledged if mono - self.acknowledged_at <= ERROR_BELONGS else None

    def take_next(self, label: str, serves: bool) -> Command | None:
        """Remove the one to send next. label: of this server. serves: whether it sends the device its commands, see
        standby.py."""
        mine = (one for one in self.waiting if (_asked_by(one, label) if one.verb in OWN else serves))
        command = next(mine, None)
        if command is not None:
            self.waiting.remove(command)
        return command

    def take_out(self, command_id: int) -> Command:
        """Remove a command that has no outcome yet, wherever it stands."""
        if self.in_flight is not None and self.in_flight.id == command_id:
            command, self.in_flight = self.in_flight, None
            self.awaiting_quiet = True
        else:
            command = next(waiting for waiting in self.waiting if waiting.id == command_id)
            self.waiting.remove(command)
        return command
