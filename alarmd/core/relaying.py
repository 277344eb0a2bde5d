"""The relay: what one side of a rendezvous sealed goes on to the other as it is, from proven path to proven path.

It is the commonest input while somebody watches a camera: nothing here is stored, nothing waits, nothing is answered.
"""

from alarmd.core.effects import SendFrame
from alarmd.core.inputs import FrameReceived
from alarmd.core.meetings import Meeting, Side, proven_path
from alarmd.core.paths import Path
from alarmd.core.rejections import Rejection
from alarmd.core.rendezvous import end
from alarmd.core.turn import Turn
from lfcp.constants import RendezvousReason
from lfcp.tunnel import Kind

SESSION = slice(1, 9)  # of a tunnel datagram


def relay(turn: Turn, frame: FrameReceived) -> None:
    """A datagram that begins as a tunnel's do. What is not passed on is counted."""
    refused = _relay(turn, frame.payload, frame.path)
    if refused is not None:
        turn.reject(frame.path, refused, frame.payload)


def _relay(turn: Turn, datagram: bytes, path: Path) -> Rejection | None:
    meeting = turn.state.meetings.by_id.get(int.from_bytes(datagram[SESSION], "big"))
    side = None if meeting is None else _side_at(meeting, path)
    if meeting is None or side is None:
        return Rejection.NO_SESSION
    opened = side.inbound.verify(datagram)
    if opened is None:
        return Rejection.BAD_SEAL
    if not side.inbound.take(opened.counter):
        return Rejection.REPLAYED
    target = proven_path(meeting.other(side).session)
    if target is None:
        return Rejection.UNREACHED
    if not _within_rate(turn, meeting, len(datagram)):
        return Rejection.RELAY_RATE
    turn.effects.append(SendFrame(target, datagram, promises=False))
    side.relayed_at = turn.now.mono
    _count(turn, meeting, len(datagram))
    if opened.kind is Kind.BYE:
        end(turn, meeting, RendezvousReason.ENDED, side)
    return None


def _side_at(meeting: Meeting, path: Path) -> Side | None:
    return next((side for side in meeting.sides if proven_path(side.session) == path), None)


def _within_rate(turn: Turn, meeting: Meeting, size: int) -> bool:
    rate = turn.state.settings.rendezvous.relay_bytes_per_second
    return meeting.allowance.take(turn.now.mono, rate, rate, size)


def _count(turn: Turn, meeting: Meeting, size: int) -> None:
    meeting.relayed_bytes += size
    turn.state.meetings.relayed_datagrams += 1
    turn.state.meetings.relayed_bytes += size
