"""Names of what the archive keeps. They follow from what they name, so the same picture has the same key everywhere.

- picture    `{device}/{YYYY}/{MM}/{DD}/{HHMMSSffffff}-{first 16 hexadecimal digits of its SHA-256}.jpg`, UTC, received
- thumbnail  the same with `.thumb.jpg`
- film       `{device}/films/{YYYY-MM-DD}.mp4`
- manifest   `{device}/manifests/{number, 8 digits}-{YYYY-MM-DD}.json`; deletions yet to be told in one: `pending.json`

A key is checked before it becomes a path: it may come from a URL, a database or a bucket.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from lfcp.constants import MAX_NAME
from lfcp.text import check_name, is_name

MAX_KEY = MAX_NAME + 96  # characters
_PART = r"[A-Za-z0-9][A-Za-z0-9_.-]*"  # never empty or hidden; any device's name is one
_KEY = re.compile(rf"(?!.*\.\.){_PART}(?:/{_PART}){{0,7}}", re.ASCII)
_MOMENT = r"(\d{4})/(\d\d)/(\d\d)/(\d\d)(\d\d)(\d\d)(\d{6})"
_PICTURE = re.compile(rf"([^/]+)/{_MOMENT}-([0-9a-f]{{16}})\.jpg", re.ASCII)
_MANIFEST = re.compile(r"([^/]+)/manifests/(\d{8})-(\d{4}-\d\d-\d\d)\.json", re.ASCII)
_FILM = re.compile(r"([^/]+)/films/(\d{4}-\d\d-\d\d)\.mp4", re.ASCII)
_DAY = re.compile(r"\d{4}/\d\d/\d\d", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_JPG, _THUMB = ".jpg", ".thumb.jpg"


class BadKeyError(ValueError):
    """No key of this archive; never a path."""


@dataclass(frozen=True, slots=True)
class PictureKey:
    device: str
    received_at: int  # wall µs
    digest_prefix: str  # 16 hexadecimal digits

    @property
    def day(self) -> date:
        return day_of(self.received_at)


@dataclass(frozen=True, slots=True)
class ManifestKey:
    device: str
    number: int  # from 1, counts the device's manifests
    day: date


def picture_key(device: str, received_at: int, digest: str) -> str:
    """received_at: wall µs. digest: SHA-256, at least 16 hexadecimal digits."""
    return f"{check_name(device)}/{_moment(received_at):%Y/%m/%d/%H%M%S%f}-{digest[:16]}{_JPG}"


def thumbnail_key(picture: str) -> str:
    return picture.removesuffix(_JPG) + _THUMB


def film_key(device: str, day: date) -> str:
    return f"{check_name(device)}/films/{day.isoformat()}.mp4"


def manifest_key(device: str, number: int, day: date) -> str:
    return f"{check_name(device)}/manifests/{number:08}-{day.isoformat()}.json"


def day_directory(device: str, day: date) -> str:
    """Where the pictures of a UTC day are."""
    return f"{check_name(device)}/{day:%Y/%m/%d}"


def pending_key(device: str) -> str:
    return f"{check_name(device)}/manifests/pending.json"


def parse_picture(key: str) -> PictureKey | None:
    """None: it is no picture's. What is returned has exactly this key."""
    found = _PICTURE.fullmatch(key)
    if found is None or is_name(found[1]) is None:
        return None
    device, *moment, digest = found.groups()
    try:
        received = datetime.strptime("".join(moment), "%Y%m%d%H%M%S%f").replace(tzinfo=UTC)
    except ValueError:
        return None
    return PictureKey(device, (received - _EPOCH) // _MICROSECOND, digest)


def parse_manifest(key: str) -> ManifestKey | None:
    """None: it is no manifest's."""
    found = _MANIFEST.fullmatch(key)
    if found is None or is_name(found[1]) is None:
        return None
    try:
        return ManifestKey(found[1], int(found[2]), date.fromisoformat(found[3]))
    except ValueError:
        return None


def parse_day_directory(path: str) -> date | None:
    """Of `{YYYY}/{MM}/{DD}`; None: it is no day's."""
    try:
        return date.fromisoformat(path.replace("/", "-")) if _DAY.fullmatch(path) else None
    except ValueError:
        return None


def is_thumbnail(key: str) -> bool:
    return key.endswith(_THUMB) and parse_picture(thumbnail_of(key)) is not None


def thumbnail_of(key: str) -> str:
    """The key of a thumbnail's picture."""
    return key.removesuffix(_THUMB) + _JPG


def parse_film(key: str) -> date | None:
    """The day that it shows, by the clock of the device's site; None: it is no film's."""
    found = _FILM.fullmatch(key)
    if found is None or is_name(found[1]) is None:
        return None
    try:
        return date.fromisoformat(found[2])
    except ValueError:
        return None


def is_film(key: str) -> bool:
    return parse_film(key) is not None


def check_key(key: str) -> str:
    """The key, if it can be a path below the root and nowhere else. Raises BadKeyError."""
    if len(key) > MAX_KEY or _KEY.fullmatch(key) is None:
        raise BadKeyError(f"{key[:MAX_KEY]!r} is no key of the archive")
    return key


def day_of(wall: int) -> date:
    """The UTC day of a wall time in µs."""
    return _moment(wall).date()


def _moment(wall: int) -> datetime:
    return _EPOCH + wall * _MICROSECOND
