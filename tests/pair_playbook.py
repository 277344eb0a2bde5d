"""Two playbooks that watch together: what one server does reaches the other when the test says so.

pair = PairPlaybook()
pair.a << frame("cam1,MOAL,gate,0,0,0,0,0")
pair.exchange()
assert pair.b.alarms
"""

from collections import deque
from typing import Any

from alarmd.core.effects import DURABLE
from alarmd.core.inputs import Input, PeerTold
from alarmd.core.records import Told
from alarmd.core.settings import Pair
from alarmd.core.told import told_of
from tests.playbook import Playbook

MAX_ROUNDS = 50  # in which two servers come to rest, or never


class PairedPlaybook(Playbook):
    """One of the two. outbox: what it made and the other has not been told."""

    outbox: deque[Told]

    def __lshift__(self, happened: Input) -> "PairedPlaybook":
        super().__lshift__(happened)
        durable = [effect for effect in self.effects if isinstance(effect, DURABLE)]
        self.__dict__.setdefault("outbox", deque()).extend(told_of(self.engine.state, durable))
        return self


class PairPlaybook:
    """a: speaks first. b: waits its turn. Nothing passes between them but by carry() or exchange()."""

    def __init__(self, *, voice_delay: float = 5.0, **settings: Any) -> None:
        self.a = PairedPlaybook(label="A", pair=Pair("B", "A", voice_delay), **settings)
        self.b = PairedPlaybook(label="B", pair=Pair("A", "A", voice_delay), **settings)

    def meet(self, met: bool = True) -> "PairPlaybook":
        """The link is up, or down. What a server does about it is tested with the link."""
        self.a.engine.state.peer_met = self.b.engine.state.peer_met = met
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
        return bool(told)

    def exchange(self) -> "PairPlaybook":
        """Both tell each other until neither has anything new to say."""
        for _ in range(MAX_ROUNDS):
            if not any([self.carry(self.a, self.b), self.carry(self.b, self.a)]):
                return self
        raise AssertionError("they go on telling each other")
