"""Who lives with a simulated server, and what it has to do with them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from alarmd.core.effects import DurableEffect, SendFrame, TellPeer
from alarmd.core.inputs import Input


@dataclass(slots=True)
class WaitingTurn:
    """answered: told once it is stored; None: nobody asked, or it was refused."""

    happened: Input
    durable: list[DurableEffect]
    sends: list[SendFrame] = field(default_factory=list)
    answered: Callable[[], None] | None = None


class Company(Protocol):
    """What else lives and dies with a server's process: its link to the peer, whoever tells the alarms."""

    def started(self) -> None: ...
    def serves(self) -> None: ...
    def died(self) -> None: ...
    def left(self) -> None: ...
    def stored(self, turn: WaitingTurn) -> None: ...

    def doubled(self, turn: WaitingTurn) -> None:
        """An ACK says that the peer has stored this turn too."""
        ...


class Peer(Company, Protocol):
    def hears(self, told: TellPeer) -> None: ...

    def when_doubled(self, then: Callable[[], None]) -> None:
        """Once the peer has what was stored last too; perhaps never."""
        ...
