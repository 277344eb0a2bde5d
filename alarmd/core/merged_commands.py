"""Commands of the peer: each waits at both servers, one of them sends it, and it has one outcome."""

from dataclasses import replace

from alarmd.core import asked
from alarmd.core.command_lifecycle import FINAL, CommandSign, finished
from alarmd.core.command_queue import MAX_QUEUED, OWN, PUSH, CommandQueue
from alarmd.core.commands import EXPIRY, open_commands, queue_of
from alarmd.core.device_session import DeviceSession
from alarmd.core.instant import SECOND
from alarmd.core.joins import join_command, merged
from alarmd.core.peer_names import UselessRecordError, forgotten, session_of
from alarmd.core.records import Command, CommandState, Told
from alarmd.core.state import State
from alarmd.core.turn import Turn
from lfcp import ProtocolError, encode
from lfcp.constants import VERBS, Verb

LATER = 5.0  # s that a command of the peer's is open here beyond its time to live: it is the peer that says so
MAX_WAITING = 2 * MAX_QUEUED  # a device; each server lets as many wait as it may


def merge_command(turn: Turn, told: Told, command: Command) -> None:
    state = turn.state
    mine = _known(state, command.id)
    if mine is not None and mine.identity != command.identity:
        raise UselessRecordError(f"command {command.id} is {mine.identity} here and {command.identity} there")
    session, device_id = _device_of(state, told, command)
    theirs = replace(command, device_id=device_id if mine is None else mine.device_id)
    if session is not None and mine is None and theirs.state not in FINAL:
        _check(session, theirs)
    result, new = merged(join_command, mine, theirs)
    if result is not None:
        _keep(turn, session, replace(result, **turn.made()) if new else result)


def abandon(turn: Turn, session: DeviceSession) -> None:
    """The device was forgotten at the peer, which says so of the commands that it knew of."""
    for command in open_commands(session):
        queue_of(session).take_out(command.id)
        del turn.state.open_commands[command.id]
        gone = finished(command, CommandSign.EXPIRED, turn.now.wall, "the device was forgotten")
        turn.change_command(gone)


def _device_of(state: State, told: Told, command: Command) -> tuple[DeviceSession | None, int]:
    """Its session is None if it was forgotten."""
    gone = forgotten(state, told.device)
    if gone is not None and command.id not in state.open_commands:
        return None, gone.id
    session = state.open_commands.get(command.id) or session_of(state, told.device)
    return session, session.device.id


def _known(state: State, command_id: int) -> Command | None:
    if command_id in state.ended_commands:
        return state.ended_commands[command_id]
    waiting = open_commands(state.open_commands[command_id]) if command_id in state.open_commands else ()
    return next((command for command in waiting if command.id == command_id), None)


def _check(session: DeviceSession, command: Command) -> None:
    verb = VERBS.get(command.verb)
    if verb is None or not verb.command:
        raise UselessRecordError(f"{command.verb!r} is no command")
    if len(command.params) != len(verb.asked):
        raise UselessRecordError(f"{command.verb} takes {len(verb.asked)} parameters")
    try:
        encode(session.device.name, command.verb, *command.params)
    except ProtocolError as error:
        raise UselessRecordError(f"a parameter of {command.verb}: {error.detail}") from error
    if session.commands is not None and len(session.commands) >= MAX_WAITING:
        raise UselessRecordError(f"{MAX_WAITING} commands wait for {session.device.name}")


def _keep(turn: Turn, session: DeviceSession | None, command: Command) -> None:
    """session: None for a device that was forgotten; it is sent nothing."""
    known = command.id in turn.state.open_commands
    if session is not None and known and command.state in FINAL:
        _end(turn, session, command)
    elif session is not None and known:
        _replace(queue_of(session), command)
    elif session is not None and command.state not in FINAL and command.verb not in OWN:
        _queue(turn, session, command)
    turn.save_command(command)


def _end(turn: Turn, session: DeviceSession, command: Command) -> None:
    queue = queue_of(session)
    queue.take_out(command.id)
    queue.push_at = None
    del turn.state.open_commands[command.id]
    if session.signed is not None and queue.waiting:
        turn.state.agenda.add(turn.now.mono, PUSH, session.device.id)
    if command.verb == Verb.SNAP and command.state is not CommandState.ACKED:
        asked.not_coming(turn, session, command.identity, command.outcome)


def _replace(queue: CommandQueue, command: Command) -> None:
    if queue.in_flight is not None and queue.in_flight.id == command.id:
        queue.in_flight = command
    else:
        place = next(place for place, waiting in enumerate(queue.waiting) if waiting.id == command.id)
        queue.waiting[place] = command


def _queue(turn: Turn, session: DeviceSession, command: Command) -> None:
    state = turn.state
    queue_of(session).waiting.append(command)
    state.open_commands[command.id] = session
    state.agenda.add(turn.now.mono_at(command.expires_at + round(LATER * SECOND)), EXPIRY, command.id)
    if session.signed is not None:
        state.agenda.add(turn.now.mono, PUSH, session.device.id)
    turn.uncache(session)
