"""Two playbooks that watch together: what one server does reaches the other when the test says so.

pair = PairPlaybook().meet()
pair.a << frame("cam1,MOAL,gate,0,0,0,0,0")
pair.exchange()
assert pair.b.alarms
"""

from collections import deque
from typing import Any

from alarmd.core.effects import DURABLE, TellPeer
from alarmd.core.inputs import Input, PeerGone, PeerHears, PeerMet, PeerTold
from alarmd.core.records import Told
from alarmd.core.settings import Pair
from alarmd.core.told import told_of
from alarmd.storage.memory_replication import changes, vector
from tests.playbook import Playbook

PAGE = 100  # records
MAX_ROUNDS = 50  # in which two servers come to rest, or never


class PairedPlaybook(Playbook):
    """One of the two. outbox: what it made and the other was not told. hears: what it would say of who is heard."""

    outbox: deque[Told]
    hears: deque[PeerHears]

    def __lshift__(self, happened: Input) -> "PairedPlaybook":
        super().__lshift__(happened)
        durable = [effect for effect in self.effects if isinstance(effect, DURABLE)]
        self.__dict__.setdefault("outbox", deque()).extend(told_of(self.engine.state, durable))
        heard = [PeerHears(effect.heard, effect.unheard) for effect in self.made(TellPeer)]
        self.__dict__.setdefault("hears", deque()).extend(heard)
        return self


class PairPlaybook:
    """a: speaks first. b: waits its turn. Nothing passes between them but by carry() or exchange()."""

    def __init__(self, *, voice_delay: float = 5.0, **settings: Any) -> None:
        self.a = PairedPlaybook(label="A", pair=Pair("B", "A", voice_delay), **settings)
        self.b = PairedPlaybook(label="B", pair=Pair("A", "A", voice_delay), **settings)

    def meet(self) -> "PairPlaybook":
        """The link is up: each catches up from what the other has stored."""
        for giver, taker, has in ((self.a, self.b, vector(self.b.store)), (self.b, self.a, vector(self.a.store))):
            giver.outbox.clear()
            for page in list(changes(giver.store, has, PAGE)):
                taker << PeerTold(page)
        for one, other in ((self.a, self.b), (self.b, self.a)):
            state = other.engine.state
            one << PeerMet("test", state.last_alarm, state.last_command, 0.0)
        return self.exchange()

    def part(self) -> "PairPlaybook":
        """The link is down. What is said of who is heard is lost; what is stored waits for the next meeting."""
        for one in (self.a, self.b):
            one << PeerGone("test")
        return self

    def later(self, seconds: float) -> "PairPlaybook":
        self.a.later(seconds)
        self.b.later(seconds)
        return self

    def carry(self, giver: PairedPlaybook, taker: PairedPlaybook) -> bool:
        """Tell everything that was not told; whether there was anything."""
        told = tuple(giver.outbox)
        giver.outbox.clear()
        if told:
            taker << PeerTold(told)
        while giver.hears:
            taker << giver.hears.popleft()
        return bool(told)

    def exchange(self) -> "PairPlaybook":
        """Both tell each other until neither has anything new to say."""
        for _ in range(MAX_ROUNDS):
            if not any([self.carry(self.a, self.b), self.carry(self.b, self.a)]):
                return self
        raise AssertionError("they go on telling each other")
