"""Where a device with a key is: an address is believed when something that was sent there alone comes back.

A proven path is left for another one only if the device, asked there, says nothing more from it; docs/protocol.md,
"Rebinding". What comes first from elsewhere may be a stranger's copy, and the challenge that comes back may have been
passed on by him; but whoever can keep everything from coming the old way can do as he likes anyway.

| sign | not proven | proven | in doubt |
|---|---|---|---|
| another address is proven | moves | in doubt | the newer one competes |
| a frame as new comes from the path | | stays | stays |
| REBINDING_MS are over | | | moves; stays if the frame that proved the other one was a copy |
| the path's connection is closed | | not proven | moves |
| the other one's is | | | stays |
"""

from alarmd.core import signed_commands, supervision
from alarmd.core.device_session import MISSES, DeviceSession
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import ConnectionClosed
from alarmd.core.message_limits import over_limit
from alarmd.core.paths import Doubt, Path
from alarmd.core.signed_exchange import SignedExchange
from alarmd.core.signed_replies import probe
from alarmd.core.signed_session import NOWHERE, SignedSession
from alarmd.core.turn import Turn
from lfcp.constants import PROB_AGAIN_MS, REBINDING_MS, Verb

REBINDING = "rebinding"  # kind of appointment: is the device still at its old address?
AGAIN = PROB_AGAIN_MS / 1000  # s after the first PROB
PATIENCE = REBINDING_MS / 1000  # s that a doubt lasts


def locate(turn: Turn, exchange: SignedExchange, alive: bool, echo: int) -> bool:
    """Whether the device is proved to be where the frame came from. If not, what it is answered is the challenge."""
    session, signed, path = exchange.session, exchange.signed, exchange.frame.path
    if exchange.newest:
        signed.copies = (*signed.copies, path) if exchange.copy else (path,)
    if signed.proven and path == session.path:
        if exchange.newest and signed.challenged:
            _stay(turn, session, signed)
        return True
    if alive and echo in signed.challenged.get(path, ()):
        _proved(turn, exchange)
        signed.note_round_trip(echo, turn.now.mono)
        return True
    if exchange.newest:
        signed.challenge(path, session.path)
    return False


def spoken(turn: Turn, exchange: SignedExchange) -> None:
    """Any authentic frame while there is a doubt; a copy of one that was faster elsewhere counts as well."""
    session, signed, doubt = exchange.session, exchange.signed, exchange.signed.doubt
    assert doubt is not None
    if exchange.frame.path == session.path and exchange.counter >= doubt.counter:
        _stay(turn, session, signed)


def check(turn: Turn, device_id: int) -> None:
    """The appointments of a doubt."""
    session = turn.state.by_id.get(device_id)
    signed = session.signed if session is not None else None
    if session is None or signed is None or signed.doubt is None:
        return
    doubt = signed.doubt
    if doubt.began + PATIENCE <= turn.now.mono:
        _stay(turn, session, signed) if doubt.heard else _move(turn, session, signed, doubt.path)
    elif doubt.asked == 1 and doubt.began + AGAIN <= turn.now.mono:
        _ask(turn, session, signed, doubt)


def connection_closed(turn: Turn, closed: ConnectionClosed) -> None:
    """A path over TCP ends with its connection: nothing can be pushed there."""
    session = turn.state.connections.pop(closed.path, None)
    signed = session.signed if session is not None else None
    if session is None or signed is None:
        return
    doubt = signed.doubt
    if closed.path != session.path:
        signed.doubt = None if doubt is not None and doubt.path == closed.path else doubt
    elif doubt is not None:
        _move(turn, session, signed, doubt.path)
    else:
        signed.proven = False


def _proved(turn: Turn, exchange: SignedExchange) -> None:
    session, signed, path = exchange.session, exchange.signed, exchange.frame.path
    if not signed.proven:
        _move(turn, session, signed, path)
    elif signed.doubt is None:
        heard = session.path in signed.copies
        _doubt(turn, session, signed, Doubt(path, exchange.counter, turn.now.mono, heard))
    elif path != signed.doubt.path:
        _compete(turn, session, signed, signed.doubt._replace(path=path))


def _compete(turn: Turn, session: DeviceSession, signed: SignedSession, doubt: Doubt) -> None:
    """Until it is settled commands go to both, also the one that went to the path just now."""
    _await_end(turn, session, signed.doubt.path if signed.doubt is not None else None, doubt.path)
    signed.doubt = doubt
    if session.commands is not None:
        session.commands.sent_at = None


def _doubt(turn: Turn, session: DeviceSession, signed: SignedSession, doubt: Doubt) -> None:
    _compete(turn, session, signed, doubt)
    turn.uncache(session)
    if Verb.PROB in session.knows and not doubt.heard:
        _ask(turn, session, signed, doubt)
        turn.state.agenda.add(doubt.began + AGAIN, REBINDING, session.device.id)
    turn.state.agenda.add(doubt.began + PATIENCE, REBINDING, session.device.id)


def _ask(turn: Turn, session: DeviceSession, signed: SignedSession, doubt: Doubt) -> None:
    assert session.path is not None
    signed.doubt = doubt._replace(asked=doubt.asked + 1)
    probe(turn, session, session.path)


def _await_end(turn: Turn, session: DeviceSession, before: Path | None, path: Path) -> None:
    """Of the connection, where there is one."""
    if before is not None:
        turn.state.connections.pop(before, None)
    if path.transport == "tcp":
        turn.state.connections[path] = session


def _stay(turn: Turn, session: DeviceSession, signed: SignedSession) -> None:
    """What came from elsewhere was a copy, or somebody copies from where the device was. Then it is there that the echo
    of its challenge comes from, again and again: it keeps its worth as long as an echo has any."""
    text = f"frames came from {', '.join(map(str, signed.challenged))} too; it stays at {session.path}"
    turn.record_sometimes(EventKind.ADDRESS_CONTESTED, text, session, signed)
    known, within, mono = signed.challenged.items(), MISSES * session.interval, turn.now.mono
    signed.challenged = {path: sent for path, sent in known if _lately(signed, sent, within, mono)} or NOWHERE
    if signed.doubt is not None:
        turn.state.connections.pop(signed.doubt.path, None)
        signed.doubt = None


def _lately(signed: SignedSession, sent: tuple[int, ...], seconds: float, mono: float) -> bool:
    age = signed.age_of(sent[-1], mono) if sent else None
    return age is not None and age <= seconds


def _move(turn: Turn, session: DeviceSession, signed: SignedSession, path: Path) -> None:
    old = session.path
    signed.challenged = NOWHERE
    signed.doubt = None
    signed.proven = True
    signed.round_trip = None
    _await_end(turn, session, old, path)
    if path != old:
        supervision.move_path(turn, session, path)
        if old is not None and old.host != path.host and over_limit(turn, session) is None:
            turn.record(EventKind.DEVICE_ADDRESS, f"now at {path}, was at {old}", session)
    signed_commands.due(turn, session)
