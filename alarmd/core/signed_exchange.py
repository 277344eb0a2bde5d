"""One authentic frame of a device with a key, and who sent it."""

from typing import NamedTuple

from alarmd.core.device_session import DeviceSession
from alarmd.core.inputs import FrameReceived
from alarmd.core.signed_session import SignedSession
from lfcp import Message


class SignedExchange(NamedTuple):
    session: DeviceSession
    signed: SignedSession
    message: Message
    counter: int
    newest: bool  # no frame with a higher counter came before
    frame: FrameReceived
    copy: bool = False  # it came from another address before
