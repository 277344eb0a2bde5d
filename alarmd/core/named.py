"""What an operator names, or a refusal that says how to find the right name."""

from alarmd.core.device_session import DeviceSession
from alarmd.core.records import Zone
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.turn import Turn
from lfcp import ProtocolError, check_name


def session_of(turn: Turn, name: str) -> DeviceSession:
    session = turn.state.sessions.get(name)
    if session is None:
        raise RequestRefusedError(
            "unknown_device",
            "device",
            f"no device {name!r}; `alarmd devices` lists them, `alarmd device add` and `adopt` add one",
        )
    return session


def zone_of(turn: Turn, name: str) -> Zone:
    zone = turn.state.zone_named(name)
    if zone is None:
        raise RequestRefusedError(
            "unknown_zone",
            "zone",
            f"no zone {name!r}; `alarmd zones` lists them, `alarmd zone set` makes one",
        )
    return zone


def checked_name(name: str, field: str) -> str:
    try:
        return check_name(name)
    except ProtocolError as error:
        raise RequestRefusedError("invalid", field, error.detail) from error
