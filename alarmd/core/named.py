"""What an operator names, or a refusal that says how to find the right name."""

from alarmd.core.device_session import DeviceSession
from alarmd.core.records import Zone
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.state import State
from alarmd.core.turn import Turn
from lfcp import ProtocolError, check_name


def session_of(turn: Turn, name: str) -> DeviceSession:
    session = turn.state.sessions.get(name)
    if session is None:
        check_is_no_operator(turn.state, name)
        raise RequestRefusedError(
            "unknown_device",
            "device",
            f"no device {name!r}; `alarmd devices` lists them, `alarmd device add` and `adopt` add one",
        )
    return session


def check_is_no_operator(state: State, name: str) -> None:
    """A name is a device's or an operator's machine's."""
    if name in state.operators:
        raise RequestRefusedError(
            "is_operator",
            "device",
            f"{name} is an operator's machine, no device; `alarmd operator list` shows it, "
            f"`alarmd operator remove {name}` frees the name",
        )


def operator_of(turn: Turn, name: str) -> DeviceSession:
    session = turn.state.operators.get(name)
    if session is None:
        if name in turn.state.sessions:
            raise RequestRefusedError(
                "is_device", "machine", f"{name} is a device, no operator's machine; `alarmd device show {name}`"
            )
        raise RequestRefusedError(
            "unknown_operator",
            "machine",
            f"no operator's machine {name!r}; `alarmd operator list` lists them, `alarmd operator add` adds one",
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
