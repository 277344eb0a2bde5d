"""Whether one more stored message of a device is within what it, and all strangers together, may have."""

from typing import TYPE_CHECKING

from alarmd.core.device_session import DeviceSession
from alarmd.core.rate_limits import TokenBucket
from alarmd.core.records import NOT_ADOPTED
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.rejections import Rejection
from alarmd.core.state import STRANGERS_BURST, STRANGERS_RATE
from alarmd.core.turn import Turn

if TYPE_CHECKING:
    from alarmd.core.signed_session import SignedSession


def over_limit(turn: Turn, session: DeviceSession, unsigned: bool = False) -> Rejection | None:
    """Spends one message of the device's allowance; the reason if there is none left. unsigned: anybody may have sent
    it in the name of a device with a key, so it spends nothing of what that one signs."""
    state = turn.state
    if state.backlog_full:
        return Rejection.NO_ROOM
    if not _spend(turn, session if unsigned or session.signed is None else session.signed):
        return Rejection.DEVICE_RATE
    stranger = session.device.standing in NOT_ADOPTED
    if stranger and not state.strangers_bucket.take(turn.now.mono, STRANGERS_RATE, STRANGERS_BURST):
        return Rejection.STRANGERS_RATE
    return None


def spend_upload(turn: Turn, session: DeviceSession) -> None:
    """The same allowance for what comes over HTTP, of which an upload secret says whose it is. Not what the device
    signs is spent: who learned the secret has not its key. Raises RequestRefusedError."""
    if not _spend(turn, session):
        rate = turn.state.settings.message_rate
        raise RequestRefusedError(
            "device_rate", "", f"a device may send {rate:g} a second (devices.message_rate); upload at longer intervals"
        )


def _spend(turn: Turn, holder: "DeviceSession | SignedSession") -> bool:
    mono, settings = turn.now.mono, turn.state.settings
    if holder.bucket is None:
        holder.bucket = TokenBucket(settings.message_burst, mono)
    return holder.bucket.take(mono, settings.message_rate, settings.message_burst)
