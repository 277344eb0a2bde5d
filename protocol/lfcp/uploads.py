"""The line before a picture: docs/protocol.md, "Pictures"."""

import hashlib
import re
from typing import NamedTuple

from lfcp.constants import FIELDS, MAX_LIVE, MAX_PICTURE, PICTURE_DIGEST, UPLOAD_GO_ON, Trigger, Verb
from lfcp.messages import UNUSED, Message

# ASCII classes: int() would take more, see report.py.
_PLACE = r"0|[1-9][0-9]{0,7}"
_SPAN = re.compile(rf"({_PLACE}):({_PLACE})")
_UPLOAD = re.compile(r"[A-Z]\.[1-9a-f][0-9a-f]{0,15}|[0-9a-f]{1,16}\.[1-9a-f][0-9a-f]{0,7}")
_DIGEST = re.compile(rf"[0-9a-f]{{{PICTURE_DIGEST}}}")
_OFFSET = re.compile(_PLACE)
_RESULT = re.compile(r"[0-3]")
_SECONDS = re.compile(r"[1-9][0-9]{0,2}")
_TRIGGERS = frozenset(Trigger)


class Part(NamedTuple):
    """What FRAM announces: the bytes of a picture from the offset on. upload: the id, the same for every part."""

    upload: str
    offset: int
    total: int
    digest: str  # of the whole picture
    trigger: Trigger

    @property
    def length(self) -> int:
        """Bytes behind the line; 0: it asks what the server has."""
        return self.total - self.offset


def read_part(message: Message) -> Part | None:
    """message: a FRAM. None: not of the form."""
    upload, span, digest, trigger = message.params[:4]
    places = _read_span(span)
    if places is None or trigger not in _TRIGGERS:
        return None
    if _UPLOAD.fullmatch(upload) is None or _DIGEST.fullmatch(digest) is None:
        return None
    return Part(upload, *places, digest, Trigger(trigger))


def part_parameters(part: Part) -> tuple[str, str, str, str]:
    """p1 to p4 of a FRAM."""
    return part.upload, f"{part.offset}:{part.total}", part.digest, part.trigger.value


class Answer(NamedTuple):
    """The ACK of a FRAM. offset: what the server has; 0 unless the result is UPLOAD_GO_ON. reason: for people."""

    upload: str
    result: int
    offset: int = 0
    reason: str = ""


def read_answer(message: Message) -> Answer | None:
    """message: an ACK of a server. None: it is no picture's."""
    _, result, detail, upload = message.params[:4]
    if _UPLOAD.fullmatch(upload) is None or _RESULT.fullmatch(result) is None:
        return None
    if int(result) != UPLOAD_GO_ON:
        return Answer(upload, int(result), reason="" if detail == UNUSED else detail)
    return Answer(upload, UPLOAD_GO_ON, int(detail)) if _OFFSET.fullmatch(detail) else None


def body_length(line: bytes) -> int:
    """How many bytes behind a line are a picture's, for whoever cuts a TCP stream; 0 for every line but a FRAM. Of
    lines that are no frames too: whatever else is wrong with it, the bytes of a picture must not be read as lines."""
    fields = line.split(b",")
    if len(fields) != FIELDS or fields[1] != Verb.FRAM.encode():
        return 0
    places = _read_span(fields[3].decode("latin-1"))
    return 0 if places is None else places[1] - places[0]


def picture_digest(picture: bytes) -> str:
    """The first half of its SHA-256. What a signed line names can then be no other picture."""
    return hashlib.sha256(picture).hexdigest()[:PICTURE_DIGEST]


def is_live_seconds(text: str) -> bool:
    """Whether it may be p1 of LIVE."""
    return _SECONDS.fullmatch(text) is not None and int(text) <= MAX_LIVE


def _read_span(text: str) -> tuple[int, int] | None:
    found = _SPAN.fullmatch(text)
    if found is None:
        return None
    offset, total = int(found[1]), int(found[2])
    return (offset, total) if offset <= total <= MAX_PICTURE and total else None
