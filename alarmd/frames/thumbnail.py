"""Small pictures for lists and pages: pixels alone, without EXIF, comments or profiles."""

import io

from PIL import Image

SIDE = 320  # pixels of the longer side, at most
QUALITY = 75


def thumbnail(picture: Image.Image) -> bytes:
    """A JPEG of at most SIDE pixels either way; never larger than the picture."""
    small = picture.copy()
    small.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    return encoded(small, QUALITY)


def encoded(picture: Image.Image, quality: int) -> bytes:
    """A baseline JPEG, nothing in it but the pixels."""
    into = io.BytesIO()
    picture.save(into, "JPEG", quality=quality)
    return into.getvalue()
