"""What a device's frame means: read it, find who speaks, and carry out its verb. Garbage is counted, never answered."""

from collections.abc import Callable

from alarmd.core import commands, heartbeats, messages, picture_frames, relaying, signed_frames, standby, supervision
from alarmd.core.admission import admit
from alarmd.core.device_session import HABITS_TO_SUGGEST, DeviceSession
from alarmd.core.effects import CloseConnection, RejectFrame, SendFrame
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import FrameReceived
from alarmd.core.paths import Path
from alarmd.core.records import Dialect, Presence, Signing
from alarmd.core.rejections import Rejection
from alarmd.core.turn import Turn
from lfcp import TOLERANT, Leniency, Message, ProtocolError, decode, encode
from lfcp.constants import VERBS, Verb
from lfcp.tunnel import is_tunnel

SEED_MOTION = "CAMERA_MOTION_DETECTED"  # how the 2020 camera says MOAL: as the text of a LOG
SEED_HABITS = frozenset({Leniency.DOUBLED_COMMAS, Leniency.EXTRA_FIELDS, Leniency.EMPTY_VERB, Leniency.BEACON})


def frame_received(turn: Turn, frame: FrameReceived) -> None:
    """One datagram or line. Over TCP the first one that cannot be read ends the connection, and so does the first
    picture that is refused without an answer: its bytes are not worth waiting for."""
    if frame.path.transport == "udp" and is_tunnel(frame.payload):
        relaying.relay(turn, frame)
        return
    try:
        message = decode(frame.payload, TOLERANT)
    except ProtocolError as error:
        turn.reject(frame.path, error.reason, frame.payload)
        _close(turn, frame.path)
        return
    _read(turn, message, frame)
    if message.verb == Verb.FRAM and any(isinstance(effect, RejectFrame) for effect in turn.effects):
        _close(turn, frame.path)


def _close(turn: Turn, path: Path) -> None:
    if path.transport == "tcp":
        turn.effects.append(CloseConnection(path))


def _read(turn: Turn, message: Message, frame: FrameReceived) -> None:
    session = turn.state.party(message.name)
    if message.signature is not None:
        signed_frames.received(turn, session, message, message.signature, frame)
    elif session is None:
        _admitted(turn, message, frame)
    elif session.device.signing is not Signing.OPEN:
        _unsigned(turn, session, message, frame)
    elif session.device.dialect is Dialect.LFCP1 and message.leniencies:
        turn.reject(frame.path, Rejection.NOT_BY_THE_BOOK, frame.payload)
    else:
        _obey(turn, session, message, frame)


def _admitted(turn: Turn, message: Message, frame: FrameReceived) -> None:
    admitted = admit(turn, message, frame.path)
    if isinstance(admitted, Rejection):
        turn.reject(frame.path, admitted, frame.payload)
    else:
        _obey(turn, admitted, message, frame)


def _unsigned(turn: Turn, session: DeviceSession, message: Message, frame: FrameReceived) -> None:
    """In the name of a device that signs: motion may raise an alarm while it migrates, nothing else counts. It signs
    even if its key was dropped (`alarmd drop-keys`): a lost key lets nobody in."""
    if session.device.signing is Signing.MIXED and _is_motion(session, message):
        _message(turn, session, message, frame)
        return
    turn.reject(frame.path, Rejection.UNSIGNED, frame.payload)
    if session.signed is not None:
        text = f"unsigned {message.verb or 'frame'} from {frame.path}"
        turn.record_sometimes(EventKind.UNSIGNED_FRAMES, text, session, session.signed)


def _obey(turn: Turn, session: DeviceSession, message: Message, frame: FrameReceived) -> None:
    if message.leniencies & SEED_HABITS:
        _watch_habits(turn, session)
    handler = HANDLERS.get(message.verb)
    if handler is not None:
        handler(turn, session, message, frame)
    elif message.verb in VERBS and session.device.dialect is not Dialect.SEED:
        turn.reject(frame.path, Rejection.WRONG_DIRECTION, frame.payload)
    else:  # a beacon, an empty or unknown verb: a sign of life and nothing more
        supervision.heard(turn, session)


def _acknowledgement(turn: Turn, session: DeviceSession, _message: Message, frame: FrameReceived) -> None:
    """An ACK is never answered. One from a sleeper is a late copy: it says that it fell asleep, not that it woke."""
    if session.presence is Presence.ASLEEP:
        return
    supervision.heard(turn, session)
    done = commands.acknowledged(turn, session, frame.path)
    if done is not None and done.verb == Verb.DSLP:
        supervision.declare_sleep(turn, session, supervision.SLEEP_AFTER_DSLP)


def _message(turn: Turn, session: DeviceSession, message: Message, frame: FrameReceived) -> None:
    """LOG, ERR or MOAL. Only an open device is alive because somebody says so."""
    verb = Verb.MOAL if _is_motion(session, message) else Verb(message.verb)
    if session.device.signing is Signing.OPEN:
        _heard_at(turn, session, frame.path)
    if messages.keep(turn, session, verb, message.text, frame, None):
        if verb is Verb.ERR:
            commands.error_reported(turn, session, frame.path, message.text)
        _promise(turn, session, frame.path, verb)


def _is_motion(session: DeviceSession, message: Message) -> bool:
    seed = message.verb == Verb.LOG and message.text == SEED_MOTION and session.device.dialect is not Dialect.LFCP1
    return seed or message.verb == Verb.MOAL


def _heard_at(turn: Turn, session: DeviceSession, path: Path) -> None:
    """A message is a sign of life, stored or not; only a heartbeat moves an address that is known."""
    supervision.heard(turn, session)
    if session.path is None:
        supervision.move_path(turn, session, path)


def _sleep(turn: Turn, session: DeviceSession, message: Message, frame: FrameReceived) -> None:
    """A device without a key may sleep only because we told it to: anybody can send this frame."""
    _heard_at(turn, session, frame.path)
    if not messages.within_limits(turn, session, frame):
        return
    seconds = int(message.params[0]) if message.params[0].isdecimal() else 0
    if seconds and commands.told_to_sleep(turn, session, frame.path):
        supervision.declare_sleep(turn, session, seconds)
    else:
        turn.record(EventKind.LOG, f"said it sleeps for {message.params[0]} s; nobody told it to", session)
    _promise(turn, session, frame.path, Verb.SLEP)


def _promise(turn: Turn, session: DeviceSession, path: Path, verb: Verb) -> None:
    """The ACK of a message: it says that the message is stored, and waits for the peer's copy of an alarm. A device
    that must hear silence gets none."""
    if not session.device.arming_answers:
        ack = encode(session.device.name, Verb.ACK)
        doubled = ack if standby.copies(turn.state, verb) else None
        turn.effects.append(SendFrame(path, ack, promises=True, doubled=doubled))


def _watch_habits(turn: Turn, session: DeviceSession) -> None:
    session.habits += 1
    if session.habits == HABITS_TO_SUGGEST and session.device.dialect is Dialect.AUTO:
        text = f"it behaves like the 2020 camera: alarmd device set {session.device.name} dialect=seed"
        turn.record(EventKind.DIALECT_SUGGESTED, text, session)


HANDLERS: dict[str, Callable[[Turn, DeviceSession, Message, FrameReceived], None]] = {
    Verb.HEARTBEAT: heartbeats.heartbeat,
    Verb.ACK: _acknowledgement,
    Verb.LOG: _message,
    Verb.ERR: _message,
    Verb.MOAL: _message,
    Verb.SLEP: _sleep,
    Verb.FRAM: picture_frames.announced,
}
