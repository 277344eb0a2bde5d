"""Holds an archive against its manifests: every picture that is missing, altered or added, and every broken link.

Memory: the pictures of one day, and a key for every picture that was ever deleted.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import groupby

from alarmd.frames.archive import Archive
from alarmd.frames.errors import MissingError
from alarmd.frames.keys import PictureKey, is_film, is_thumbnail, parse_manifest, parse_picture, pending_key
from alarmd.frames.manifests import (
    FIRST,
    BrokenManifestError,
    Deletion,
    Entry,
    Manifest,
    chain_digest,
    load,
    manifest_keys,
    pending,
)


class Fault(StrEnum):
    MISSING = "missing"  # in a manifest, neither in the archive nor on record as deleted
    ALTERED = "altered"
    ADDED = "added"  # in the archive, and in no manifest of its day
    BROKEN = "broken"  # a manifest that is gone, cannot be read, or does not follow the one before


@dataclass(frozen=True, slots=True)
class Finding:
    fault: Fault
    key: str
    message: str


@dataclass(slots=True)
class Summary:
    """What was looked at, whatever was found."""

    manifests: int = 0
    whole: int = 0  # pictures as their manifest says
    deleted: int = 0  # on record
    open: int = 0  # pictures of days without a manifest; held against their names alone
    faults: int = 0
    head: str = FIRST  # SHA-256 of the newest manifest: note it elsewhere, and compare


def verify(archive: Archive, device: str, tell: Callable[[Finding], None]) -> Summary:
    """Reads everything that the archive has of a camera. Each finding is told at once."""
    return _Verification(archive, device, tell).run()


@dataclass
class _Verification:
    archive: Archive
    device: str
    tell: Callable[[Finding], None]
    summary: Summary = field(default_factory=Summary)
    deleted: set[str] = field(default_factory=set)
    manifests: defaultdict[date, list[str]] = field(default_factory=lambda: defaultdict(list))  # keys, of a day

    def run(self) -> Summary:
        self._walk_chain()
        self._note_deleted(self._pending())
        pictures = filter(None, map(self._picture, self.archive.keys(self.device)))
        for day, found in groupby(pictures, key=lambda picture: picture[1].day):
            self._check_day(dict(found), self.manifests.pop(day, []))
        for keys in self.manifests.values():  # no picture is left of these days
            self._check_day({}, keys)
        return self.summary

    def _found(self, fault: Fault, key: str, message: str) -> None:
        self.summary.faults += 1
        self.tell(Finding(fault, key, message))

    def _walk_chain(self) -> None:
        due = 1
        for key in manifest_keys(self.archive, self.device):
            data = self.archive.read(key)
            manifest = self._loaded(key, data)
            if manifest is not None:
                self._check_link(manifest, key, due)
                self._note_deleted(manifest.deleted)
            due = (manifest.number if manifest else due) + 1
            self.summary.manifests += 1
            self.summary.head = chain_digest(data)

    def _loaded(self, key: str, data: bytes) -> Manifest | None:
        try:
            return load(key, data)
        except BrokenManifestError as error:
            self._found(Fault.BROKEN, key, str(error))
            return None

    def _check_link(self, manifest: Manifest, key: str, due: int) -> None:
        self.manifests[manifest.day].append(key)
        if manifest.number != due:
            self._found(Fault.BROKEN, key, f"number {due} should stand here")
        elif manifest.previous != self.summary.head:
            self._found(Fault.BROKEN, key, "the manifest before it is not the one that it was made after")

    def _pending(self) -> list[Deletion]:
        try:
            return pending(self.archive, self.device)
        except BrokenManifestError as error:
            self._found(Fault.BROKEN, pending_key(self.device), str(error))
            return []

    def _note_deleted(self, deletions: Iterable[Deletion]) -> None:
        self.deleted.update(one.key for one in deletions)

    def _picture(self, key: str) -> tuple[str, PictureKey] | None:
        parsed = parse_picture(key)
        if parsed is not None:
            return key, parsed
        if not (is_thumbnail(key) or is_film(key) or parse_manifest(key) or key == pending_key(self.device)):
            self._found(Fault.ADDED, key, "nothing of this name belongs here")
        return None

    def _check_day(self, here: dict[str, PictureKey], manifests: Iterable[str]) -> None:
        listed = {entry.key: entry for key in manifests for entry in load(key, self.archive.read(key)).pictures}
        gone = [entry for entry in listed.values() if not self._is_here(entry)]
        if any(entry.key not in self.deleted for entry in gone):
            self._look_again()
        for entry in gone:
            self._check_gone(entry)
        for key in here.keys() - listed.keys():
            self._check_unlisted(key, here[key], sealed=bool(listed))

    def _is_here(self, entry: Entry) -> bool:
        data = self._read(entry.key)
        if data is None:
            return False
        if hashlib.sha256(data).hexdigest() != entry.digest:
            self._found(Fault.ALTERED, entry.key, f"its SHA-256 is not {entry.digest}")
        else:
            self.summary.whole += 1
        return True

    def _check_gone(self, entry: Entry) -> None:
        if entry.key in self.deleted:
            self.summary.deleted += 1
        else:
            self._found(Fault.MISSING, entry.key, "it is gone, and nothing says that it was deleted")

    def _look_again(self) -> None:
        """Retention goes on meanwhile. In this order: what leaves the one list is in the other before."""
        with suppress(BrokenManifestError):  # told before
            self._note_deleted(pending(self.archive, self.device))
            for key in manifest_keys(self.archive, self.device)[self.summary.manifests :]:
                self._note_deleted(load(key, self.archive.read(key)).deleted)

    def _check_unlisted(self, key: str, parsed: PictureKey, *, sealed: bool) -> None:
        data = self._read(key)
        if data is None:
            return  # retention came first
        if not hashlib.sha256(data).hexdigest().startswith(parsed.digest_prefix):
            self._found(Fault.ALTERED, key, "its bytes are not those that its name was made of")
        elif sealed:
            self._found(Fault.ADDED, key, "no manifest of its day has it")
        else:
            self.summary.open += 1

    def _read(self, key: str) -> bytes | None:
        try:
            return self.archive.read(key)
        except MissingError:
            return None
