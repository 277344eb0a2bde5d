"""The pictures of a camera, as the archive has them."""

from collections.abc import Callable
from pathlib import Path

from alarmd.frames.film.plan import MAX_PICTURES, FilmPicture
from alarmd.storage.interface import MAX_PAGE, PictureFilter, Reader


def archived_pictures(
    reader: Reader, place: Callable[[str], Path], device: str, since: int, until: int
) -> list[FilmPicture]:
    """Taken from `since` on and before `until`, wall µs. place: a key's path. One more than MAX_PICTURES tells that
    there are too many. Raises StorageError."""
    found: list[FilmPicture] = []
    after: int | None = None
    while len(found) <= MAX_PICTURES:
        page = reader.pictures(PictureFilter(device, None, since, until, after, newest_first=False, limit=MAX_PAGE))
        found += (FilmPicture(place(stored.picture.key), stored.picture.captured_at) for stored in page)
        if len(page) < MAX_PAGE:
            break
        after = page[-1].picture.id
    return found[: MAX_PICTURES + 1]
