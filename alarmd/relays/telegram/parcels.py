"""What is uploaded together, and its bytes out of the archive."""

from collections.abc import Sequence
from typing import NamedTuple

from alarmd.frames.archive import Archive
from alarmd.frames.errors import MissingError
from alarmd.relays.telegram import photos
from alarmd.relays.telegram.photos import Photo
from alarmd.storage.interface import Lease

MAX_ALBUM = 10
MAX_ALBUM_BYTES = 20_000_000  # in the archive; they are in memory while they are sent
FILM = "film"


class Parcel(NamedTuple):
    """missing: how many of its pictures the archive has no longer. film: empty if this is none, or it is gone too."""

    leases: Sequence[Lease]
    photos: Sequence[Photo] = ()
    missing: int = 0
    film: bytes = b""


def choose(waiting: Sequence[Lease], room: int) -> Sequence[Lease]:
    """What stands alone, else as many pictures of one alarm as an album may have. room: messages that may be sent."""
    alone = next((lease for lease in waiting if not _may_join(lease)), None)
    return [alone] if alone is not None else _album(waiting, min(room, MAX_ALBUM))


def load(archive: Archive, leases: Sequence[Lease]) -> Parcel:
    """For a worker thread. Raises ArchiveError."""
    if leases[0].delivery.subject == FILM:
        return Parcel(leases, film=_film(archive, leases[0].delivery.attachment))
    slow = any(lease.attempt > 1 for lease in leases)
    loaded = [photos.load(archive, lease.picture.picture, slow=slow) for lease in leases if lease.picture is not None]
    found = [photo for photo in loaded if photo is not None]
    return Parcel(leases, found, len(leases) - len(found))


def is_first(lease: Lease) -> bool:
    """The picture that goes into the alarm's own message."""
    return lease.alarm is not None and lease.alarm.alarm.picture == lease.delivery.attachment


def _album(waiting: Sequence[Lease], most: int) -> Sequence[Lease]:
    album, size = [waiting[0]], _size(waiting[0])
    for lease in waiting[1:]:
        size += _size(lease)
        if len(album) == most or size > MAX_ALBUM_BYTES:
            break
        if lease.delivery.alarm_id == album[0].delivery.alarm_id:
            album.append(lease)
    return album


def _may_join(lease: Lease) -> bool:
    """Further pictures of an alarm that the chat knows of; a document would not go in one album with them."""
    if lease.message is None or lease.picture is None or is_first(lease):
        return False
    return not photos.is_odd(lease.picture.picture)


def _size(lease: Lease) -> int:
    return lease.picture.picture.size if lease.picture is not None else 0


def _film(archive: Archive, key: str) -> bytes:
    try:
        return archive.read(key)
    except MissingError:
        return b""
