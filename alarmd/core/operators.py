"""Operators' machines: parties with a name and keys, as devices have them, that meet devices and are none.

One is kept as a Device record, so that keys, counters, sealing and the copies at the peer are those of devices. It is
in State.operators instead of among the devices: nobody supervises it, lists it with them or sends it commands.
"""

from alarmd.core import rendezvous
from alarmd.core.admission import forget, introduce
from alarmd.core.effects import Answer
from alarmd.core.event_kinds import EventKind
from alarmd.core.key_requests import add_key
from alarmd.core.named import checked_name, operator_of
from alarmd.core.records import DeviceKey, Signing, Standing
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.requests import OperatorAdded, OperatorRemoved
from alarmd.core.signed_session import SignedSession
from alarmd.core.state import MAX_OPERATORS, State
from alarmd.core.turn import Turn
from lfcp.constants import RendezvousReason, Verb

FIRST_EPOCH = 1
MAY_SEND = frozenset({Verb.HEARTBEAT, Verb.KEEP, Verb.CONN, Verb.ACK})


def operator_added(turn: Turn, added: OperatorAdded) -> None:
    """One whose key was dropped (`alarmd drop-keys`) gets a new one."""
    name = checked_name(added.machine, "machine")
    session = turn.state.operators.get(name)
    if session is None or session.signed is not None:
        _check_free(turn.state, name)
        session = introduce(turn, name, Standing.OPERATOR)
    session.signed = SignedSession(turn.state.settings.label, turn.now)
    turn.change_device(session, signing=Signing.SIGNED)
    key = DeviceKey(session.device.id, FIRST_EPOCH, added.key, turn.now.wall, **turn.made())
    add_key(turn, session, session.signed, key)
    turn.record(EventKind.OPERATOR_ADDED, f"by {added.operator}", session)
    turn.effects.append(Answer((session.device,)))


def operator_removed(turn: Turn, removed: OperatorRemoved) -> None:
    """Its program is told while there is a key to tell it with."""
    session = operator_of(turn, removed.machine)
    for meeting in turn.state.meetings.of(session):
        rendezvous.end(turn, meeting, RendezvousReason.ENDED)
    forget(turn, session, EventKind.OPERATOR_REMOVED, f"by {removed.operator}")
    turn.effects.append(Answer((session.device,)))


def _check_free(state: State, name: str) -> None:
    if name in state.operators:
        fix = f"`alarmd operator rekey {name}` gives it another key"
        raise RequestRefusedError("is_operator", "machine", f"{name} is an operator's machine already; {fix}")
    if name in state.sessions:
        fix = f"choose another name, or free this one with `alarmd device forget {name}`"
        raise RequestRefusedError("is_device", "machine", f"{name} is a device; {fix}")
    if len(state.operators) >= MAX_OPERATORS:
        fix = "`alarmd operator remove` makes room"
        raise RequestRefusedError("table_full", "machine", f"{MAX_OPERATORS} operators' machines are known; {fix}")
