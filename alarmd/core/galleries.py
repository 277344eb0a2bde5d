"""What the rules remember of a device's pictures: the newest, and those that may come again or were asked for."""

from collections import OrderedDict
from dataclasses import replace
from typing import NamedTuple

from alarmd.core.records import Picture, Trigger

MAX_UPLOADS = 16  # ids of uploads that are remembered, of each device
RESENT_WITHIN = 60_000_000  # µs in which the same bytes are the same picture, sent again because an answer was lost

ReplyTo = tuple[str, str]  # destination and recipient


class Asked(NamedTuple):
    """Why a picture was asked for, when it is given up (monotonic s), and who is to have it beside those who get every
    picture."""

    trigger: Trigger
    due: float
    reply_to: ReplyTo | None = None


class Gallery:
    """newest: None before the first. uploads: the latest pictures by the id that they came with. asked: by the id that
    the picture is to come with, see asked.py. sent: when a picture was last queued for a destination that takes one now
    and then only, monotonic s. failing: why no picture came when one was last asked for; empty: one came."""

    __slots__ = ("asked", "failing", "newest", "sent", "uploads")

    def __init__(self, newest: Picture | None = None) -> None:
        self.newest = newest
        self.uploads: OrderedDict[str, Picture] = OrderedDict()
        self.asked: dict[str, Asked] = {}
        self.sent: dict[str, float] = {}
        self.failing = ""
        if newest is not None:
            self._remember(newest)

    def add(self, picture: Picture) -> None:
        self.newest = picture
        self.failing = ""
        self._remember(picture)

    def lose(self, picture: Picture) -> None:
        """It is not stored after all. Its number is spent; its bytes are another picture when they come again."""
        if self.uploads.get(picture.upload) == picture:
            del self.uploads[picture.upload]
        if self.newest == picture:
            self.newest = replace(picture, digest="")

    def earlier(self, upload: str, digest: str, received_at: int) -> Picture | None:
        """The picture that this one is again: never another one, for it is said to be stored."""
        known = self.uploads.get(upload) if upload else self._recent(received_at)
        return known if known is not None and known.digest == digest else None

    def _recent(self, received_at: int) -> Picture | None:
        """The clock may have been set back since."""
        newest = self.newest
        near = newest is not None and abs(received_at - newest.received_at) <= RESENT_WITHIN
        return newest if near else None

    def _remember(self, picture: Picture) -> None:
        if picture.upload:
            self.uploads[picture.upload] = picture
            if len(self.uploads) > MAX_UPLOADS:
                self.uploads.popitem(last=False)
