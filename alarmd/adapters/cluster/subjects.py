"""Which device something is about that happened: its name, which is all that is known of a device of another member."""

from alarmd.core.inputs import (
    CameraIntroduced,
    FrameReceived,
    Input,
    LiveRequested,
    PartSettled,
    PictureFailed,
    PictureFound,
    PictureReceived,
)
from alarmd.core.requests import (
    CameraChanged,
    CommandRequested,
    DeviceAdopted,
    DeviceChanged,
    DeviceForgotten,
    KeyGiven,
    OperatorAdded,
    OperatorRemoved,
    PictureRequested,
)
from lfcp import TOLERANT, ProtocolError, decode

ABOUT_DEVICE = (
    CameraChanged,
    CameraIntroduced,
    DeviceAdopted,
    DeviceChanged,
    DeviceForgotten,
    KeyGiven,
    LiveRequested,
    PartSettled,
    PictureFailed,
    PictureReceived,
    PictureRequested,
)
GROUPS = ("*", "@")  # how targets begin that name no single device


def subject_of(happened: Input) -> str | None:
    """None: it is about no device, or about several."""
    match happened:
        case FrameReceived(payload):
            return name_in(payload)
        case PictureFound(picture):
            return picture.device
        case CommandRequested(target=target):
            return None if target.startswith(GROUPS) else target
        case OperatorAdded(machine=machine) | OperatorRemoved(machine=machine):
            return machine
        case _ if isinstance(happened, ABOUT_DEVICE):
            return happened.device
        case _:
            return None


def name_in(payload: bytes) -> str | None:
    """None: nobody can read it, so nobody need be asked whose it is."""
    try:
        return decode(payload, TOLERANT).name
    except ProtocolError:
        return None
