"""Where a message is, in the words that the outbox keeps until it is changed: `chat:number`, and for one that shows a
picture `chat:number:photo:captured:received`, since a caption is edited in another way than a text, and goes on
telling how old its picture is."""

from typing import NamedTuple, Self

from alarmd.core.records import Picture

_PHOTO = "photo"


class Shown(NamedTuple):
    """A picture in a message: when it was taken and when it arrived here, wall µs."""

    captured_at: int
    received_at: int

    @classmethod
    def of(cls, picture: Picture) -> Self:
        """A camera whose clock is ahead took it no later than it arrived."""
        return cls(min(picture.captured_at, picture.received_at), picture.received_at)


class Place(NamedTuple):
    """shown: None for a message of text."""

    chat: int
    number: int
    shown: Shown | None = None

    def __str__(self) -> str:
        where = f"{self.chat}:{self.number}"
        return where if self.shown is None else f"{where}:{_PHOTO}:{self.shown.captured_at}:{self.shown.received_at}"


def read(reference: str) -> Place:
    chat, number, *rest = reference.split(":")
    shown = Shown(int(rest[1]), int(rest[2])) if rest else None
    return Place(int(chat), int(number), shown)
