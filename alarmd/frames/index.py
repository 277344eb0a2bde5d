"""Makes the index agree with the archive: after a backup was restored, or a database lost.

Rows whose files are gone are dropped. Pictures that no row knows get one, the oldest first: whole ones, that are what
their names say. When a picture was taken, the manifest of its day may know; else it was when it came. Which alarm it
belonged to is lost. A device that nobody knows is introduced, into the zone of those that nobody adopted.

While no server runs: the rules that give out the ids are the caller's.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import TypeVar

from alarmd.core.effects import DURABLE, Effect, Refuse
from alarmd.core.inputs import PictureFound, PictureReceived
from alarmd.core.records import Trigger
from alarmd.frames.archive import Archive
from alarmd.frames.decoding import size_of
from alarmd.frames.errors import ArchiveError, PictureRefusedError
from alarmd.frames.keys import PictureKey, parse_manifest, parse_picture
from alarmd.frames.manifests import BrokenManifestError, Entry, load, manifest_keys
from alarmd.storage.interface import MAX_PAGE, PictureFilter, Reader, Store

PORTION = 200  # pictures in one transaction

Thing = TypeVar("Thing")
Decide = Callable[[PictureFound], list[Effect]]


class EmptyArchiveError(ArchiveError):
    """There is no picture where the database says that there are some: most likely the wrong directory."""


@dataclass(slots=True)
class Rebuilt:
    """What was done, or would be."""

    added: int = 0
    dropped: int = 0
    skipped: int = 0
    introduced: list[str] = field(default_factory=list)  # devices


@dataclass
class Rebuilding:
    """decide: the rules. tell: why a picture is left out, in a sentence. seen: after every picture that was looked at.
    Use run(), once."""

    archive: Archive
    reader: Reader
    store: Store
    decide: Decide
    known_devices: set[str]
    tell: Callable[[str], None]
    seen: Callable[[], None] = lambda: None
    dry_run: bool = False
    done: Rebuilt = field(default_factory=Rebuilt)

    def run(self) -> Rebuilt:
        """Raises EmptyArchiveError, ArchiveError, StorageError; what was done stays done, and may be done again."""
        self._check_place()
        for ids in _portions(self._rows_without_files()):
            self.done.dropped += len(ids)
            if not self.dry_run:
                self.store.drop_pictures(ids)
        for device in self.archive.cameras():
            for part in _portions(self._unknown(device)):
                self._add(device, part)
        return self.done

    def _check_place(self) -> None:
        if any(map(parse_picture, self.archive.keys())):
            return
        known = sum(one.pictures for one in self.reader.picture_totals())
        if known:
            raise EmptyArchiveError(
                f"the archive holds no picture, yet the database knows of {known}: is its disk mounted, and "
                "archive.directory right?"
            )

    def _rows_without_files(self) -> Iterator[int]:
        after = 0
        while page := self.reader.pictures(PictureFilter(after_id=after, newest_first=False, limit=MAX_PAGE)):
            yield from (one.picture.id for one in page if not self.archive.path(one.picture.key).is_file())
            after = page[-1].picture.id

    def _unknown(self, device: str) -> Iterator[PictureFound]:
        manifests = _Manifests(self.archive, device, self.tell)
        pictures = (key for key in self.archive.keys(device) if parse_picture(key))
        for part in _portions(pictures):
            known = self.reader.known_pictures(part)
            for key in part:
                self.seen()
                found = None if key in known else self._looked_at(key, manifests)
                if found is not None:
                    yield PictureFound(found)

    def _looked_at(self, key: str, manifests: "_Manifests") -> PictureReceived | None:
        parsed = parse_picture(key)
        assert parsed is not None
        try:
            return _received(key, parsed, self.archive.read(key), manifests.entry(key, parsed.day))
        except (ArchiveError, PictureRefusedError) as error:
            self._skip(key, str(error))
            return None

    def _add(self, device: str, part: list[PictureFound]) -> None:
        """All of one device, in one transaction."""
        turns = []
        for found in part:
            effects = self.decide(found)
            refusal = next((effect for effect in effects if isinstance(effect, Refuse)), None)
            if refusal is not None:
                self._skip(found.picture.key, refusal.message)
            else:
                turns.append([effect for effect in effects if isinstance(effect, DURABLE)])
        if turns and device not in self.known_devices:
            self.known_devices.add(device)
            self.done.introduced.append(device)
        refused = [] if self.dry_run else self.store.commit(turns)
        for one in refused:
            self._skip(device, one.reason)
        self.done.added += len(turns) - len(refused)

    def _skip(self, what: str, why: str) -> None:
        self.done.skipped += 1
        self.tell(f"{what} is left out: {why}")


class _Manifests:
    """Of one camera; those of one day in memory."""

    def __init__(self, archive: Archive, device: str, tell: Callable[[str], None]) -> None:
        self._archive = archive
        self._tell = tell
        self._keys: defaultdict[date, list[str]] = defaultdict(list)
        for key in manifest_keys(archive, device):
            parsed = parse_manifest(key)
            if parsed is not None:
                self._keys[parsed.day].append(key)
        self._day: date | None = None
        self._entries: dict[str, Entry] = {}

    def entry(self, picture: str, day: date) -> Entry | None:
        if day != self._day:
            self._day = day
            self._entries = {one.key: one for key in self._keys[day] for one in self._load(key)}
        return self._entries.get(picture)

    def _load(self, key: str) -> tuple[Entry, ...]:
        try:
            return load(key, self._archive.read(key)).pictures
        except BrokenManifestError as error:
            self._tell(str(error))
            return ()


def _received(key: str, parsed: PictureKey, data: bytes, entry: Entry | None) -> PictureReceived:
    digest = hashlib.sha256(data).hexdigest()
    if not digest.startswith(parsed.digest_prefix) or (entry is not None and entry.digest != digest):
        raise ArchiveError("its bytes are not those that came; see `alarmd archive verify`")
    width, height = size_of(data)
    captured_at = entry.captured_at if entry else None
    return PictureReceived(
        parsed.device, key, captured_at, parsed.received_at, Trigger.DEVICE, "", digest, len(data), width, height
    )


def _portions(things: Iterable[Thing]) -> Iterator[list[Thing]]:
    rest = iter(things)
    while part := list(islice(rest, PORTION)):
        yield part
