"""A device's side of LFCP, without I/O: for the device in Python, the simulator and tests."""

from lfcp.client.event_queue import QUEUE_LIMIT
from lfcp.client.session import (
    ClientEvent,
    ClientSession,
    CommandReceived,
    HeartbeatAcknowledged,
    MessageAcknowledged,
)

__all__ = [
    "QUEUE_LIMIT",
    "ClientEvent",
    "ClientSession",
    "CommandReceived",
    "HeartbeatAcknowledged",
    "MessageAcknowledged",
]
