"""A device's side of LFCP, without I/O: for the device in Python, the simulator and tests."""

from lfcp.client.commands import BEFORE_OBEYING
from lfcp.client.event_queue import QUEUE_LIMIT
from lfcp.client.events import (
    ClientEvent,
    CommandReceived,
    ConnectionAccepted,
    ConnectionRefused,
    HeartbeatAcknowledged,
    Invited,
    KeepAnswered,
    MessageAcknowledged,
    PictureAcknowledged,
    SessionOver,
)
from lfcp.client.ladder import Ladder
from lfcp.client.memory import HIGHEST_COUNTER, DeviceMemory, Kept, VolatileMemory
from lfcp.client.path_session import Probe
from lfcp.client.session import COMMANDS, ClientSession

__all__ = [
    "BEFORE_OBEYING",
    "COMMANDS",
    "HIGHEST_COUNTER",
    "QUEUE_LIMIT",
    "ClientEvent",
    "ClientSession",
    "CommandReceived",
    "ConnectionAccepted",
    "ConnectionRefused",
    "DeviceMemory",
    "HeartbeatAcknowledged",
    "Invited",
    "KeepAnswered",
    "Kept",
    "Ladder",
    "MessageAcknowledged",
    "PictureAcknowledged",
    "Probe",
    "SessionOver",
    "VolatileMemory",
]
