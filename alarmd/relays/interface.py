"""What a destination of alarms has to be able to do, and what it may answer."""

from dataclasses import dataclass
from typing import Protocol

from alarmd.storage.interface import Lease


@dataclass(frozen=True, slots=True)
class Delivered:
    pass


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Not delivered, may work later. seconds: how long the destination asks to be left alone, None: our back-off.
    reason: for people, without secrets."""

    seconds: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Never going to work: a person must act. reason: for people, without secrets."""

    reason: str


Outcome = Delivered | TryAgain | GiveUp


class Relay(Protocol):
    """One destination. A message may come twice (at least once): delivery.identity tells."""

    async def deliver(self, lease: Lease) -> Outcome:
        """Try once. May raise: that counts as TryAgain. Is cancelled after DELIVERY_TIMEOUT."""
        ...

    async def close(self) -> None:
        """Let go of what it holds; nothing is under way any more."""
        ...
