"""Pictures that devices send over LFCP: whose are taken, and how each announcement is answered. docs/protocol.md,
"Pictures". The bytes do not come here: an adapter takes what is announced, and says what became of it.
"""

from alarmd.core import supervision
from alarmd.core.device_session import DeviceSession
from alarmd.core.effects import SendFrame, TakePart
from alarmd.core.inputs import FrameReceived, PartSettled
from alarmd.core.message_limits import over_limit
from alarmd.core.paths import Path
from alarmd.core.records import Standing
from alarmd.core.rejections import Rejection
from alarmd.core.signed_exchange import SignedExchange
from alarmd.core.signed_replies import acknowledge_part
from alarmd.core.turn import Turn
from alarmd.core.uploads import UploadReason, result_of
from lfcp import Message, Part, Trigger, encode, read_part
from lfcp.constants import UPLOAD_STORED, Verb
from lfcp.messages import UNUSED

UNSIGNED = 0  # in place of a counter


def announced(turn: Turn, session: DeviceSession, message: Message, frame: FrameReceived) -> None:
    """A FRAM of a device without a key."""
    if message.leniencies:
        turn.reject(frame.path, Rejection.NOT_BY_THE_BOOK, frame.payload)
        return
    refused = _take(turn, session, message, frame.path, UNSIGNED)
    if refused is not None:
        turn.reject(frame.path, refused, frame.payload)
    else:
        supervision.heard(turn, session)


def signed_announced(turn: Turn, exchange: SignedExchange) -> Rejection | None:
    """It proves no life, as a message does not."""
    return _take(turn, exchange.session, exchange.message, exchange.frame.path, exchange.counter)


def part_settled(turn: Turn, settled: PartSettled) -> None:
    """Its answer. Nothing for a device that was forgotten, or got a key, meanwhile."""
    session = turn.state.sessions.get(settled.device)
    if session is not None and (settled.answers == UNSIGNED) is (session.signed is None):
        _answer(turn, session, settled.path, settled.answers, settled.upload, settled.result, settled.detail)


def _take(turn: Turn, session: DeviceSession, message: Message, path: Path, counter: int) -> Rejection | None:
    if path.transport != "tcp":
        return Rejection.TCP_ONLY
    part = read_part(message)
    if part is None:
        return Rejection.BAD_FIELDS
    reason = _reason_against(turn, session, part)
    if reason is not None:
        _answer(turn, session, path, counter, part.upload, result_of(reason), reason)
    elif _is_stored(turn, session, part):
        _answer(turn, session, path, counter, part.upload, UPLOAD_STORED, UNUSED)
    else:
        turn.effects.append(TakePart(path, session.device.name, part, counter))
    return None


def _reason_against(turn: Turn, session: DeviceSession, part: Part) -> UploadReason | None:
    if session.device.standing is not Standing.ADOPTED:
        return UploadReason.NOT_ADOPTED
    if part.trigger is Trigger.LIVE:
        return None if session.device.id in turn.state.watched else UploadReason.NOBODY_WATCHES
    if not part.length:
        return None
    over = over_limit(turn, session)
    if over is None:
        return None
    return UploadReason.DEVICE_RATE if over is Rejection.DEVICE_RATE else UploadReason.NO_ROOM


def _is_stored(turn: Turn, session: DeviceSession, part: Part) -> bool:
    gallery = turn.state.galleries.get(session.device.id)
    return gallery is not None and gallery.holds(part.upload)


def _answer(
    turn: Turn, session: DeviceSession, path: Path, counter: int, upload: str, result: int, detail: str
) -> None:
    """It may say that the picture is stored, so it waits for that."""
    if counter == UNSIGNED:
        frame = encode(session.device.name, Verb.ACK, UNUSED, str(result), detail, upload)
        turn.effects.append(SendFrame(path, frame, promises=True))
    else:
        acknowledge_part(turn, session, path, counter, str(result), detail, upload)
