"""Pictures made to fit a destination's limit: the same bytes in give the same bytes out."""

from collections.abc import Iterator

from PIL import Image

from alarmd.frames.decoding import decode
from alarmd.frames.errors import PictureFault, PictureRefusedError
from alarmd.frames.markers import outline
from alarmd.frames.thumbnail import encoded

QUALITIES = (85, 70, 55)  # below that a smaller picture shows more
SCALES = (1.0, 0.7, 0.5, 0.35, 0.25, 0.125, 0.0625)  # of the side; so len(QUALITIES) * len(SCALES) attempts at most
LEAST_SIDE = 16  # pixels; nothing is seen on less


def shrunk(data: bytes, max_bytes: int, max_side: int | None = None) -> bytes:
    """An inspected picture in at most max_bytes, at most max_side pixels either way. What fits is returned as it is.
    Raises PictureRefusedError if it cannot be done; takes 4 bytes a pixel."""
    found = outline(data)
    side = max(found.width, found.height)
    allowed = min(side, max_side) if max_side is not None else side
    if len(data) <= max_bytes and side == allowed:
        return data
    for smaller in _attempts(decode(data, allowed), allowed):
        if len(smaller) <= max_bytes:
            return smaller
    raise PictureRefusedError(PictureFault.TOO_LONG, f"{len(data)} bytes cannot be shrunk to {max_bytes}")


def _attempts(picture: Image.Image, side: int) -> Iterator[bytes]:
    """From the best to the smallest."""
    for scale in SCALES:
        longest = max(round(side * scale), min(side, LEAST_SIDE))
        scaled = picture.copy()
        scaled.thumbnail((longest, longest), Image.Resampling.BOX)
        yield from (encoded(scaled, quality) for quality in QUALITIES)
