"""What the turn runner tells whoever tells the alarms."""

from typing import Protocol

from alarmd.core.records import Delivery


class OutboxWatch(Protocol):
    """Whoever tells the alarms, and has to know what became of the rows they wait in."""

    def put(self, delivery: Delivery) -> None:
        """An urgent message that cannot be stored now. May come more than once."""
        ...

    def settled(self, identity: str) -> None:
        """The peer told this one, or a person dropped it; it cannot be stored now. May come more than once."""
        ...

    def stored(self) -> None:
        """New messages are in the database."""
        ...

    def recovered(self) -> None:
        """Everything that was put is in the database."""
        ...
