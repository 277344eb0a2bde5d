"""Messages → bytes, within limits narrower than what we read: a 2020 device overruns its memory at the full ones."""

from lfcp.constants import PARAMETERS, ROW, SEND_MAX_FIELD, SEND_MAX_FRAME, VERBS, Reason
from lfcp.errors import ProtocolError
from lfcp.messages import UNUSED
from lfcp.text import check_name, sendable
from lfcp.verb_table import VerbEntry


def encode(name: str, verb: str, *params: str) -> bytes:
    """A frame of eight fields, without NUL or line end. Raises ProtocolError when it must not be sent."""
    _check(name, verb, params)
    fields = (name, verb, *params, *(UNUSED,) * (PARAMETERS - len(params)))
    return _within_limit(",".join(fields).encode("ascii"))


def encode_rows(name: str, verb: str, *params: str) -> bytes:
    """The seed dialect: every field but the last padded with NUL to 64 bytes, no commas. In effect only verbs without
    parameters fit. A secret never goes this way, since the device would send it on with its next heartbeat."""
    _check(name, verb, params)
    if VERBS[verb].secret:
        raise ProtocolError(Reason.NOT_IN_ROWS, f"{verb} carries a secret")
    fields = [field.encode("ascii") for field in (name, verb, *params)]
    return _within_limit(b"".join(field.ljust(ROW, b"\0") for field in fields[:-1]) + fields[-1])


def _check(name: str, verb: str, params: tuple[str, ...]) -> None:
    check_name(name)
    entry = VERBS.get(verb)
    if entry is None:
        raise ProtocolError(Reason.UNKNOWN_VERB, "no such verb")
    if len(params) > PARAMETERS:
        raise ProtocolError(Reason.TOO_MANY_PARAMETERS, f"{len(params)} parameters, at most {PARAMETERS}")
    for at, param in enumerate(params, 1):
        if param != UNUSED:
            _check_parameter(verb, entry, at, param)


def _check_parameter(verb: str, entry: VerbEntry, at: int, param: str) -> None:
    parameter = next((parameter for parameter in entry.params if parameter.at == at), None)
    if parameter is None:
        raise ProtocolError(Reason.TOO_MANY_PARAMETERS, f"{verb} has no parameter p{at}")
    limit = min(parameter.limit, SEND_MAX_FIELD)
    if not sendable(param) or len(param) > limit:
        detail = f"p{at} ({parameter.name}) must have 1 to {limit} characters of printable ASCII and no comma"
        raise ProtocolError(Reason.BAD_PARAMETER, detail)


def _within_limit(frame: bytes) -> bytes:
    if len(frame) > SEND_MAX_FRAME:
        raise ProtocolError(Reason.TOO_LONG, f"{len(frame)} bytes, at most {SEND_MAX_FRAME}")
    return frame
