"""A network that delays, drops, duplicates, reorders and can be cut, each way by itself."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from tests.simulation.world import World

TELEGRAM = "telegram"  # the place of everything behind the servers' own lines


@dataclass(frozen=True)
class Weather:
    """loss, duplication, replays: parts of the datagrams; replayed are those to a server, later and from elsewhere.
    delay: s, at most. crashes: of the server, and reboots: of each device with a key, a run."""

    loss: float = 0.0
    duplication: float = 0.0
    delay: float = 0.05
    crashes: int = 0
    replays: float = 0.0
    reboots: int = 0


class Network:
    """Places are servers by their labels, devices by their names, and TELEGRAM."""

    def __init__(self, world: World, weather: Weather) -> None:
        self.world = world
        self.weather = weather
        self._cuts: Counter[tuple[str, str]] = Counter()

    def cut(self, source: str, target: str) -> None:
        """This way only. What is cut twice has to be mended twice."""
        self._cuts[source, target] += 1

    def mend(self, source: str, target: str) -> None:
        self._cuts[source, target] -= 1

    def passes(self, source: str, target: str) -> bool:
        return not self._cuts[source, target]

    def both_ways(self, one: str, other: str) -> bool:
        return self.passes(one, other) and self.passes(other, one)

    def transmit(self, source: str, target: str, deliver: Callable[[], None], may_repeat: bool) -> None:
        """One datagram on its way. An ACK of LFCP/1 names nothing, so where the network itself duplicates a message or
        its ACK, the second ACK is taken for the next message's (docs/protocol.md says so): those are not duplicated."""
        chance, weather = self.world.random, self.weather
        if not self.passes(source, target) or chance.random() < weather.loss:
            return
        copies = 2 if may_repeat and chance.random() < weather.duplication else 1
        for _ in range(copies):
            self.world.at(chance.uniform(0.001, weather.delay), deliver)
