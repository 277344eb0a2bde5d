"""The table of a command: queued, sent, and one outcome."""

from dataclasses import replace
from enum import Enum, auto

from alarmd.core.records import Command, CommandState
from lfcp.constants import VERBS


class CommandSign(Enum):
    SENT = auto()
    ACKNOWLEDGED = auto()
    REFUSED = auto()  # the device reported an error, or never answered
    EXPIRED = auto()  # its time to live ran out, or another command took its place


TRANSITIONS: dict[tuple[CommandState, CommandSign], CommandState] = {
    (CommandState.QUEUED, CommandSign.SENT): CommandState.SENT,
    (CommandState.QUEUED, CommandSign.EXPIRED): CommandState.EXPIRED,
    (CommandState.SENT, CommandSign.SENT): CommandState.SENT,
    (CommandState.SENT, CommandSign.ACKNOWLEDGED): CommandState.ACKED,
    (CommandState.SENT, CommandSign.REFUSED): CommandState.FAILED,
    (CommandState.SENT, CommandSign.EXPIRED): CommandState.EXPIRED,
    (CommandState.ACKED, CommandSign.REFUSED): CommandState.FAILED,  # LFCP/1: first ACK, then ERR
}
ILLEGAL = frozenset((state, sign) for state in CommandState for sign in CommandSign) - frozenset(TRANSITIONS)

FINAL = frozenset({CommandState.ACKED, CommandState.FAILED, CommandState.EXPIRED})


def sent(command: Command, wall: int) -> Command:
    state = TRANSITIONS[command.state, CommandSign.SENT]
    return replace(command, state=state, attempts=command.attempts + 1, sent_at=wall)


def finished(command: Command, sign: CommandSign, wall: int, outcome: str) -> Command:
    """The command with its outcome; a secret is not kept longer than it is needed."""
    state = TRANSITIONS[command.state, sign]
    params = () if VERBS[command.verb].secret else command.params
    return replace(command, state=state, finished_at=wall, outcome=outcome, params=params)
