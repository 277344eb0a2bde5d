"""Whether one more stored message of a device is within what it, and all strangers together, may have."""

from alarmd.core.device_session import DeviceSession
from alarmd.core.rate_limits import TokenBucket
from alarmd.core.records import Standing
from alarmd.core.rejections import Rejection
from alarmd.core.state import STRANGERS_BURST, STRANGERS_RATE
from alarmd.core.turn import Turn


def over_limit(turn: Turn, session: DeviceSession, unsigned: bool = False) -> Rejection | None:
    """Spends one message of the device's allowance; the reason if there is none left. unsigned: anybody may have sent
    it in the name of a device with a key, so it spends nothing of what that one signs."""
    state, mono = turn.state, turn.now.mono
    rate, burst = state.settings.message_rate, state.settings.message_burst
    if state.backlog_full:
        return Rejection.NO_ROOM
    holder = session if unsigned or session.signed is None else session.signed
    if holder.bucket is None:
        holder.bucket = TokenBucket(burst, mono)
    if not holder.bucket.take(mono, rate, burst):
        return Rejection.DEVICE_RATE
    stranger = session.device.standing is not Standing.ADOPTED
    if stranger and not state.strangers_bucket.take(mono, STRANGERS_RATE, STRANGERS_BURST):
        return Rejection.STRANGERS_RATE
    return None
