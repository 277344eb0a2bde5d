"""When to tell a device again what is wanted of it: not while it is being told, and not as often as it reports."""

from alarmd.core import standby
from alarmd.core.commands import open_commands, queue_of
from alarmd.core.device_session import DeviceSession
from alarmd.core.records import Dialect, Standing
from alarmd.core.turn import Turn

REASSERT_GAP = 300.0  # s between two attempts to correct a device that does not do what is wanted


def may_reassert(turn: Turn, session: DeviceSession, verbs: frozenset[str]) -> bool:
    """verbs: those that tell it."""
    if session.device.dialect is Dialect.SEED or session.device.standing is Standing.QUARANTINED:
        return False
    if not standby.serves(turn.state, session):
        return False
    last = session.commands.asserted.get(verbs) if session.commands is not None else None
    if last is not None and turn.now.mono - last < REASSERT_GAP:
        return False
    return not any(command.verb in verbs for command in open_commands(session))


def note_asserted(turn: Turn, session: DeviceSession, verbs: frozenset[str]) -> None:
    queue_of(session).asserted[verbs] = turn.now.mono
