"""JPEG to pixels by the strict decoder: what libjpeg warns of is an error here.

Pillow keeps libjpeg's warnings to itself: of 300 pictures with a hole of up to 1,460 bytes it accepted all, this
decoder 6. Nothing short of a checksum finds the rest, nor a flipped bit that leaves the code in step.
"""

import re
import threading
from contextlib import nullcontext

import simplejpeg  # type: ignore[import-untyped]
from PIL import Image

from alarmd.frames.errors import PictureFault, PictureRefusedError

SURPLUS = 16  # bytes between the last pixel and the next marker: sensors and webcams round up
LARGE = 5_000_000  # pixels; more are decoded one picture at a time, for each may take 6 bytes a pixel
_one_large = threading.Lock()
_SURPLUS_TEXT = re.compile(r"(\d+) extraneous bytes before marker")


def decode(data: bytes, at_least: int = 0) -> Image.Image:
    """In RGB. All of its data is read, yet pixels are made only for the smallest size, in steps of an eighth, whose
    longer side has `at_least` so many; 0: the full size. Raises PictureRefusedError. Runs without the interpreter's
    lock; a large one waits until no other is being decoded, so call it in threads."""
    with _one_large if is_large(*size_of(data)) else nullcontext():
        return _decoded(data, at_least, strict=True)


def is_large(width: int, height: int) -> bool:
    return width * height > LARGE


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height in pixels, by its header alone. Raises PictureRefusedError."""
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError as error:
        raise PictureRefusedError(PictureFault.CORRUPT, f"the JPEG is corrupt: {error}") from None
    return int(width), int(height)


def _decoded(data: bytes, at_least: int, *, strict: bool) -> Image.Image:
    try:
        return _pixels(data, at_least, strict=strict)
    except ValueError as error:
        if not (strict and _is_small_surplus(str(error))):
            raise PictureRefusedError(PictureFault.CORRUPT, f"the JPEG is corrupt: {error}") from None
    return _decoded(data, at_least, strict=False)


def _pixels(data: bytes, at_least: int, *, strict: bool) -> Image.Image:
    height, width, _, _ = simplejpeg.decode_jpeg_header(data, strict=strict)
    side = "min_width" if int(width) >= int(height) else "min_height"
    return Image.fromarray(simplejpeg.decode_jpeg(data, strict=strict, **{side: at_least}))


def _is_small_surplus(text: str) -> bool:
    found = _SURPLUS_TEXT.search(text)
    return found is not None and int(found[1]) <= SURPLUS
