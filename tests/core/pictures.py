"""What the tests of pictures have in common: what a camera sends, and what an operator sets up."""

from collections.abc import Iterable
from itertools import count
from typing import Any

from alarmd.core.inputs import FrameReceived, PictureReceived
from alarmd.core.records import Delivery, Trigger
from alarmd.core.requests import CameraChanged
from alarmd.core.settings import Route
from tests.playbook import Playbook, frame

PULL = "http://user:password@192.0.2.7/capture"
SECRET = "ab" * 32
ANN, BOB = ("phone", "ann"), ("phone", "bob")
ROUTES = (Route("log"), Route(*ANN), Route(*BOB, after=300))
_numbers = count(1)


def arrives(play: Playbook, name: str = "cam1", **changes: Any) -> PictureReceived:
    """Another picture each time, that comes in now."""
    number = next(_numbers)
    fields: dict[str, Any] = {
        "device": name,
        "key": f"{name}/{number}.jpg",
        "captured_at": None,
        "received_at": play.now.wall,
        "trigger": Trigger.DEVICE,
        "upload": "",
        "digest": f"{number:064x}",
        "size": 50_000,
        "width": 640,
        "height": 480,
    }
    return PictureReceived(**{**fields, **changes})


def pulled(name: str = "cam1", **changes: Any) -> CameraChanged:
    return CameraChanged("op", name, pull_url=PULL, **changes)


def moal(name: str = "cam1") -> FrameReceived:
    return frame(f"{name},MOAL,gate,0,0,0,0,0")


def reporting(name: str = "cam1", knows: str = "p") -> FrameReceived:
    """A heartbeat of a device that says it takes SNAP."""
    return frame(f"{name},HEARTBEAT,2,26,9f3c.0,ac{knows}.-.0,0,0")


def told(deliveries: Iterable[Delivery]) -> list[tuple[str, str, str]]:
    return [(one.destination, one.recipient, one.subject) for one in deliveries]
