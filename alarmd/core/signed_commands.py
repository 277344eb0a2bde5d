"""Commands to a device with a key: pushed at once, sent again until acknowledged by their id, one outcome each."""

from dataclasses import replace

from alarmd.core import commands, mappings, standby, supervision
from alarmd.core.command_lifecycle import CommandSign, sent
from alarmd.core.command_queue import PUSH, CommandQueue
from alarmd.core.device_session import DeviceSession
from alarmd.core.effects import SendFrame
from alarmd.core.paths import Path
from alarmd.core.records import CommandState, Presence, Standing
from alarmd.core.signed_exchange import SignedExchange
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
        _start(turn, session, queue)
    elif queue.push_at is not None and queue.push_at <= turn.now.mono:
        queue.pushes += 1
        _send(turn, session, queue)


def answer(turn: Turn, exchange: SignedExchange) -> bool:
    """Answer a proven heartbeat with a command; False if none waits, or if it went out just now: whoever beats without
    pause does not make us write without pause."""
    session, queue = exchange.session, exchange.session.commands
    if queue is None or session.device.standing is Standing.QUARANTINED:
        return False
    if queue.in_flight is None:
        return _start(turn, session, queue, exchange)
    if queue.sent_at is not None and turn.now.mono - queue.sent_at < FIRST_WAIT:
        return False
    _send(turn, session, queue, exchange)
    return True


def acknowledged(turn: Turn, exchange: SignedExchange, command_id: str, answered: int, failed: bool) -> None:
    """Nothing for a command that has its outcome: a late copy. answered: the counter of the one that reached it."""
    session, queue = exchange.session, exchange.session.commands
    if queue is None or queue.in_flight is None or queue.in_flight.identity != command_id:
        return
    verb, at_home = queue.in_flight.verb, exchange.frame.path.host == queue.sent_to
    if queue.after_pushes is not None and answered >= queue.after_pushes and at_home:
        mappings.push_missed(turn, session)
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


def _start(turn: Turn, session: DeviceSession, queue: CommandQueue, asked: SignedExchange | None = None) -> bool:
    queue.in_flight = queue.take_next(turn.state.settings.label, standby.serves(turn.state, session))
    if queue.in_flight is None:
        return False
    queue.pushes = 0
    queue.after_pushes = None
    _send(turn, session, queue, asked)
    return True


def _send(turn: Turn, session: DeviceSession, queue: CommandQueue, asked: SignedExchange | None = None) -> None:
    """asked: the heartbeat that it answers; None: it is pushed."""
    assert queue.in_flight is not None
    queue.in_flight = sent(queue.in_flight, turn.now.wall)
    queue.sent_at = turn.now.mono
    if asked is None and session.path is not None:
        queue.sent_to = session.path.host
    for path in _places(session):
        is_answer = asked is not None and path == asked.frame.path
        command(turn, session, path, queue.in_flight, asked.counter if asked is not None and is_answer else 0)
    queue.in_flight = turn.change_command(queue.in_flight)
    _plan_push(turn, session, queue, asked is not None)


def _places(session: DeviceSession) -> tuple[Path, ...]:
    """Where the device may be."""
    assert session.path is not None
    assert session.signed is not None
    doubt = session.signed.doubt
    return (session.path,) if doubt is None else (session.path, doubt.path)


def _plan_push(turn: Turn, session: DeviceSession, queue: CommandQueue, is_answer: bool) -> None:
    if queue.pushes < PUSH_RESENDS:
        queue.push_at = turn.now.mono + _wait(turn, queue.pushes)
        turn.state.agenda.add(queue.push_at, PUSH, session.device.id)
        return
    queue.push_at = None
    if is_answer and queue.after_pushes is None and session.signed is not None:
        queue.after_pushes = session.signed.down


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
