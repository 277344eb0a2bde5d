"""The operator's port as text: what a line asks for, and what the answers look like. No I/O.

A line is `target,VERB,p1,…,p5,secret`; what is missing at its end is filled in. target: a device, `*` for all, `@zone`.
Answers are CSV records of three fields and more: target, verb, then what became of it. See docs/protocol.md.
"""

import hmac
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from alarmd.core.instant import SECOND
from alarmd.core.requests import CommandRequested
from alarmd.core.views import DeviceView
from lfcp import VERBS, ProtocolError, check_name, escape
from lfcp.constants import FIELDS
from lfcp.verb_table import Port

MAX_LINE = 256  # bytes
ALL = "*"
ZONE_SIGN = "@"
UNUSED = "0"
DEFAULT_EVENTS = 20
MAX_EVENTS = 100
_COUNT = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)
_FORMULA = ("=", "+", "-", "@", "\t")  # what a spreadsheet would run


class Listing(StrEnum):
    """What can be looked at."""

    LIST = "LIST"  # devices, one a line
    SHOW = "SHOW"  # one device, one property a line
    EVTS = "EVTS"  # the newest events, newest first; p1: how many


@dataclass(frozen=True, slots=True)
class Look:
    listing: Listing
    target: str
    count: int = DEFAULT_EVENTS


_LISTINGS = frozenset(Listing)


class LineError(Exception):
    """A line that asks for nothing that could be done. `reason` is a code; the connection is to be closed."""

    def __init__(self, reason: str, message: str, target: str = "", verb: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.target = target
        self.verb = verb


def read_line(line: bytes, secret: str, operator: str) -> CommandRequested | Look:
    """What the line asks for. secret: what its last field has to be, '' if nothing. operator: for the history.

    Raises LineError. Nothing of a line is shown before its form is right, nor done before its secret is.
    """
    fields = _fields(line)
    target, verb, *params = fields
    if not _is_target(target):
        raise LineError("bad_name", "the first field is a device's name, * for all devices or @zone")
    given = params.pop() if len(fields) == FIELDS else UNUSED
    if secret and not hmac.compare_digest(given, secret):
        raise LineError("wrong_secret", "the eighth field must be the secret of this port", target)
    least = len(VERBS[verb].asked) if verb in VERBS else 0
    while len(params) > least and params[-1] == UNUSED:
        params.pop()
    if verb in _LISTINGS:
        return _look(Listing(verb), target, params)
    return _command(target, verb, params, operator)


def queued_line(name: str, verb: str, command_id: int) -> str:
    return csv_line(name, verb, "queued", str(command_id))


def error_line(target: str, verb: str, reason: str, message: str) -> str:
    return csv_line(target, verb, "error", reason, message)


def truncated_line(look: Look, shown: int) -> str:
    """The last record of a listing that has more than it may show."""
    return csv_line(look.target, look.listing, "truncated", str(shown))


def device_line(view: DeviceView) -> str:
    """name, LIST, presence, last contact, address, zone, armed or disarmed, standing, waiting commands."""
    device, contact = view.device, view.contact
    armed = "armed" if view.armed else "disarmed"
    return csv_line(
        device.name,
        Listing.LIST,
        contact.presence,
        time_text(contact.last_contact),
        contact.address,
        view.zone,
        armed,
        device.standing,
        str(view.pending_commands),
    )


def device_lines(view: DeviceView) -> Iterator[str]:
    """One property of the device a line."""
    device, contact = view.device, view.contact
    properties = {
        "presence": contact.presence,
        "last_contact": time_text(contact.last_contact),
        "address": contact.address,
        "asleep_until": time_text(contact.asleep_until),
        "zone": view.zone,
        "site": view.site,
        "armed": _yes_no(view.armed),
        "standing": device.standing,
        "dialect": device.dialect,
        "report_within": f"{device.report_within:g}",
        "allowed_interval": f"{view.allowed_interval:g}",
        "arming_answers": _yes_no(device.arming_answers),
        "wanted_detector": _yes_no(device.wanted_detector),
        "reported_detector": _yes_no(view.reported_detector),
        "camera_wish": _yes_no(device.camera_wish),
        "settings": " ".join(device.settings),
        "signing": device.signing,
        "keys": " ".join(map(str, view.key_epochs)),
        "path_proven": _yes_no(view.path_proven if view.key_epochs else None),
        "failover_causes": "; ".join(view.failover_causes),
        "pending_commands": str(view.pending_commands),
        "first_seen": time_text(device.first_seen),
    }
    for name, value in properties.items():
        yield csv_line(device.name, Listing.SHOW, name, value)


def event_line(device: str | None, received_at: int, kind: str, zone: str | None, text: str) -> str:
    """device (or *), EVTS, time, kind, zone, text."""
    return csv_line(device or ALL, Listing.EVTS, time_text(received_at), kind, zone or "", _no_formula(text))


def csv_line(*fields: str) -> str:
    """One record without its line end. Text from the wire is made harmless to a terminal and to a spreadsheet."""
    return ",".join(_quoted(escape(field)) for field in fields)


def time_text(wall: int | None) -> str:
    """A moment (µs UTC) in RFC 3339 to the second; '' for none."""
    if wall is None:
        return ""
    return datetime.fromtimestamp(wall // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def datagrams(lines: Iterable[str], size: int) -> Iterator[bytes]:
    """Lines in as few datagrams of at most `size` bytes as whole lines allow."""
    waiting = b""
    for line in lines:
        record = line.encode() + b"\n"
        if waiting and len(waiting) + len(record) > size:
            yield waiting
            waiting = b""
        waiting += record
    if waiting:
        yield waiting


def _fields(line: bytes) -> list[str]:
    text = line.rstrip(b"\r\n\0").decode("latin-1")
    if not text or len(text) > MAX_LINE:
        raise LineError("malformed", f"a line has 1 to {MAX_LINE} bytes")
    if not (text.isascii() and text.isprintable()):
        raise LineError("malformed", "a line is printable ASCII")
    fields = text.split(",")
    if not 2 <= len(fields) <= FIELDS or "" in fields:
        raise LineError("malformed", f"write target,VERB and at most {FIELDS - 2} parameters; unused ones are 0")
    return fields


def _is_target(text: str) -> bool:
    if text == ALL:
        return True
    try:
        check_name(text.removeprefix(ZONE_SIGN))
    except ProtocolError:
        return False
    return True


def _look(listing: Listing, target: str, params: Sequence[str]) -> Look:
    if listing is Listing.SHOW and target[0] in (ALL, ZONE_SIGN):
        raise LineError("invalid", "SHOW takes the name of one device; LIST shows them all", target, listing)
    if listing is Listing.EVTS and target[0] == ZONE_SIGN:
        raise LineError("invalid", "EVTS takes the name of one device or *", target, listing)
    _check_number_of_params(target, listing, params, 1 if listing is Listing.EVTS else 0)
    if not params:
        return Look(listing, target)
    if _COUNT.fullmatch(params[0]) is None or int(params[0]) > MAX_EVENTS:
        raise LineError("invalid", f"p1 is how many events, 1 to {MAX_EVENTS}", target, listing)
    return Look(listing, target, int(params[0]))


def _command(target: str, verb: str, params: Sequence[str], operator: str) -> CommandRequested:
    entry = VERBS.get(verb)
    if entry is None or not entry.command:
        known = (name for name, one in VERBS.items() if Port.OPERATOR_PORT in one.ports)
        raise LineError("unknown_verb", f"known are {' '.join((*known, *Listing))}", target)
    if Port.OPERATOR_PORT not in entry.ports:
        raise LineError("not_here", f"{verb} is not allowed on this port; use `alarmd send`", target, verb)
    _check_number_of_params(target, verb, params, len(entry.asked))
    return CommandRequested(operator, target, verb, tuple(params))


def _check_number_of_params(target: str, verb: str, params: Sequence[str], allowed: int) -> None:
    if len(params) > allowed:
        raise LineError("invalid", f"{verb} takes {allowed} parameters, {len(params)} were given", target, verb)


def _quoted(field: str) -> str:
    if any(sign in field for sign in ',"'):
        return '"' + field.replace('"', '""') + '"'
    return field


def _no_formula(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _yes_no(value: bool | None) -> str:
    return "" if value is None else ("yes" if value else "no")
