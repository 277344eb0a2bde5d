"""Live pictures: asked for while somebody watches. docs/protocol.md, "Pictures"."""

from alarmd.core import commands
from alarmd.core.device_session import DeviceSession
from alarmd.core.inputs import LiveEnded, LiveRequested
from alarmd.core.records import Command
from alarmd.core.turn import Turn
from alarmd.core.uploads import can_live
from lfcp.constants import Verb

RENEWAL = "live"  # kind of appointment: of a device; does somebody watch still?
LIVE_SECONDS = 60  # that the device is asked for; over twice the heartbeats' usual distance, see Commands
RENEW_EVERY = 20.0  # s
ASKER = "alarmd"


def live_requested(turn: Turn, requested: LiveRequested) -> None:
    """The first viewer came."""
    session = turn.state.sessions.get(requested.device)
    if session is not None and session.device.id not in turn.state.watched:
        turn.state.watched[session.device.id] = turn.now.mono
        renew(turn, session.device.id)


def live_ended(turn: Turn, ended: LiveEnded) -> None:
    """The last viewer went. The device learns it from the answer to its next picture."""
    session = turn.state.sessions.get(ended.device)
    if session is not None and turn.state.watched.pop(session.device.id, None) is not None:
        for command in _open(session):
            commands.expire(turn, command.id, "nobody watches any more")


def renew(turn: Turn, device_id: int) -> None:
    """The appointment; one that is early belongs to viewers who left and came again."""
    session, due = turn.state.by_id.get(device_id), turn.state.watched.get(device_id)
    if session is None:
        turn.state.watched.pop(device_id, None)
    elif due is not None and due <= turn.now.mono:
        if can_live(session) and not _open(session):
            commands.enqueue(turn, session, Verb.LIVE, (str(LIVE_SECONDS),), ASKER, LIVE_SECONDS)
        turn.state.watched[device_id] = turn.now.mono + RENEW_EVERY
        turn.state.agenda.add(turn.now.mono + RENEW_EVERY, RENEWAL, device_id)


def _open(session: DeviceSession) -> list[Command]:
    """Ours, not an operator's."""
    return [one for one in commands.open_commands(session) if one.verb == Verb.LIVE and one.requested_by == ASKER]
