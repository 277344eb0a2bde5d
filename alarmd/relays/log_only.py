"""The destination "log": the alarm as a line of the server's own log. Always there, and the proof of the outbox."""

from collections.abc import Mapping

import structlog

from alarmd.relays.interface import Delivered, Outcome
from alarmd.storage.interface import Lease

_log = structlog.get_logger(__name__)


class LogOnly:
    async def deliver(self, lease: Lease) -> Outcome:
        delivery = lease.delivery
        _log.warning(
            "alarm",
            subject=delivery.subject,
            text=printable(delivery.text),
            alarm_id=delivery.alarm_id,
            identity=printable(delivery.identity),
        )
        return Delivered()

    def busy(self, *, urgent: bool) -> Mapping[str, float]:  # noqa: ARG002  of the interface
        return {}

    async def close(self) -> None:
        """Nothing to let go of."""


def printable(text: str) -> str:
    """Text that may come from the wire, without anything that a terminal would obey."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
