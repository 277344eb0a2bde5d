"""What of a picture is sent: Telegram takes photos of a certain size and shape, other files whatever they hold.

Its limits are those of the Bot API, "sendPhoto" and "Sending files" (core.telegram.org/bots/api).
"""

from typing import NamedTuple

from alarmd.core.records import Picture
from alarmd.frames.archive import Archive
from alarmd.frames.errors import MissingError, PictureRefusedError
from alarmd.frames.shrink import shrunk

MAX_PHOTO = 10_000_000  # bytes
MAX_SIDES = 10_000  # pixels, width and height together
MAX_RATIO = 20  # of the longer to the shorter side
MAX_FILE = 50_000_000  # bytes of anything else; no picture in the archive has as many
SLOW_PHOTO = 400_000  # bytes, and
SLOW_SIDE = 1280  # pixels, once an attempt has failed: a slow line gets what Telegram's own clients would send


class Photo(NamedTuple):
    """as_file: to be sent as a document, since it is no photo for Telegram."""

    data: bytes
    picture: Picture
    as_file: bool

    @property
    def name(self) -> str:
        return self.picture.key.replace("/", "-")


def is_odd(picture: Picture) -> bool:
    """Of a shape that Telegram takes no photos of."""
    longer, shorter = max(picture.width, picture.height), min(picture.width, picture.height)
    return longer > MAX_RATIO * shorter


def load(archive: Archive, picture: Picture, *, slow: bool) -> Photo | None:
    """None: the archive has it no longer. slow: make it small. For a worker thread."""
    try:
        data = archive.read(picture.key)
    except MissingError:
        return None
    if not is_odd(picture):
        try:
            return Photo(_fitting(data, picture, slow=slow), picture, as_file=False)
        except PictureRefusedError:  # the archive's copy was damaged; whoever looks at it may still see something
            pass
    return Photo(data, picture, as_file=True)


def _fitting(data: bytes, picture: Picture, *, slow: bool) -> bytes:
    sides = picture.width + picture.height
    longest = max(picture.width, picture.height) * min(sides, MAX_SIDES) // sides
    if slow:
        return shrunk(data, SLOW_PHOTO, min(longest, SLOW_SIDE))
    return shrunk(data, MAX_PHOTO, longest)
