"""What a destination of alarms has to be able to do, and what it may answer."""

from dataclasses import dataclass
from typing import Protocol

from alarmd.core.records import Delivery


@dataclass(frozen=True, slots=True)
class Delivered:
    pass


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Not delivered, may work later. seconds: how long the destination asks to be left alone, None: our back-off."""

    seconds: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Never going to work: a person must act. reason: for people, without secrets."""

    reason: str


Outcome = Delivered | TryAgain | GiveUp


class Relay(Protocol):
    """One destination. A message may come twice (at least once): delivery.identity tells."""

    async def deliver(self, delivery: Delivery) -> Outcome:
        """Try once. May raise: that counts as TryAgain. Is cancelled after DELIVERY_TIMEOUT."""
        ...
