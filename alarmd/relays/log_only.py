"""The destination "log": alarms and pictures as lines of the server's log. Always there, the proof of the outbox."""

from collections.abc import Mapping

import structlog

from alarmd.relays.interface import Delivered, Outcome
from alarmd.storage.interface import Lease

_log = structlog.get_logger(__name__)


class LogOnly:
    async def deliver(self, lease: Lease) -> Outcome:
        delivery = lease.delivery
        said = {"subject": delivery.subject, "text": printable(delivery.text), "identity": printable(delivery.identity)}
        if delivery.attachment:
            said["attachment"] = printable(delivery.attachment)
        if delivery.alarm_id is None:  # a picture of no alarm is no reason to look up
            _log.info(delivery.subject, **said)
        else:
            _log.warning("alarm", alarm_id=delivery.alarm_id, **said)
        return Delivered()

    def busy(self, *, urgent: bool) -> Mapping[str, float]:  # noqa: ARG002  of the interface
        return {}

    async def close(self) -> None:
        """Nothing to let go of."""


def printable(text: str) -> str:
    """Text that may come from the wire, without anything that a terminal would obey."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
