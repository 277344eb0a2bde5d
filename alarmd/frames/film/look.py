"""How frames look: every one a JPEG of the same size and sampling, as ffmpeg's filters want it. Most pictures already
are, and pass as they are; cards, times and odd pictures are drawn here."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import simplejpeg  # type: ignore[import-untyped]
from PIL import Image, ImageDraw, ImageFont, ImageOps

from alarmd.core.instant import SECOND
from alarmd.frames.decoding import decode
from alarmd.frames.errors import PictureRefusedError
from alarmd.frames.film.errors import FilmError, FilmFault
from alarmd.frames.film.plan import FilmPicture, Gap
from alarmd.frames.jpeg import MAX_BYTES
from alarmd.frames.markers import outline

MAX_SIDE = 3840  # pixels of a film
SAMPLED = 50  # pictures that decide on the format
SAMPLINGS = {"420": "4:2:0", "422": "4:2:2", "444": "4:4:4"}  # ours and ffmpeg's name, and Pillow's
USUAL_SAMPLING = "420"
QUALITY = 92  # of what is drawn; the film's own encoding loses more
TEXT_SHARE = 22  # the height of a line of text is one part in so many of the picture's
LEAST_TEXT = 6.0  # pixels
CARD_WIDTH = 0.9  # of a card may be text
BACKGROUND, INK, OUTLINE = (24, 26, 30), (235, 235, 235), (0, 0, 0)

Size = tuple[int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


class BrokenPictureError(Exception):
    """It cannot be shown; the text says why."""


class Format(NamedTuple):
    """sampling: one of SAMPLINGS; empty: none that a film can have, as of a grey picture."""

    size: Size
    sampling: str


@dataclass(frozen=True, slots=True)
class Look:
    """Of a whole film. time_zone: what cards and times are told in. timestamps: each picture tells when it was taken.
    The sides of the format are even, as H.264 with 4:2:0 needs it."""

    format: Format
    time_zone: tzinfo = UTC
    timestamps: bool = False


def usual_format(pictures: Sequence[FilmPicture], size: Size | None = None, max_side: int = MAX_SIDE) -> Format:
    """What most pictures have, so that most can pass as they are; a size that is asked for goes before theirs.
    Raises FilmError if none of those that were looked at can be read."""
    some = pictures[:: max(1, -(-len(pictures) // SAMPLED))]
    seen = Counter(found for picture in some if (found := _format_in(picture.path)) is not None)
    if not seen:
        raise FilmError(FilmFault.NO_PICTURES, f"none of {len(some)} pictures can be read")
    usual, _ = max(seen.items(), key=lambda item: (item[1], item[0]))
    return Format(_even(size or usual.size, max_side), usual.sampling or USUAL_SAMPLING)


def picture_frame(picture: FilmPicture, look: Look) -> bytes:
    """The file's very bytes where nothing has to be drawn. They are decoded all the same: ffmpeg leaves out what it
    cannot decode, and nobody would know. Raises BrokenPictureError."""
    data = _read(picture.path)
    try:
        if not look.timestamps and _format_of(data) == look.format:
            decode(data, at_least=1)
            return data
        frame = _letterboxed(decode(data), look.format.size)
    except PictureRefusedError as error:
        raise BrokenPictureError(error.message) from None
    if look.timestamps:
        _write_time(frame, f"{_local(picture.taken_at, look.time_zone):%Y-%m-%d %H:%M:%S}")
    return _jpeg(frame, look)


def card_frame(gap: Gap, look: Look) -> bytes:
    frame = Image.new("RGB", look.format.size, BACKGROUND)
    draw = ImageDraw.Draw(frame)
    text = gap_text(gap, look.time_zone)
    wide = draw.multiline_textbbox((0, 0), text, _font(frame.height))[2]
    font = _font(frame.height * min(1.0, CARD_WIDTH * frame.width / wide))
    middle = (frame.width / 2, frame.height / 2)
    draw.multiline_text(middle, text, INK, font, anchor="mm", align="center", spacing=frame.height / 40)
    return _jpeg(frame, look)


def gap_text(gap: Gap, time_zone: tzinfo) -> str:
    """With the days where there are two, and the clocks' names where they were changed in between."""
    since, until = _local(gap.since, time_zone), _local(gap.until, time_zone)
    clock = "%H:%M" if since.utcoffset() == until.utcoffset() else "%H:%M %Z"
    if since.date() == until.date():
        return f"no pictures from {since:{clock}} to {until:{clock}}\n{since:%Y-%m-%d}"
    return f"no pictures from {since:%Y-%m-%d {clock}}\nto {until:%Y-%m-%d {clock}}"


def _read(path: Path) -> bytes:
    """A whole JPEG and nothing else."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        whole = outline(data).end == len(data) <= MAX_BYTES
    except OSError as error:
        raise BrokenPictureError(error.strerror or "it cannot be read") from None
    except PictureRefusedError as error:
        raise BrokenPictureError(error.message) from None
    if not whole:
        raise BrokenPictureError(f"there is more than a picture, or more than {MAX_BYTES:,} bytes")
    return data


def _format_in(path: Path) -> Format | None:
    try:
        return _format_of(_read(path))
    except BrokenPictureError:
        return None


def _format_of(data: bytes) -> Format:
    height, width, _, sampling = simplejpeg.decode_jpeg_header(data)
    return Format((width, height), sampling if sampling in SAMPLINGS else "")


def _letterboxed(picture: Image.Image, size: Size) -> Image.Image:
    return picture if picture.size == size else ImageOps.pad(picture, size, Image.Resampling.BICUBIC, color=OUTLINE)


def _write_time(frame: Image.Image, text: str) -> None:
    height = frame.height
    margin, stroke = height / TEXT_SHARE / 2, max(1, height // 300)
    draw = ImageDraw.Draw(frame)
    place = (margin, height - margin)
    draw.text(place, text, INK, _font(height), anchor="ls", stroke_width=stroke, stroke_fill=OUTLINE)


def _font(height: float) -> Font:
    return ImageFont.load_default(max(LEAST_TEXT, height / TEXT_SHARE))


def _jpeg(frame: Image.Image, look: Look) -> bytes:
    target = BytesIO()
    frame.save(target, "JPEG", quality=QUALITY, subsampling=SAMPLINGS[look.format.sampling])
    return target.getvalue()


def _even(size: Size, max_side: int) -> Size:
    """Not above max_side either, in the same proportion."""
    scale = min(1.0, max_side / max(size))
    width, height = (max(2, int(side * scale) // 2 * 2) for side in size)
    return width, height


def _local(wall: int, time_zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(wall / SECOND, time_zone)
