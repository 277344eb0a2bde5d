"""What PNCH says: docs/protocol.md, "Parameters of signed frames" and "Rendezvous"."""

import re
from collections.abc import Callable

from lfcp.authenticator import key_from_text
from lfcp.candidates import MAX_PORT, Mapping, read_address
from lfcp.client.events import Invited, SessionOver
from lfcp.constants import Reason
from lfcp.errors import ProtocolError
from lfcp.messages import UNUSED
from lfcp.signed_fields import read_counter
from lfcp.text import is_name

_MEETING = re.compile(r"([01])\.(0|[1-9][0-9]{0,4})\.(-|[a-z]{1,8})\.(0|[1-9][0-9]{0,4})\.(.+)")
_OTHER = re.compile(r"(.+)/([uesh])")
_WHY = re.compile(r"[a-z0-9_]{1,54}")


def read_punch(server: str, params: tuple[str, ...], unseal: Callable[[str], str]) -> Invited | SessionOver:
    """unseal: of p2. Raises ProtocolError."""
    session = read_counter(params[0])
    if session is None:
        raise _bad(1)
    if params[1] == UNUSED:
        return SessionOver(server, session, read_reason(params[2]))
    other, meeting = _OTHER.fullmatch(params[2]), _MEETING.fullmatch(params[3])
    address = None if other is None else read_address(other[1])
    if other is None or address is None:
        raise _bad(3)
    if meeting is None or int(meeting[2]) > MAX_PORT or not is_name(meeting[5]):
        raise _bad(4)
    role, port, options, delay, name = meeting.groups()
    key = key_from_text(unseal(params[1]))
    mapping = Mapping(other[2])
    return Invited(server, session, key, int(role), address, mapping, int(port), options, int(delay) / 1000, name)


def is_reason(text: str) -> bool:
    return _WHY.fullmatch(text) is not None


def read_reason(field: str) -> str:
    """A code, to be shown; what is none says nothing."""
    return field if is_reason(field) else UNUSED


def _bad(at: int) -> ProtocolError:
    return ProtocolError(Reason.BAD_PARAMETER, f"p{at} of PNCH is not of its form")
