"""Frames of a rendezvous: what the server answers to CONN, and PNCH to either side."""

from alarmd.core.device_session import DeviceSession
from alarmd.core.effects import SendFrame
from alarmd.core.meetings import Meeting, Side
from alarmd.core.paths import Path
from alarmd.core.signed_exchange import SignedExchange
from alarmd.core.signed_replies import send
from alarmd.core.turn import Turn
from lfcp import encode_signed
from lfcp.authenticator import key_as_text
from lfcp.candidates import Mapping
from lfcp.constants import PUNCH_MS, RendezvousReason, Verb
from lfcp.messages import UNUSED
from lfcp.sealing import seal

TAKEN, REFUSED = "0", "1"
KEY_AT = 2  # the parameter of PNCH that is sealed


def acknowledge_request(turn: Turn, exchange: SignedExchange, why: RendezvousReason | None, number: int | None) -> None:
    """why: it is refused, or over by now; None: it is not. number: of the session."""
    result, reason = (TAKEN, UNUSED) if why is None else (REFUSED, why)
    about = UNUSED if number is None else f"{number:x}"
    answers = f"{exchange.counter:x}"
    send(turn, exchange.session, exchange.frame.path, Verb.ACK, answers, result, reason, about)


def invite(turn: Turn, meeting: Meeting, side: Side, path: Path, options: str) -> None:
    """PNCH with the key, sealed: it leaves once the counter that seals it is stored. path: of this side."""
    session, signed, other = side.session, side.session.signed, meeting.other(side).session
    assert signed is not None
    assert other.path is not None
    keys, counter = signed.sub_keys(signed.active), signed.next_counter(turn.now.mono, path)
    name = session.device.name
    sealed = seal(keys.seal_down, counter, name, Verb.PNCH, KEY_AT, key_as_text(meeting.key))
    delay = 0 if meeting.invitations else _delay(session, other)
    terms = f"{side.role}.{meeting.request.port}.{options}.{delay}.{other.device.name}"
    where = f"{other.path.endpoint}/{_mapping(other)}"
    frame = encode_signed(keys.tag_down, counter, name, Verb.PNCH, f"{meeting.id:x}", sealed, where, terms)
    side.sent = (*side.sent, counter)
    turn.save_contact(session)
    turn.effects.append(SendFrame(path, frame, promises=True))


def dismiss(turn: Turn, session: DeviceSession, path: Path, number: int, why: RendezvousReason) -> None:
    """PNCH that says that the session is over."""
    send(turn, session, path, Verb.PNCH, f"{number:x}", UNUSED, why)


def _mapping(session: DeviceSession) -> Mapping:
    mapping = session.way.mapping if session.way is not None else None
    return mapping or Mapping.UNKNOWN


def _delay(session: DeviceSession, other: DeviceSession) -> int:
    """ms that this side waits, so that both begin at once: half of what the other one's round trip is longer."""
    own, theirs = (one.signed.round_trip if one.signed is not None else None for one in (session, other))
    if own is None or theirs is None:
        return 0
    return min(max(0, round((theirs - own) * 500)), PUNCH_MS)
