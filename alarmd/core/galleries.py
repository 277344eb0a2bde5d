"""What the rules remember of a device's pictures: the newest, those that may come again, and those asked for.

What is promised of a picture that comes again: with the id of one of the latest MAX_UPLOADS uploads and the same bytes,
or without an id within RESENT_WITHIN of the newest and the same bytes, it is answered as stored and not told twice.
After a restart this holds for each device's newest picture alone, which is mostly the one in question: a device goes on
to the next when it has an answer. An older one that comes again then is stored and told once more. None is lost.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from alarmd.core.records import Picture, Trigger

MAX_UPLOADS = 6  # ids of uploads that are remembered, of each device
MAX_TAKEN = 4  # pictures that persons asked for lately
RESENT_WITHIN = 60_000_000  # µs in which the same bytes are the same picture, sent again because an answer was lost

_HASH = 8  # bytes of SHA-256; a device that looks for two that are alike can lose but its own pictures
_MARK = 2 * _HASH  # of the id, then of the digest

ReplyTo = tuple[str, str]  # destination and recipient


class Asked(NamedTuple):
    """Why a picture was asked for, when it is given up (monotonic s), and who is to have it beside those who get every
    picture."""

    trigger: Trigger
    due: float
    reply_to: ReplyTo | None = None


class Gallery:
    """newest: None before the first. taken: the latest that persons asked for. asked: by the id that the picture is to
    come with, see asked.py. sent: when a picture was last queued for a destination that takes one now and then only,
    monotonic s. failing: why no picture came when one was last asked for; empty: one came.

    A camera that sent many takes 970 bytes (tracemalloc), 650 of them the newest. Sixteen whole pictures took 12 kB, so
    earlier uploads are hashes. What persons asked for lately adds up to 3 kB."""

    __slots__ = ("_marks", "asked", "failing", "newest", "sent", "taken")

    def __init__(self, newest: Picture | None = None) -> None:
        self.newest: Picture | None = None
        self.taken: tuple[Picture, ...] = ()
        self.asked: dict[str, Asked] = {}
        self.sent: dict[str, float] = {}
        self.failing = ""
        self._marks = b""  # of the uploads before the newest picture, the latest last
        if newest is not None:
            self.add(newest)

    def add(self, picture: Picture) -> None:
        before, self.newest = self.newest, picture
        self.failing = ""
        if before is not None and before.upload and before.digest:
            self._marks = (self._marks + _mark(before.upload, before.digest))[-_MARK * (MAX_UPLOADS - 1) :]
        if picture.upload:
            self._forget(picture.upload)
        if picture.trigger is Trigger.COMMAND:
            self.taken = (*self.taken, picture)[-MAX_TAKEN:]

    def lose(self, picture: Picture) -> None:
        """It is not stored after all. Its number is spent; its bytes are another picture when they come again."""
        self.taken = tuple(taken for taken in self.taken if taken != picture)
        if self.newest == picture:
            self.newest = replace(picture, digest="")
        elif self._mark_of(picture.upload) == _mark(picture.upload, picture.digest):
            self._forget(picture.upload)

    def holds(self, upload: str) -> bool:
        """Whether a picture with this id is stored, as far as is remembered."""
        newest = self.newest
        if newest is not None and newest.upload == upload:
            return newest.digest != ""
        return self._mark_of(upload) != b""

    def is_again(self, upload: str, digest: str, received_at: int) -> bool:
        """Whether it is one that came before: never if it may be another, for it is said to be stored."""
        newest = self.newest
        if newest is None:
            return False
        if not upload:  # the clock may have been set back since
            return newest.digest == digest and abs(received_at - newest.received_at) <= RESENT_WITHIN
        if newest.upload == upload:
            return newest.digest == digest
        return self._mark_of(upload) == _mark(upload, digest)

    def _mark_of(self, upload: str) -> bytes:
        """Of the earlier upload with this id; empty: there is none."""
        start = _hash(upload)
        return next((mark for mark in self._each_mark() if mark.startswith(start)), b"")

    def _forget(self, upload: str) -> None:
        """The id is a later picture's now, or nobody's."""
        start = _hash(upload)
        self._marks = b"".join(mark for mark in self._each_mark() if not mark.startswith(start))

    def _each_mark(self) -> Iterator[bytes]:
        return (self._marks[at : at + _MARK] for at in range(0, len(self._marks), _MARK))


def _mark(upload: str, digest: str) -> bytes:
    return _hash(upload) + _hash(digest)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:_HASH]
