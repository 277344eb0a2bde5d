"""Real JPEG pictures, the same in every run."""

import io
import random
from functools import cache

from PIL import Image

from alarmd.frames.jpeg import Inspected, check, develop


@cache
def jpeg(width: int = 160, height: int = 120, mode: str = "RGB", **options: object) -> bytes:
    """Gradients with detail enough to fill some kilobytes. options: those of Pillow's JPEG writer."""
    into = io.BytesIO()
    scene(width, height).convert(mode).save(into, "JPEG", **options)
    return into.getvalue()


def scene(width: int, height: int) -> Image.Image:
    noise = Image.frombytes("L", (width, height), random.Random(1).randbytes(width * height))
    grey = Image.blend(Image.linear_gradient("L").resize((width, height)), noise, 0.2)
    return Image.merge("RGB", (grey, grey.transpose(Image.Transpose.ROTATE_180), grey.point(lambda v: 255 - v)))


def inspect(data: bytes) -> Inspected:
    """As the intake does."""
    return develop(check(data))


def other(form: str) -> bytes:
    """The same scene as a PNG, GIF, BMP …"""
    into = io.BytesIO()
    scene(64, 48).save(into, form)
    return into.getvalue()


def start_of_scan(data: bytes) -> int:
    """Offset of the first byte of a baseline picture's entropy-coded data."""
    at = data.index(b"\xff\xda") + 2
    return at + int.from_bytes(data[at : at + 2], "big")


def restated(data: bytes, width: int, height: int) -> bytes:
    """The picture, telling another size in its frame header."""
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + data[at + 4 :]
