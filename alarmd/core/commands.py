"""A device's commands: queued in order, one in flight, with time to live and one outcome.

Here also is how those of a device without a key are sent; signed_commands.py does it for one with a key.

A device without a key acknowledges without naming what. So one command is in flight at a time, at most MAX_SENDS times,
and after an ACK one heartbeat stays quiet: an ERR in between belongs to the command just acknowledged.
"""

from collections.abc import Callable

from alarmd.core import asked, numbering, standby
from alarmd.core.command_lifecycle import CommandSign, finished, sent
from alarmd.core.command_queue import MAX_SENDS, PUSH, ROWS_GAP, UNANSWERED, CommandQueue
from alarmd.core.device_session import DeviceSession
from alarmd.core.event_kinds import EventKind
from alarmd.core.paths import Path
from alarmd.core.records import Command, CommandState, Dialect
from alarmd.core.turn import Turn
from lfcp.constants import VERBS, Verb

EXPIRY = "expiry"  # kind of appointment: is the command still open?


def enqueue(turn: Turn, session: DeviceSession, verb: str, params: tuple[str, ...], by: str, seconds: float) -> Command:
    """Queue a command for the next heartbeat. seconds: its time to live."""
    state, now, made = turn.state, turn.now, turn.made()
    command = Command(
        id=numbering.next_command(state),
        identity=f"{made['origin']}.{made['hlc']:x}",
        device_id=session.device.id,
        verb=verb,
        params=params,
        state=CommandState.QUEUED,
        requested_by=by,
        created_at=now.wall,
        expires_at=now.wall_at(now.mono + seconds),
        attempts=0,
        sent_at=None,
        finished_at=None,
        outcome="",
        **made,
    )
    queue_of(session).waiting.append(command)
    state.open_commands[command.id] = session
    state.agenda.add(now.mono + seconds, EXPIRY, command.id)
    if session.signed is not None:
        state.agenda.add(now.mono, PUSH, session.device.id)
    turn.uncache(session)
    turn.save_command(command)
    turn.record(EventKind.COMMAND_QUEUED, f"{verb} by {by}", session)
    return command


def queue_of(session: DeviceSession) -> CommandQueue:
    if session.commands is None:
        session.commands = CommandQueue()
    return session.commands


def supersede(turn: Turn, session: DeviceSession, older: Callable[[Command], bool]) -> None:
    """A newer wish takes the place of commands that wait."""
    for command in [waiting for waiting in queue_of(session).waiting if older(waiting)]:
        expire(turn, command.id, "superseded")


def expire_secrets(turn: Turn, session: DeviceSession, why: str) -> None:
    """The device turned out to be one that a secret is not safe with."""
    for command in open_commands(session):
        if VERBS[command.verb].secret:
            expire(turn, command.id, why)


def open_commands(session: DeviceSession) -> list[Command]:
    queue = session.commands
    if queue is None:
        return []
    return [*queue.waiting, *([queue.in_flight] if queue.in_flight else [])]


def next_command(turn: Turn, session: DeviceSession, rebooted: bool) -> Command | None:
    """What this heartbeat is answered with, now counted as sent; None: a plain ACK."""
    queue = session.commands
    if queue is None:
        return None
    if queue.in_flight is not None:
        _settle_reset(turn, session, queue, rebooted)
    if queue.in_flight is not None and queue.in_flight.attempts >= MAX_SENDS:
        finish(turn, session, CommandSign.REFUSED, UNANSWERED)
    if queue.in_flight is None and queue.awaiting_quiet:
        queue.awaiting_quiet = False
        return None
    if session.device.dialect is Dialect.SEED and not _rows_allowed(turn, queue, rebooted):
        return None
    if queue.in_flight is None:
        queue.in_flight = queue.take_next(turn.state.settings.label, standby.serves(turn.state, session))
    return _send(turn, session, queue) if queue.in_flight is not None else None


def acknowledged(turn: Turn, session: DeviceSession, path: Path) -> Command | None:
    """An ACK from where the command went to; the command, if it has its outcome by this."""
    queue = session.commands
    if queue is None or queue.in_flight is None or path.host != queue.sent_to:
        return None
    if queue.in_flight.verb == Verb.RST:
        queue.reset_acknowledged = True  # the reboot is what confirms it
        return None
    return finish(turn, session, CommandSign.ACKNOWLEDGED, "")


def told_to_sleep(turn: Turn, session: DeviceSession, path: Path) -> bool:
    """Whether a SLEP follows our own DSLP, from where that went to. It confirms a DSLP whose ACK was lost."""
    queue = session.commands
    if queue is None or path.host != queue.sent_to:
        return False
    if queue.in_flight is not None and queue.in_flight.verb == Verb.DSLP:
        finish(turn, session, CommandSign.ACKNOWLEDGED, "")
    done = queue.just_acknowledged(turn.now.mono)
    return done is not None and done.verb == Verb.DSLP


def error_reported(turn: Turn, session: DeviceSession, path: Path, text: str) -> None:
    """An ERR soon after the ACK, before the next command: what was acknowledged failed after all."""
    queue = session.commands
    failed = queue.just_acknowledged(turn.now.mono) if queue is not None else None
    if queue is None or failed is None or path.host != queue.sent_to:
        return
    command = finished(failed, CommandSign.REFUSED, turn.now.wall, text)
    queue.acknowledged = None
    _save_outcome(turn, session, command)


def expire(turn: Turn, command_id: int, outcome: str = "its time to live ran out") -> None:
    """The appointment of a command's time to live; nothing if it has its outcome."""
    session = turn.state.open_commands.get(command_id)
    if session is not None:
        command = queue_of(session).take_out(command_id)
        _save_outcome(turn, session, finished(command, CommandSign.EXPIRED, turn.now.wall, outcome))


def _settle_reset(turn: Turn, session: DeviceSession, queue: CommandQueue, rebooted: bool) -> None:
    if queue.in_flight is None or queue.in_flight.verb != Verb.RST:
        return
    if rebooted:
        finish(turn, session, CommandSign.ACKNOWLEDGED, "rebooted")
    elif queue.reset_acknowledged:
        finish(turn, session, CommandSign.ACKNOWLEDGED, "acknowledged, no reboot seen")


def _rows_allowed(turn: Turn, queue: CommandQueue, rebooted: bool) -> bool:
    """A seed device never executes at its first heartbeat after a boot, and rows amplify."""
    mono = turn.now.mono
    return not rebooted and (queue.sent_at is None or mono - queue.sent_at >= ROWS_GAP)


def _send(turn: Turn, session: DeviceSession, queue: CommandQueue) -> Command:
    assert queue.in_flight is not None
    assert session.path is not None
    queue.in_flight = turn.change_command(sent(queue.in_flight, turn.now.wall))
    queue.sent_to = session.path.host
    queue.sent_at = turn.now.mono
    queue.acknowledged = None
    queue.reset_acknowledged = False
    return queue.in_flight


def finish(turn: Turn, session: DeviceSession, sign: CommandSign, outcome: str) -> Command:
    """The one in flight comes to its end."""
    queue = queue_of(session)
    assert queue.in_flight is not None
    command = finished(queue.in_flight, sign, turn.now.wall, outcome)
    queue.in_flight = None
    queue.awaiting_quiet = True
    if sign is CommandSign.ACKNOWLEDGED:
        queue.acknowledged = command
        queue.acknowledged_at = turn.now.mono
    _save_outcome(turn, session, command)
    return command


def _save_outcome(turn: Turn, session: DeviceSession, command: Command) -> None:
    turn.state.open_commands.pop(command.id, None)
    turn.change_command(command)
    why = f": {command.outcome}" if command.outcome else ""
    turn.record(EventKind.COMMAND_FINISHED, f"{command.verb} {command.state}{why}", session)
    if command.verb == Verb.SNAP and command.state is not CommandState.ACKED:
        asked.not_coming(turn, session, command.identity, command.outcome)
