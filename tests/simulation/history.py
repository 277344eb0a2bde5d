"""What happened in a run that the stores do not tell in the end."""

from collections import defaultdict
from collections.abc import Iterator

from alarmd.core.command_lifecycle import FINAL
from alarmd.core.effects import CopyDelivery, QueueDelivery, RecordEvent, SaveCommand
from tests.simulation.company import WaitingTurn
from tests.simulation.server import SimulatedServer


class History:
    """queued: by server, when it had stored which messages to tell. half: what ACKs said that
    two servers have stored and the peer had not: when, by whom, and the text. doubled: all that they said so of.
    unstored: what was acknowledged, and was not stored then."""

    def __init__(self) -> None:
        self.doubled: set[str] = set()
        self.unstored: list[tuple[float, str, str]] = []
        self.half: list[tuple[float, str, str]] = []
        self.queued: dict[str, list[tuple[float, QueueDelivery | CopyDelivery]]] = defaultdict(list)
        self._outcomes: dict[tuple[str, int], list[str]] = defaultdict(list)

    def stored(self, server: SimulatedServer, turn: WaitingTurn) -> None:
        for effect in turn.durable:
            if isinstance(effect, QueueDelivery | CopyDelivery):
                self.queued[server.label].append((server.world.now, effect))
            elif isinstance(effect, SaveCommand) and effect.command.state in FINAL:
                known = self._outcomes[server.label, effect.command.id]
                outcome = f"{effect.command.state} {effect.command.outcome}".strip()
                if outcome not in known:
                    known.append(outcome)

    def outcomes(self) -> Iterator[tuple[str, int, list[str]]]:
        """Of each server and each command, in the order in which they came."""
        for (label, number), outcomes in self._outcomes.items():
            yield label, number, outcomes


class Witness:
    """Sees what a server stores."""

    def __init__(self, history: History, server: SimulatedServer, peer: SimulatedServer) -> None:
        self._history = history
        self._peer = peer
        self._server = server

    def started(self) -> None: ...

    def serves(self) -> None: ...

    def died(self) -> None: ...

    def left(self) -> None: ...

    def stored(self, turn: WaitingTurn) -> None:
        self._history.stored(self._server, turn)

    def doubled(self, turn: WaitingTurn) -> None:
        """An ACK that was sent again stands for what was stored before."""
        texts = [effect.event.text for effect in turn.durable if isinstance(effect, RecordEvent)]
        stored = {event.text for event in self._peer.store.tables.by_name["events"].kept.values()}
        self._history.doubled.update(texts)
        missing = [text for text in texts if text not in stored]
        self._history.half += [(self._server.world.now, self._server.label, text) for text in missing]
