"""Which devices the peer hears, and telling it which ones are heard here. A device is lost when neither hears it."""

from collections import deque

from alarmd.core import signed_commands, supervision
from alarmd.core.device_session import DeviceSession
from alarmd.core.effects import TellPeer
from alarmd.core.inputs import PeerHears
from alarmd.core.loss_causes import count_in, count_out
from alarmd.core.records import Presence
from alarmd.core.state import State
from alarmd.core.turn import Turn

HEARS = "peer_hears"  # kind of appointment: devices that the peer was not told of since it was met
UNHEAR = "peer_unhears"  # kind of appointment: devices that only the peer heard, which tells nothing any more
MAX_TOLD = 1000  # of them in one turn, and names in one message: 33 kB
UNHEARD = (Presence.LATE, Presence.ELSEWHERE)  # here; what the peer hears of them matters


def peer_hears(turn: Turn, hears: PeerHears) -> None:
    """Nothing if the link is down by now: who is alone judges alone."""
    if not turn.state.peer_met:
        return
    for name in hears.heard:
        _heard(turn, name)
    for name in hears.unheard:
        _unheard(turn, name)


def peer_ceased(turn: Turn, silent: float) -> None:
    """It tells nothing any more. silent: s for which that may have been so unnoticed."""
    state, at = turn.state, turn.now.mono - silent
    late = [one for one in state.by_id.values() if one.presence is Presence.LATE and _is_heard(state, one)]
    for session in late:
        count_out(state, session)
    under_way, state.peer_told = bool(state.elsewhere_untold), at
    state.elsewhere_untold = deque(one.device.id for one in state.by_id.values() if one.presence is Presence.ELSEWHERE)
    state.peer_hears.clear()
    for session in late:
        count_in(state, session)
        supervision.unheard_elsewhere(turn, session, at)
    if not under_way:
        unhear_some(turn, 0)
    for session in dict.fromkeys(state.open_commands.values()):
        _serve(turn, session)


def unhear_some(turn: Turn, _subject_id: int) -> None:
    """The appointment: go on with the devices that only the peer heard. It may hear them again by now."""
    state = turn.state
    for _ in range(min(MAX_TOLD, len(state.elsewhere_untold))):
        session = state.by_id.get(state.elsewhere_untold.popleft())
        if session is not None and session.presence is Presence.ELSEWHERE and not _is_heard(state, session):
            supervision.unheard_elsewhere(turn, session, state.peer_told)
    if state.elsewhere_untold:
        state.agenda.add(turn.now.mono, UNHEAR, 0)


def tell_all(turn: Turn) -> None:
    """All that this server hears, at once if it is little."""
    turn.state.hears_untold = deque(turn.state.by_id)
    tell_some(turn, 0)


def tell_some(turn: Turn, _subject_id: int) -> None:
    """The appointment: go on with the devices of which the peer does not know yet. What changes meanwhile is told as it
    changes, and here as it is then."""
    state = turn.state
    untold = state.hears_untold
    sessions = (state.by_id.get(untold.popleft()) for _ in range(min(MAX_TOLD, len(untold))))
    heard = tuple(session.device.name for session in sessions if session is not None and session.is_heard)
    if heard:
        turn.effects.append(TellPeer(heard=heard))
    if untold:
        state.agenda.add(turn.now.mono, HEARS, 0)


def _heard(turn: Turn, name: str) -> None:
    """A name may come before the record of its device, and is remembered."""
    state, session = turn.state, turn.state.sessions.get(name)
    if session is None:
        if len(state.peer_hears) < state.settings.max_devices:
            state.peer_hears.add(name)
        return
    count_out(state, session)
    state.peer_hears.add(session.device.name)
    count_in(state, session)
    member = session.presence is Presence.LATE and session.loss_alarm is not None
    if member or session.presence is Presence.LOST:
        supervision.heard_elsewhere(turn, session)


def _unheard(turn: Turn, name: str) -> None:
    state, session = turn.state, turn.state.sessions.get(name)
    if session is None or name not in state.peer_hears:
        state.peer_hears.discard(name)
        return
    count_out(state, session)
    state.peer_hears.discard(name)
    count_in(state, session)
    if session.presence in UNHEARD:
        supervision.unheard_elsewhere(turn, session, turn.now.mono)
    _serve(turn, session)


def _serve(turn: Turn, session: DeviceSession) -> None:
    """What waited for the peer to send it is sent from here now; a device without a key gets it at its next heartbeat,
    which no cache answers while a command waits."""
    if session.signed is not None and session.commands:
        signed_commands.due(turn, session)


def _is_heard(state: State, session: DeviceSession) -> bool:
    return session.device.name in state.peer_hears
