"""Frames of LFCP/2: who signed them, whether they are new, and what their verb does; docs/protocol.md, "LFCP/2"."""

from collections.abc import Callable

from alarmd.core import (
    keepalives,
    messages,
    picture_frames,
    rebinding,
    rendezvous,
    signed_commands,
    signed_life,
    standby,
)
from alarmd.core.device_session import DeviceSession
from alarmd.core.effects import DropKey
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import FrameReceived
from alarmd.core.operators import MAY_SEND
from alarmd.core.records import Standing
from alarmd.core.rejections import Rejection
from alarmd.core.signed_exchange import SignedExchange
from alarmd.core.signed_replies import acknowledge_message
from alarmd.core.signed_session import MAX_COUNTER, SignedSession
from alarmd.core.turn import Said, Turn
from lfcp import Message
from lfcp.authenticator import Signature
from lfcp.constants import Verb
from lfcp.messages import UNUSED
from lfcp.reading import without_end
from lfcp.signed_fields import is_command_id, read_counter, read_event, read_seconds

DONE, FAILED = "0", "1"  # a command's result


def received(
    turn: Turn, session: DeviceSession | None, message: Message, signature: Signature, frame: FrameReceived
) -> None:
    """session: of the name in the frame, if it is known."""
    signed = session.signed if session is not None else None
    if session is None or signed is None:
        turn.reject(frame.path, Rejection.NO_KEY, frame.payload)
        return
    epoch = signed.key_that_signed(without_end(frame.payload))
    if epoch is None:
        turn.reject(frame.path, Rejection.BAD_TAG, frame.payload)
    elif session.device.standing is Standing.OPERATOR and message.verb not in MAY_SEND:
        turn.reject(frame.path, Rejection.NOT_OF_OPERATOR, frame.payload)
    elif message.verb not in HANDLERS:
        turn.reject(frame.path, Rejection.WRONG_DIRECTION, frame.payload)
    elif signature.counter > MAX_COUNTER:
        turn.reject(frame.path, Rejection.BAD_FIELDS, frame.payload)
    else:
        _authentic(turn, session, signed, epoch, message, signature.counter, frame)


def _authentic(
    turn: Turn,
    session: DeviceSession,
    signed: SignedSession,
    epoch: int,
    message: Message,
    counter: int,
    frame: FrameReceived,
) -> None:
    renewed = epoch != signed.active
    if renewed:
        _retire_older_keys(turn, session, signed, epoch)
    newest = counter > signed.up.highest
    fresh = signed.up.accept(counter)
    exchange = SignedExchange(session, signed, message, counter, newest, frame)
    if signed.doubt is not None:
        rebinding.spoken(turn, exchange)
    refused = (HANDLERS if fresh else STALE)[message.verb](turn, exchange)
    if refused is not None:
        turn.reject(frame.path, refused, frame.payload)
    if renewed:
        turn.save_contact(session)  # the counters of the key before are forgotten together with it


def _retire_older_keys(turn: Turn, session: DeviceSession, signed: SignedSession, epoch: int) -> None:
    """The device has its new key: the old one is nobody's any more."""
    signed.use_key(epoch)
    rendezvous.restarted(turn, session)
    for older in [known for known in signed.epochs if known < epoch]:
        signed.drop_key(older)
        turn.effects.append(DropKey(session.device.id, older))
        turn.record(EventKind.KEY_RETIRED, f"key {older}: the device uses key {epoch}", session)


def _message(turn: Turn, exchange: SignedExchange) -> Rejection | None:
    """Stored once, whatever its copies; each copy is acknowledged where it came from."""
    session, signed, message = exchange.session, exchange.signed, exchange.message
    said, command_id = _said(message), message.params[3]
    if said is None or not (command_id == UNUSED or is_command_id(command_id)):
        return Rejection.BAD_FIELDS
    if exchange.newest:
        signed_life.enter_boot(turn, session, signed, said.event.boot_id)
    if not signed.boots.stored(said.event):
        text = message.params[0] if message.params[0] != UNUSED else ""
        if not messages.keep(turn, session, Verb(message.verb), text, exchange.frame, said):
            return None
        signed.boots.store(said.event)
        turn.save_contact(session)
        if message.verb == Verb.ERR:
            signed_commands.explained(turn, session, command_id, text)
    _acknowledge(turn, exchange)
    return None


def _repeated_message(turn: Turn, exchange: SignedExchange) -> Rejection | None:
    """An old frame: the network's copy, a replay, or a device that lost its counter."""
    said = _said(exchange.message)
    if said is None:
        return Rejection.BAD_FIELDS
    if not exchange.signed.boots.stored(said.event):
        return signed_life.synchronise_if_reset(turn, exchange, said.event.boot_id)
    _acknowledge(turn, exchange)
    return None


def _acknowledge(turn: Turn, exchange: SignedExchange) -> None:
    doubled = standby.copies(turn.state, exchange.message.verb)
    acknowledge_message(turn, exchange.session, exchange.frame.path, exchange.counter, doubled)


def _said(message: Message) -> Said | None:
    event, age = read_event(message.params[2]), read_seconds(message.params[1])
    return None if event is None or age is None or event.number > MAX_COUNTER else Said(event, age)


def _acknowledgement(turn: Turn, exchange: SignedExchange) -> Rejection | None:
    """Of a command, of an invitation, or of PROB, which names nothing: that it came says all, see rebinding.spoken."""
    answers, result, why, about = exchange.message.params[:4]
    answered, meeting_id = read_counter(answers), read_counter(about)
    if answered is None or result not in (DONE, FAILED):
        return Rejection.BAD_FIELDS
    if is_command_id(about):
        signed_commands.acknowledged(turn, exchange, about, answered, result == FAILED)
    elif meeting_id is not None:
        rendezvous.answered(turn, exchange.session, answered, meeting_id, why if result == FAILED else None)
    elif about != UNUSED or exchange.signed.age_of(answered, turn.now.mono) is None:
        return Rejection.BAD_FIELDS
    exchange.signed.note_round_trip(answered, turn.now.mono)
    return None


def _replayed(_turn: Turn, _exchange: SignedExchange) -> Rejection | None:
    return Rejection.REPLAYED


Handler = Callable[[Turn, SignedExchange], Rejection | None]
HANDLERS: dict[str, Handler] = {
    Verb.HEARTBEAT: signed_life.heartbeat,
    Verb.SLEP: signed_life.sleep,
    Verb.ACK: _acknowledgement,
    Verb.LOG: _message,
    Verb.ERR: _message,
    Verb.MOAL: _message,
    Verb.FRAM: picture_frames.signed_announced,
    Verb.KEEP: keepalives.keep,
    Verb.CONN: rendezvous.requested,
}
STALE: dict[str, Handler] = {  # the counter was seen, or is too old
    Verb.HEARTBEAT: signed_life.repeated,
    Verb.SLEP: signed_life.repeated,
    Verb.ACK: _replayed,
    Verb.LOG: _repeated_message,
    Verb.ERR: _repeated_message,
    Verb.MOAL: _repeated_message,
    Verb.FRAM: _replayed,
    Verb.KEEP: _replayed,
    Verb.CONN: _replayed,
}
