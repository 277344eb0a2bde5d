"""A reliable ordered stream that can be cut, and stalls then."""

from collections import deque
from collections.abc import Callable

from tests.simulation.network import Network
from tests.simulation.server import SimulatedServer

STUCK = 0.25  # s until the stream tries again what did not pass
MAX_TRIP = 0.02  # s


class Stream:
    """One way of one connection: in order, and as long as it takes. It ends with either process."""

    def __init__(self, network: Network, source: SimulatedServer, target: SimulatedServer) -> None:
        self._network = network
        self._source, self._target = source.label, target.label
        self._queue: deque[tuple[float, Callable[[], None]]] = deque()
        self._bind = target.bound
        self._pumping = False

    def send(self, deliver: Callable[[], None]) -> None:
        world = self._network.world
        self._queue.append((world.now + world.random.uniform(0.0005, MAX_TRIP), self._bind(deliver)))
        if not self._pumping:
            self._pump()

    def _pump(self) -> None:
        world = self._network.world
        self._pumping = bool(self._queue)
        if not self._queue:
            return
        due = self._queue[0][0]
        if due > world.now:
            world.at(due - world.now, self._pump)
        elif not self._network.passes(self._source, self._target):
            world.at(STUCK, self._pump)
        else:
            self._queue.popleft()[1]()
            self._pump()
