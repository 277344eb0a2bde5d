"""The link of the pair as a reliable ordered stream that can be cut, stall and break; it says what adapters/peer says:
hello, then what the database has that the peer has not, then what is committed, page by page, each answered when it is
stored there.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from alarmd.adapters.peer.claimed import Claimed
from alarmd.core.effects import DurableEffect, TellPeer
from alarmd.core.inputs import PeerGone, PeerHears, PeerLeft, PeerMet, PeerTold
from alarmd.core.instant import SECOND
from alarmd.core.outflow import Outflow
from alarmd.core.records import Told
from alarmd.core.told import told_of
from alarmd.storage.memory_reader import MemoryReader
from tests.simulation.company import WaitingTurn
from tests.simulation.network import Network
from tests.simulation.peer_messages import Ask, Beat, CaughtUp, Goodbye, Has, Hello, Message, Page, Stored
from tests.simulation.server import SimulatedServer
from tests.simulation.stream import Stream
from tests.simulation.world import World

BEAT = 2.0  # s
SILENCE = 6.0  # s after which a connection is given up
DIAL_AGAIN = 1.0  # s
PAGE = 4  # records; small, so that a crash in the middle of many pages is a common thing
LIVE = 64  # records that wait; few, so that they overflow now and then


class End:
    """One server's end. It is a part of the server's process."""

    def __init__(self, link: "PeerLink", server: SimulatedServer) -> None:
        self.link = link
        self.server = server
        self.connection: object | None = None
        self.out: Stream | None = None
        self.doubling: deque[tuple[int, Callable[[], None]]] = deque()
        self._position = 0  # of the turn that was stored last
        self._catching_up: Iterator[tuple[Told, ...]] | None = None
        self._waits = self._caught_up = False
        self._heard_at = 0.0

    # as a part of the server

    def started(self) -> None:
        self.outflow = Outflow(self._told_of, LIVE)
        self._reader = MemoryReader(self.server.store)
        self._claimed = Claimed(self.server.label, self.server.begun)
        self.link.started(self)

    def serves(self) -> None: ...

    def died(self) -> None:
        """The kernel closes what the process had open."""
        self._forget()

    def left(self) -> None:
        self.say(Goodbye())

    def stored(self, turn: WaitingTurn) -> None:
        self._position = self.outflow.committed(turn.durable)
        self._go_on()

    def doubled(self, turn: WaitingTurn) -> None: ...

    def hears(self, told: TellPeer) -> None:
        self.say(PeerHears(told.heard, told.unheard))

    def when_doubled(self, then: Callable[[], None]) -> None:
        if self.connection is not None:
            self.doubling.append((self._position, then))
            self._double()

    # as an end of a connection

    def connected(self, connection: object, out: Stream) -> None:
        if self.connection is not None:
            self.close("a new connection took its place")
        self.connection, self.out = connection, out
        self._heard_at = self.server.world.now
        self._waits, self._caught_up, self._catching_up = False, False, None
        self.outflow.opened()
        state = self.server.engine.state
        known = self._claimed.of(self._reader.vector())
        self.say(Hello(self.server.instant().wall, known, state.last_alarm, state.last_command))
        self._beat(connection)

    def say(self, message: Message) -> None:
        if self.out is not None:
            self.out.send(partial(self.link.other(self).hear, self.connection, message))

    def hear(self, connection: object, message: Message) -> None:
        if connection is not self.connection:
            return
        self._heard_at = self.server.world.now
        if isinstance(message, Hello):
            self._hello(message)
        elif isinstance(message, Page):
            self.link.pages.append((self.server.world.now, self.server.label, message.told))
            done = Stored(len(message.told) if message.live else 0)
            self.server.handle(PeerTold(message.told), partial(self._answer, connection, done))
        elif isinstance(message, Stored):
            self._waits = False
            self.outflow.acknowledged(message.live)
            self._double()
            self._go_on()
        elif isinstance(message, CaughtUp):
            self._claimed.everything()
            self.server.serve()
        elif isinstance(message, Ask):
            self.say(Has(self._claimed.of(self._reader.vector())))
        elif isinstance(message, Has):
            self._waits = False
            self._catching_up = self._reader.changes(message.vector, PAGE)
            self._go_on()
        elif isinstance(message, PeerHears):
            self.server.handle(message)
        elif isinstance(message, Goodbye):
            self.server.handle(PeerLeft())

    def lost(self, connection: object, reason: str) -> None:
        if connection is self.connection:
            self.close(reason)

    def close(self, reason: str) -> None:
        """Noticed here; the other end hears of it if the network lets it."""
        self._forget()
        self.server.handle(PeerGone(reason))

    def _told_of(self, durable: Sequence[DurableEffect]) -> tuple[Told, ...]:
        return tuple(told_of(self.server.engine.state, durable))

    def _forget(self) -> None:
        if self.out is not None:  # behind what was said before
            self.out.send(partial(self.link.other(self).lost, self.connection, "closed"))
        self.connection = self.out = self._catching_up = None
        self.outflow.closed()
        self.doubling.clear()

    def _answer(self, connection: object, done: Stored) -> None:
        if connection is self.connection:
            self.say(done)

    def _hello(self, hello: Hello) -> None:
        offset = (hello.wall - self.server.instant().wall) / SECOND
        self._catching_up = self._reader.changes(hello.vector, PAGE)
        self.server.handle(PeerMet("simulated", hello.last_alarm, hello.last_command, offset))
        self._go_on()

    def _go_on(self) -> None:
        """One page at a time: first what the database has, then what is committed."""
        if self.connection is None or self._waits:
            return
        if self.outflow.overflowed:
            self.outflow.opened()
            self._waits, self._caught_up = True, False
            self.say(Ask())
        elif self._catching_up is not None:
            self._catch_up(self._catching_up)
        elif self._caught_up and len(page := self.outflow.take(PAGE)):
            self._tell(page, live=True)

    def _catch_up(self, pages: Iterator[tuple[Told, ...]]) -> None:
        page = next(pages, None)
        if page is not None:
            self._tell(page, live=False)
            return
        self._catching_up, self._caught_up = None, True
        self.say(CaughtUp())
        self.outflow.acknowledged(0)
        self._double()
        self._go_on()

    def _tell(self, page: tuple[Told, ...], live: bool) -> None:
        self._waits = True
        self.say(Page(page, live))

    def _double(self) -> None:
        while self.doubling and self.doubling[0][0] <= self.outflow.stored_position:
            self.doubling.popleft()[1]()

    def _beat(self, connection: object) -> None:
        if connection is not self.connection:
            return
        if self.server.world.now - self._heard_at > SILENCE:
            self.close("silent")
            return
        self.say(Beat())
        self.server.later(BEAT, partial(self._beat, connection))


class PeerLink:
    """Of two servers, of which the first dials. pages: what arrived where, and when."""

    def __init__(self, world: World, network: Network, dials: SimulatedServer, answers: SimulatedServer) -> None:
        self.world = world
        self.network = network
        self.pages: list[tuple[float, str, tuple[Told, ...]]] = []
        self.ends = [End(self, dials), End(self, answers)]
        for end in self.ends:
            end.server.company.append(end)
            end.server.peer = end

    def other(self, end: End) -> End:
        return self.ends[0] if end is self.ends[1] else self.ends[1]

    def started(self, end: End) -> None:
        if end is self.ends[0]:
            self._dial()

    def reset(self) -> None:
        """Something between them breaks the connection for both."""
        self.world.note("the link is reset")
        for end in self.ends:
            if end.connection is not None:
                self.world.at(0.0, end.server.bound(partial(end.lost, end.connection, "reset")))

    def _dial(self) -> None:
        """Both processes have a part in a handshake, and both ways."""
        dials, answers = self.ends
        places = dials.server.label, answers.server.label
        if dials.connection is None and answers.server.awake and self.network.both_ways(*places):
            connection = object()
            dials.connected(connection, Stream(self.network, dials.server, answers.server))
            answers.connected(connection, Stream(self.network, answers.server, dials.server))
        dials.server.later(DIAL_AGAIN, self._dial)
