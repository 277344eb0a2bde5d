"""Messages → bytes, within limits narrower than what we read: a 2020 device overruns its memory at the full ones."""

from collections.abc import Mapping
from operator import gt

from lfcp.authenticator import MAX_COUNTER, PreparedKey, tag_of
from lfcp.constants import (
    PARAMETERS,
    ROW,
    SEND_MAX_FIELD,
    SEND_MAX_FRAME,
    SIGNED_MAX_FIELD,
    SIGNED_MAX_FRAME,
    VERBS,
    Reason,
)
from lfcp.errors import ProtocolError
from lfcp.messages import UNUSED
from lfcp.text import check_name, sendable
from lfcp.verb_table import VerbEntry

SIGNED_PARAMETERS = 4  # the other two are the counter and the tag
Limits = Mapping[str, tuple[int, ...]]  # by verb, bytes of p1, p2 …; 0 where it has no such parameter


def _limit(entry: VerbEntry, at: int) -> int:
    return max((min(parameter.limit, SEND_MAX_FIELD) for parameter in entry.params if parameter.at == at), default=0)


def _signed_limit(entry: VerbEntry, at: int) -> int:
    if entry.secret and _limit(entry, at):
        return SIGNED_MAX_FIELD
    signed = (parameter.limit for parameter in entry.signed_params if parameter.at == at)
    return max((_limit(entry, at), *signed))


LIMITS: Limits = {verb: tuple(_limit(entry, at + 1) for at in range(PARAMETERS)) for verb, entry in VERBS.items()}
SIGNED_LIMITS: Limits = {
    verb: tuple(_signed_limit(entry, at + 1) for at in range(SIGNED_PARAMETERS)) for verb, entry in VERBS.items()
}


def encode(name: str, verb: str, *params: str) -> bytes:
    """A frame of eight fields, without NUL or line end. Raises ProtocolError when it must not be sent."""
    _check(name, verb, params, LIMITS)
    fields = (name, verb, *params, *(UNUSED,) * (PARAMETERS - len(params)))
    return _within_limit(",".join(fields).encode("ascii"), SEND_MAX_FRAME)


def encode_signed(tag_key: bytes | PreparedKey, counter: int, name: str, verb: str, *params: str) -> bytes:
    """The same signed, of LFCP/2. counter: from 1 to MAX_COUNTER, never used before with this key. A parameter of a
    verb that carries a secret is sealed already."""
    _check(name, verb, params, SIGNED_LIMITS)
    if not 1 <= counter <= MAX_COUNTER:
        raise ProtocolError(Reason.BAD_PARAMETER, f"a counter is 1 to {MAX_COUNTER:x}")
    fields = (name, verb, *params, *(UNUSED,) * (SIGNED_PARAMETERS - len(params)), f"{counter:x},")
    head = ",".join(fields).encode("ascii")
    return _within_limit(with_tag(tag_key, head), SIGNED_MAX_FRAME)


def with_tag(tag_key: bytes | PreparedKey, head: bytes) -> bytes:
    """A signed frame. head: up to and with the comma before the tag, and known to be well formed."""
    return head + tag_of(tag_key, head)


def encode_rows(name: str, verb: str, *params: str) -> bytes:
    """The seed dialect: every field but the last padded with NUL to 64 bytes, no commas. In effect only verbs without
    parameters fit. A secret never goes this way, since the device would send it on with its next heartbeat."""
    _check(name, verb, params, LIMITS)
    if VERBS[verb].secret:
        raise ProtocolError(Reason.NOT_IN_ROWS, f"{verb} carries a secret")
    fields = [field.encode("ascii") for field in (name, verb, *params)]
    return _within_limit(b"".join(field.ljust(ROW, b"\0") for field in fields[:-1]) + fields[-1], SEND_MAX_FRAME)


def _check(name: str, verb: str, params: tuple[str, ...], limits: Limits) -> None:
    check_name(name)
    allowed = limits.get(verb)
    if allowed is None:
        raise ProtocolError(Reason.UNKNOWN_VERB, "no such verb")
    if len(params) > len(allowed):
        raise ProtocolError(Reason.TOO_MANY_PARAMETERS, f"{len(params)} parameters, at most {len(allowed)}")
    if "" in params or any(map(gt, map(len, params), allowed)) or not sendable("".join(params)):
        for at, (param, limit) in enumerate(zip(params, allowed, strict=False), 1):
            if param != UNUSED:
                _check_parameter(verb, at, param, limit)


def _check_parameter(verb: str, at: int, param: str, limit: int) -> None:
    if not limit:
        raise ProtocolError(Reason.TOO_MANY_PARAMETERS, f"{verb} has no parameter p{at}")
    if len(param) > limit or not sendable(param):
        detail = f"p{at} must have 1 to {limit} characters of printable ASCII and no comma"
        raise ProtocolError(Reason.BAD_PARAMETER, detail)


def _within_limit(frame: bytes, limit: int) -> bytes:
    if len(frame) > limit:
        raise ProtocolError(Reason.TOO_LONG, f"{len(frame)} bytes, at most {limit}")
    return frame
