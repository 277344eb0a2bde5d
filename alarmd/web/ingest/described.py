"""What a request says of its picture beside the bytes."""

import re
from datetime import datetime

from alarmd.core.instant import SECOND, Instant
from alarmd.core.records import Trigger
from alarmd.web.ingest.gathered import beside_the_loop
from alarmd.web.ingest.messages import Head, UploadRefusedError
from alarmd.web.ingest.multipart import FORM, file_in
from alarmd.web.times import to_wall

AHEAD = 24 * 3600 * SECOND  # µs that a camera's clock may be ahead of ours
MAX_UPLOAD_ID = 64  # characters
RAW = frozenset(
    # the last is what curl --data-binary says unless told otherwise; the bytes are judged anyway
    {"", "image/jpeg", "image/jpg", "application/octet-stream", "application/x-www-form-urlencoded"}
)

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_UPLOAD_ID = re.compile(rf"[A-Za-z0-9_.:-]{{0,{MAX_UPLOAD_ID}}}", re.ASCII)


def captured_at(head: Head, now: Instant) -> int | None:
    """Wall µs; None: it does not say."""
    said = head.get("X-Captured-At")
    if not said:
        return None
    try:
        wall = to_wall(datetime.fromisoformat(said.upper())) if _RFC3339.fullmatch(said) else -1
    except ValueError:  # the 31st of February
        wall = -1
    if not 0 <= wall <= now.wall + AHEAD:
        raise UploadRefusedError(
            400,
            "invalid",
            "X-Captured-At",
            "write a time since 1970 and at most a day ahead as RFC 3339 has it: 2026-11-21T12:00:00Z",
        )
    return wall


def trigger(head: Head) -> Trigger:
    said = head.get("X-Trigger").lower()
    try:
        return Trigger(said or Trigger.DEVICE)
    except ValueError:
        raise UploadRefusedError(400, "invalid", "X-Trigger", f"write {', '.join(Trigger)}, or nothing") from None


def upload_id(head: Head) -> str:
    said = head.get("X-Upload-Id")
    if not _UPLOAD_ID.fullmatch(said):
        raise UploadRefusedError(
            400, "invalid", "X-Upload-Id", f"write {MAX_UPLOAD_ID} letters, digits or _.:- at most"
        )
    return said


def check_media_type(head: Head) -> None:
    if head.media_type not in RAW and head.media_type != FORM:
        raise UploadRefusedError(415, "not_jpeg", "Content-Type", f"send image/jpeg, or {FORM} with one picture")


async def picture_in(head: Head, body: bytes) -> bytes:
    if head.media_type != FORM:
        return body
    return await beside_the_loop(len(body), file_in, body, head.get("Content-Type"))
