"""What a destination of alarms has to be able to do, and what it may answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from alarmd.storage.interface import Lease


@dataclass(frozen=True, slots=True)
class Delivered:
    """reference: the destination's own words for where the message is, if it can be changed later. moved_to: where the
    recipient is from now on, if it is not where it was."""

    reference: str = ""
    moved_to: str = ""


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Not delivered, may work later. seconds: how long the destination asks to be left alone, None: our back-off.
    reason: for people, without secrets. uncertain: it may have been delivered all the same."""

    seconds: float | None
    reason: str
    uncertain: bool = False


@dataclass(frozen=True, slots=True)
class Later:
    """Not tried: this recipient may not be told more just now."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Never going to work: a person must act. reason: for people, without secrets."""

    reason: str


@dataclass(frozen=True, slots=True)
class Obsolete:
    """Nobody needs it any more: a newer one took its place, or it came too late to be of use. The destination was not
    asked, so this says nothing of it."""

    reason: str


Outcome = Delivered | TryAgain | Later | GiveUp | Obsolete


class Relay(Protocol):
    """One destination. A message may come twice (at least once): delivery.identity tells."""

    async def deliver(self, lease: Lease) -> Outcome:
        """Try once. May raise: that counts as TryAgain. Is cancelled after DELIVERY_TIMEOUT, or UPLOAD_TIMEOUT if there
        is an attachment."""
        ...

    def busy(self, *, urgent: bool) -> Mapping[str, float]:
        """Recipients that may not be told more just now, or nothing but what is urgent; each with the seconds until it
        is worth asking again."""
        ...

    async def close(self) -> None:
        """Let go of what it holds; nothing is under way any more."""
        ...


@runtime_checkable
class Uploads(Protocol):
    """A relay where an upload takes its time, and what has no attachment does not wait for it."""

    def uploading(self) -> Mapping[str, float]:
        """Recipients that get nothing with an attachment just now; each with the seconds until it is worth asking
        again."""
        ...
