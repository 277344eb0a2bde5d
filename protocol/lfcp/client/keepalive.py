"""When a device has to be heard so that its NAT does not forget it: learned by a ladder, docs/protocol.md, "Through
NAT"."""

import math

from lfcp.candidates import Address
from lfcp.client.ladder import Ladder, Rung
from lfcp.client.mapping import MappingView
from lfcp.constants import HEARTBEAT_INTERVAL_MS, KEEP_LEAST_INTERVAL_MS, KEEP_MARGIN_MS, KEEP_MOST_INTERVAL_MS

UNLEARNED = HEARTBEAT_INTERVAL_MS / 1000  # s
EVERY = 86_400.0  # s between ladders at least, in one network
PAUSE = 600.0  # s after one that learned nothing, and between those after new sockets: a silent server is no new NAT


class Keepalive:
    """ladder: None: the interval is fixed, and nothing is tried. servers: as MappingView has them. life: s, of the last
    ladder; 0: not known. server: towards which a ladder is climbed."""

    __slots__ = ("_ladder", "_servers", "_start_at", "_started", "interval", "life", "server", "view")

    def __init__(self, ladder: Ladder | None, servers: tuple[str, ...]) -> None:
        self._ladder = ladder
        self._servers = servers
        self._started = -math.inf
        self._start_at = -math.inf if ladder is not None else math.inf
        self.view = MappingView(self._servers)
        self.server = ""
        self.life = 0
        self.interval = UNLEARNED  # s; learned

    @property
    def learns(self) -> bool:
        return self._ladder is not None

    @property
    def sockets(self) -> frozenset[int]:
        """Beside the one that heartbeats go from."""
        return frozenset() if self._ladder is None else self._ladder.sockets

    def beat_answered(self, server: str, address: Address | None, proven: bool, now: float) -> None:
        """The first server that knows where the device is is the one that a ladder leans on. Not before: the answers to
        KEEP, which go to other sockets, have higher counters, and an echo of theirs would be no proof of that."""
        if address is not None:
            self.view.see(server, address)
        if proven and self._ladder is not None and self._ladder.over and now >= self._start_at:
            self.server = server
            self._started, self._start_at = now, now + EVERY
            self._ladder.start(now)

    def poll(self, now: float) -> list[Rung]:
        """KEEPs to be sent now, to `server`."""
        if self._ladder is None or self._ladder.over:
            return []
        rungs = self._ladder.poll(now)
        if self._ladder.over:
            self._learn(self._ladder, now)
        return rungs

    def next_wakeup(self) -> float:
        return math.inf if self._ladder is None else self._ladder.next_wakeup()

    def sent(self, rung: Rung, counter: int) -> None:
        assert self._ladder is not None
        self._ladder.sent(rung, counter)

    def answered(self, counter: int, refused: bool, now: float) -> None:
        """Any KEEP; the ladder knows its own."""
        if self._ladder is not None:
            self._ladder.answered(counter, refused, now)

    def rebound(self) -> None:
        """Another socket, since nobody answered: the NAT may be another."""
        self.view.forget()
        if self._ladder is not None and self._ladder.over:
            self._start_at = min(self._start_at, self._started + PAUSE)

    def moved(self) -> None:
        """Another network: what was learned is worth nothing."""
        self.view = MappingView(self._servers)
        self.life = 0
        self.interval = UNLEARNED
        self.stop()
        self._start_at = math.inf if self._ladder is None else -math.inf

    def stop(self) -> None:
        """The ladder, before a sleep."""
        if self._ladder is not None and not self._ladder.over:
            self._ladder.stop()
            self._start_at = self._started + PAUSE

    def _learn(self, ladder: Ladder, now: float) -> None:
        if ladder.spoilt:
            self._start_at = now + PAUSE
            return
        self.life = int(ladder.life)
        longest = (ladder.life * 1000 - KEEP_MARGIN_MS) / 1000
        self.interval = min(max(longest, KEEP_LEAST_INTERVAL_MS / 1000), KEEP_MOST_INTERVAL_MS / 1000)
