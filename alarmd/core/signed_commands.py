"""Commands to a device with a key: pushed at once, sent again until acknowledged by their id, one outcome each."""

from dataclasses import replace

from alarmd.core import commands, standby, supervision
from alarmd.core.command_lifecycle import CommandSign, sent
from alarmd.core.command_queue import PUSH, CommandQueue
from alarmd.core.device_session import DeviceSession
from alarmd.core.effects import SendFrame
from alarmd.core.records import CommandState, Presence, Standing
from alarmd.core.signed_replies import command
from alarmd.core.turn import Turn
from lfcp.constants import PUSH_FIRST_MS, PUSH_RESENDS, Verb

FIRST_WAIT = PUSH_FIRST_MS / 1000  # s
SPREAD = 0.5  # of each wait, so that a fleet does not resend in step (RFC 7252 §4.2)
DICE = 1 << 16
REACHABLE = frozenset({Presence.NEW, Presence.ONLINE, Presence.LATE})
SILENT = frozenset({Presence.LOST, Presence.ELSEWHERE})
SAID_FAILED = "the device says that it failed"


def due(turn: Turn, session: DeviceSession) -> None:
    """Look right after this turn whether a command can be pushed."""
    turn.state.agenda.add(turn.now.mono, PUSH, session.device.id)


def push(turn: Turn, device_id: int) -> None:
    """The appointment: send the next command, or the one in flight again; never to a path that is not proved."""
    session = turn.state.by_id.get(device_id)
    if session is None or session.signed is None or not session.signed.proven or session.commands is None:
        return
    queue = session.commands
    if session.presence not in REACHABLE or session.device.standing is Standing.QUARANTINED:
        return
    if queue.in_flight is None:
        _start(turn, session, queue, answers=0)
    elif queue.push_at is not None and queue.push_at <= turn.now.mono:
        queue.pushes += 1
        _send(turn, session, queue, answers=0)


def answer(turn: Turn, session: DeviceSession, counter: int) -> bool:
    """Answer a proven heartbeat with a command; False if none waits, or if it went out just now: whoever beats without
    pause does not make us write without pause."""
    queue = session.commands
    if queue is None or session.device.standing is Standing.QUARANTINED:
        return False
    if queue.in_flight is None:
        return _start(turn, session, queue, counter)
    if queue.sent_at is not None and turn.now.mono - queue.sent_at < FIRST_WAIT:
        return False
    _send(turn, session, queue, counter)
    return True


def acknowledged(turn: Turn, session: DeviceSession, command_id: str, failed: bool) -> None:
    """Nothing for a command that has its outcome: a late copy."""
    queue = session.commands
    if queue is None or queue.in_flight is None or queue.in_flight.identity != command_id:
        return
    verb = queue.in_flight.verb
    if failed:
        _finish(turn, session, CommandSign.REFUSED, SAID_FAILED)
        return
    _finish(turn, session, CommandSign.ACKNOWLEDGED, "")
    if verb == Verb.DSLP and session.presence not in SILENT:  # an ACK that somebody held back ends no loss
        supervision.declare_sleep(turn, session, supervision.SLEEP_AFTER_DSLP)


def explained(turn: Turn, session: DeviceSession, command_id: str, text: str) -> None:
    """An ERR that names a command: why it failed, before or after the ACK that says so."""
    queue = session.commands
    if queue is None:
        return
    if queue.in_flight is not None and queue.in_flight.identity == command_id:
        _finish(turn, session, CommandSign.REFUSED, text)
        return
    last = queue.acknowledged
    if last is not None and last.identity == command_id and last.outcome == SAID_FAILED:
        queue.acknowledged = turn.change_command(replace(last, outcome=text))


def _start(turn: Turn, session: DeviceSession, queue: CommandQueue, answers: int) -> bool:
    queue.in_flight = queue.take_next(turn.state.settings.label, standby.serves(turn.state, session))
    if queue.in_flight is None:
        return False
    queue.pushes = 0
    _send(turn, session, queue, answers)
    return True


def _send(turn: Turn, session: DeviceSession, queue: CommandQueue, answers: int) -> None:
    assert queue.in_flight is not None
    assert session.path is not None
    queue.in_flight = sent(queue.in_flight, turn.now.wall)
    queue.sent_at = turn.now.mono
    command(turn, session, session.path, queue.in_flight, answers)
    queue.in_flight = turn.change_command(queue.in_flight)
    if queue.pushes < PUSH_RESENDS:
        queue.push_at = turn.now.mono + _wait(turn, queue.pushes)
        turn.state.agenda.add(queue.push_at, PUSH, session.device.id)
    else:
        queue.push_at = None


def _wait(turn: Turn, pushes: int) -> float:
    """The tag just made is the dice: nobody without the key foresees it, and the rules need no randomness."""
    frame = turn.effects[-2]
    assert isinstance(frame, SendFrame)
    dice = int.from_bytes(frame.payload[-2:], "big") / DICE
    return FIRST_WAIT * (1 << pushes) * (1 + SPREAD * dice)


def _finish(turn: Turn, session: DeviceSession, sign: CommandSign, outcome: str) -> None:
    done = commands.finish(turn, session, sign, outcome)
    queue = commands.queue_of(session)
    queue.push_at = None
    if done.state is CommandState.FAILED:
        queue.acknowledged = done
    if queue.waiting:
        due(turn, session)
