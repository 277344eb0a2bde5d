"""What an archive should hold, written down so that nobody can change the past unseen.

Once a UTC day is over, a manifest of a camera's pictures of that day is made. Manifests are numbered, and each has
the SHA-256 of the one before: whoever knows the newest one's digest (`head`) can tell that nothing older was altered,
added or taken out. Who can write to the archive can forge the whole chain; keep a head elsewhere against that.

- It lists what the database knows, with the digest taken at the gate, and what lies in the archive besides (a picture
  stored just before a crash). So what vanished before the manifest was made is missed all the same.
- A day may have several: a clock that is set back brings more pictures of a day that has its manifest. Those of the
  last LOOK_BACK_DAYS are listed in one more; older ones count as added.
- What retention deletes is first written into `pending.json`, then deleted, then listed under `deleted` in the next
  manifest. A picture that is neither there nor in such a list has vanished.
- The same facts give the same bytes: sorted keys, no white space, no time of making.

One thread at a time may seal and delete for a camera.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta

from alarmd.frames.archive import Archive
from alarmd.frames.errors import ArchiveError, MissingError
from alarmd.frames.keys import (
    day_directory,
    manifest_key,
    parse_day_directory,
    parse_manifest,
    parse_picture,
    pending_key,
    thumbnail_key,
)

FORM = 1  # of the manifests' JSON
LOOK_BACK_DAYS = 7
FIRST = "0" * 64  # the digest before the first manifest


class BrokenManifestError(ArchiveError):
    """A manifest or the list of deletions that cannot be read; nothing is added to such a chain."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture. Times are wall µs."""

    key: str
    digest: str  # SHA-256, in hexadecimal
    size: int  # bytes
    received_at: int
    captured_at: int | None = None  # None: only the archive knows this picture


@dataclass(frozen=True, slots=True)
class Deletion:
    key: str
    deleted_at: int  # wall µs


@dataclass(frozen=True, slots=True)
class Manifest:
    device: str
    number: int
    day: date
    previous: str  # SHA-256 of the manifest before, in hexadecimal
    pictures: tuple[Entry, ...]  # sorted by key
    deleted: tuple[Deletion, ...]


Known = Callable[[date], Iterable[Entry]]  # what the database has of a UTC day


def seal(archive: Archive, device: str, today: date, known: Known) -> list[str]:
    """Make the manifests that are due of the days before today; may be called at any time. Returns their keys. Raises
    ArchiveError."""
    keys = manifest_keys(archive, device)
    had = len(keys)
    days = _due_days(archive, device, today, keys)
    for day in days:
        pictures = tuple(_unlisted(archive, device, day, known(day), keys))
        deleted = tuple(_untold(archive, device, keys)) if day == days[-1] else ()
        if pictures or deleted:
            keys.append(_append(archive, keys, device, day, pictures, deleted))
    _write_pending(archive, device, _untold(archive, device, keys))
    return keys[had:]


def delete_for_good(archive: Archive, device: str, keys: Iterable[str], now: int) -> None:
    """Delete pictures of one camera with their thumbnails, and have it on record. now: wall µs."""
    doomed = sorted(keys)
    for key in doomed:  # these need no record, and make the room for it
        archive.delete(thumbnail_key(key))
    told = {one.key: one for one in pending(archive, device)}
    _write_pending(archive, device, ({key: Deletion(key, now) for key in doomed} | told).values())
    for key in doomed:
        archive.delete(key)


def pending(archive: Archive, device: str) -> list[Deletion]:
    """What was deleted since the last manifest, sorted by key."""
    key = pending_key(device)
    try:
        data = archive.read(key)
    except MissingError:
        return []
    with _understanding(key):
        return [Deletion(**one) for one in json.loads(data)]


def manifest_keys(archive: Archive, device: str) -> list[str]:
    """In the order of the chain."""
    return [key for key in archive.keys(f"{device}/manifests") if parse_manifest(key)]


def load(key: str, data: bytes) -> Manifest:
    """Raises BrokenManifestError."""
    with _understanding(key):
        found = json.loads(data)
        manifest = Manifest(
            device=found["device"],
            number=found["number"],
            day=date.fromisoformat(found["day"]),
            previous=found["previous"],
            pictures=tuple(Entry(**one) for one in found["pictures"]),
            deleted=tuple(Deletion(**one) for one in found["deleted"]),
        )
        if (found["form"], manifest_key(manifest.device, manifest.number, manifest.day)) != (FORM, key):
            raise ValueError("it says that it is another")
        return manifest


def encode(manifest: Manifest) -> bytes:
    return _json(asdict(manifest) | {"day": manifest.day.isoformat(), "form": FORM})


def chain_digest(data: bytes) -> str:
    """What the next manifest says of this one."""
    return hashlib.sha256(data).hexdigest()


def _due_days(archive: Archive, device: str, today: date, keys: Iterable[str]) -> list[date]:
    """Never empty; sorted. Yesterday is the last."""
    have = {found.day for found in map(parse_manifest, keys) if found}
    recent = {today - timedelta(days=back) for back in range(1, LOOK_BACK_DAYS + 1)}
    return sorted(recent | {day for day in archive_days(archive, device) if day < today and day not in have})


def archive_days(archive: Archive, device: str) -> Iterator[date]:
    """UTC days that the archive has a directory of."""
    root = archive.path(device)
    for found in root.glob("[0-9]*/[0-9]*/[0-9]*"):
        day = parse_day_directory(found.relative_to(root).as_posix())
        if day is not None:
            yield day


def _unlisted(archive: Archive, device: str, day: date, known: Iterable[Entry], keys: Iterable[str]) -> Iterator[Entry]:
    """Pictures of a day that no manifest has yet, sorted by key."""
    of_day = [load(key, archive.read(key)) for key in keys if _is_of(key, day)]
    done = {entry.key for manifest in of_day for entry in manifest.pictures}
    done |= {one.key for one in pending(archive, device)}
    entries = {entry.key: entry for entry in known}
    here = set(archive.keys(day_directory(device, day)))
    for key in sorted((here | entries.keys()) - done):
        entry = entries.get(key) or _found(archive, key)
        if entry is not None:
            yield entry


def _is_of(key: str, day: date) -> bool:
    parsed = parse_manifest(key)
    return parsed is not None and parsed.day == day


def _found(archive: Archive, key: str) -> Entry | None:
    """A picture that only the archive knows; None if it is none, or not what its name says."""
    parsed = parse_picture(key)
    if parsed is None:
        return None
    data = archive.read(key)
    digest = hashlib.sha256(data).hexdigest()
    return Entry(key, digest, len(data), parsed.received_at) if digest.startswith(parsed.digest_prefix) else None


def _append(
    archive: Archive,
    keys: list[str],
    device: str,
    day: date,
    pictures: tuple[Entry, ...],
    deleted: tuple[Deletion, ...],
) -> str:
    """The next manifest of the chain. Returns its key."""
    last = parse_manifest(keys[-1]) if keys else None
    number = last.number + 1 if last else 1
    previous = chain_digest(archive.read(keys[-1])) if keys else FIRST
    key = manifest_key(device, number, day)
    manifest = Manifest(device, number, day, previous, pictures, deleted)
    archive.write(key, encode(manifest), into_reserve=True)
    return key


def _untold(archive: Archive, device: str, keys: list[str]) -> list[Deletion]:
    """Deletions that the newest manifest does not have: a crash may have come between it and its clearing of them."""
    told = {one.key for one in load(keys[-1], archive.read(keys[-1])).deleted} if keys else set()
    return [one for one in pending(archive, device) if one.key not in told]


def _write_pending(archive: Archive, device: str, deletions: Iterable[Deletion]) -> None:
    told = sorted(deletions, key=lambda one: one.key)
    rows = [{"key": one.key, "deleted_at": one.deleted_at} for one in told]  # asdict() takes as long as all the rest
    if rows:
        archive.write(pending_key(device), _json(rows), into_reserve=True)
    else:
        archive.delete(pending_key(device))


def _json(content: object) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode() + b"\n"


@contextmanager
def _understanding(key: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BrokenManifestError(f"{key} cannot be understood: {error}") from error
