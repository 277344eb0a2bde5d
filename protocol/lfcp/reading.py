"""Bytes → Message: one parser for LFCP/1 by the book and, with named leniencies, for what devices really send.

A frame that is well formed takes a short cut; every other one is read step by step, and each deviation is either
among the leniencies that the caller allows or the reason for the refusal. The order of the steps is the order in
which docs/protocol.md lists the reasons: it decides which of several deviations is named.
"""

from lfcp.authenticator import Signature, signature_of
from lfcp.constants import (
    FIELDS,
    MAX_FIELD,
    MAX_FRAME,
    PARAMETERS,
    SIGNED_MAX_FIELD,
    SIGNED_MAX_FRAME,
    VERBS,
    Leniency,
    Reason,
)
from lfcp.errors import ProtocolError
from lfcp.messages import NO_PARAMETERS, STRICT, UNUSED, Message
from lfcp.text import check_name, escape, is_name

SHORT_FRAME = MAX_FIELD + 2 * (FIELDS - 1)  # bytes; up to here no field of eight can be too long


def decode(frame: bytes, leniencies: frozenset[Leniency] = STRICT) -> Message:
    """One datagram, or one line without its line end. Raises ProtocolError and nothing else, whatever the bytes."""
    message = _well_formed(frame)
    return message if message is not None else _Reading(leniencies).read(frame)


def _well_formed(frame: bytes) -> Message | None:
    content = without_end(frame)
    if len(content) > SIGNED_MAX_FRAME or not content.isascii():
        return None
    text = content.decode("ascii")
    fields = text.split(",")
    if len(fields) != FIELDS or fields[1] not in VERBS or "" in fields:
        return None
    if not text.isprintable() or is_name(fields[0]) is None:
        return None
    signature = signature_of(fields[6], fields[7])
    if len(text) > SHORT_FRAME and not _within_limits(text, fields, signature):
        return None
    return Message(fields[0], fields[1], tuple(fields[2:]), STRICT, signature)


def _within_limits(text: str, fields: list[str], signature: Signature | None) -> bool:
    longest = max(map(len, fields))
    if signature is None:
        return len(text) <= MAX_FRAME and longest <= MAX_FIELD
    return len(text) <= SIGNED_MAX_FRAME and longest <= SIGNED_MAX_FIELD


def without_end(frame: bytes) -> bytes:
    """Without one trailing NUL and any CR and LF: legal for everybody, so that netcat and C strings both work."""
    frame = frame.rstrip(b"\r\n")
    return frame[:-1].rstrip(b"\r\n") if frame.endswith(b"\0") else frame


class _Reading:
    """One frame, step by step; collects the leniencies that were needed."""

    def __init__(self, allowed: frozenset[Leniency]) -> None:
        self.allowed = allowed
        self.needed: set[Leniency] = set()

    def need(self, leniency: Leniency, detail: str) -> None:
        if leniency not in self.allowed:
            raise ProtocolError(Reason(leniency.value), detail)
        self.needed.add(leniency)

    def read(self, frame: bytes) -> Message:
        content = without_end(frame)
        if not content:
            raise ProtocolError(Reason.EMPTY, "nothing in it")
        if len(content) > MAX_FRAME:
            raise ProtocolError(Reason.TOO_LONG, f"{len(content)} bytes, at most {MAX_FRAME}")
        fields = content.split(b",")
        name = check_name(fields[0].decode("latin-1"))
        if len(fields) == 1:
            self.need(Leniency.BEACON, "a name and no verb")
            return Message(name, "", NO_PARAMETERS, frozenset(self.needed))
        raw = self.six(fields)
        verb = self.verb(fields[1])
        params = tuple(self.parameter(f"p{at}", field) for at, field in enumerate(raw, 1))
        return Message(name, verb, params, frozenset(self.needed))

    def six(self, fields: list[bytes]) -> list[bytes]:
        """The parameters. Once fields are doubled or too many, positions mean nothing and every 0 is dropped."""
        raw = fields[2:]
        if len(fields) < FIELDS:
            self.need(Leniency.MISSING_FIELDS, f"{len(fields)} fields, {FIELDS} are needed")
        if b"" in raw:
            self.need(Leniency.DOUBLED_COMMAS, "an empty parameter")
        if len(fields) > FIELDS:
            self.need(Leniency.EXTRA_FIELDS, f"{len(fields)} fields, {FIELDS} are allowed")
        if self.needed - {Leniency.MISSING_FIELDS}:
            raw = [field for field in raw if field not in (b"", b"0")][:PARAMETERS]
        return raw + [UNUSED.encode()] * (PARAMETERS - len(raw))

    def verb(self, field: bytes) -> str:
        if not field:
            self.need(Leniency.EMPTY_VERB, "no verb")
            return ""
        verb = field.decode("latin-1")
        if len(field) > MAX_FIELD or not (field.isascii() and verb.isprintable()):
            raise ProtocolError(Reason.BAD_VERB, f"a verb has at most {MAX_FIELD} bytes of printable ASCII")
        if verb not in VERBS:
            self.need(Leniency.UNKNOWN_VERB, "no such verb")
        return verb

    def parameter(self, which: str, field: bytes) -> str:
        if not field.isascii():
            self.need(Leniency.NON_ASCII_TEXT, f"{which} has bytes outside ASCII")
        if any(byte < 0x20 or byte == 0x7F for byte in field):
            self.need(Leniency.CONTROL_CHARACTERS, f"{which} has control characters")
        if len(field) > MAX_FIELD:
            self.need(Leniency.LONG_FIELD, f"{which} has {len(field)} bytes, at most {MAX_FIELD}")
        return escape(field.decode("utf-8", "backslashreplace"))
