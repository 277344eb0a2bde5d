"""The one gate that every picture comes through: mended, walked, wholly decoded, digested."""

import hashlib
from dataclasses import dataclass, field

from alarmd.frames.decoding import decode
from alarmd.frames.errors import PictureFault, PictureRefusedError
from alarmd.frames.repair import Mended, mend
from alarmd.frames.thumbnail import SIDE, thumbnail

MAX_BYTES = 16_000_000  # what PrusaConnect takes; cheap cameras send 10 to 500 kB


@dataclass(frozen=True, slots=True)
class Inspected:
    data: bytes = field(repr=False)  # as it is to be stored: mended if it had to be
    width: int  # pixels
    height: int
    digest: str  # SHA-256 of data, in hexadecimal
    repair: str  # what was mended; empty: nothing
    thumbnail: bytes = field(repr=False)  # from the same decoding


def check(data: bytes) -> Mended:
    """All but the decoding: soon done, and then the size is known. Raises PictureRefusedError."""
    _check_length(data)
    _check_format(data)
    return mend(data)


def develop(mended: Mended) -> Inspected:
    """The rest. Raises PictureRefusedError. About 2 ms for 50 kB, mostly without the interpreter's lock: call it in
    threads. Memory: the data, and up to 6 bytes a pixel."""
    small = thumbnail(decode(mended.data, SIDE))
    digest = hashlib.sha256(mended.data).hexdigest()
    return Inspected(mended.data, mended.outline.width, mended.outline.height, digest, mended.repair, small)


def _check_length(data: bytes) -> None:
    if not data:
        raise PictureRefusedError(PictureFault.EMPTY, "the picture is empty: 0 bytes came")
    if len(data) > MAX_BYTES:
        raise PictureRefusedError(
            PictureFault.TOO_LONG, f"{len(data)} bytes are more than {MAX_BYTES}: lower the resolution or the quality"
        )


# What is sent by mistake, by its first bytes.
_OTHERS = (
    (b"\x89PNG", "a PNG"),
    (b"GIF8", "a GIF"),
    (b"RIFF", "a WebP or an AVI"),
    (b"BM", "a BMP"),
    (b"HTTP/", "an HTTP answer with its headers"),
    (b"--", "a multipart body"),
    (b"<", "a page (HTML or XML)"),
    (b"{", "JSON"),
)


def _check_format(data: bytes) -> None:
    for start, name in _OTHERS:
        if data.startswith(start):
            raise PictureRefusedError(PictureFault.NOT_JPEG, f"this is {name}: send the JPEG alone")
