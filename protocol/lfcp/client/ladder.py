"""How long a NAT's mapping lives, by trying all steps beside each other: docs/protocol.md, "The ladder".

    ladder.start(now); for rung in ladder.poll(now): write a KEEP, tell sent() its counter, send it from rung.socket
    for the ACK of a KEEP: answered(); until `over`; then `life`

Sockets are numbers that nobody used before. Those in `sockets` stay open; poll() may name new ones.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lfcp.constants import KEEP_STEPS

PAIR = 2  # sockets of a step: it was not outlived only if both say so
WARM = 3  # answered exchanges, after which NATs give a mapping its longer life
WARM_GAP = 1.2  # s between them at least; the first and the last are 2.4 s apart
AGAIN_AFTER = 1.0  # s
AGAINS = 4
GRACE = 2.0  # s after a delayed answer was due
TRIES = 2  # of a step that nothing longer outlived: a lost datagram looks like a lost mapping
DEAD_STEPS = 2  # in a row end the climb
MAX_SPOILT = 2  # steps that are begun again since both sockets failed before the delay was over


class Rung(NamedTuple):
    """A KEEP to be sent. delay: s."""

    socket: int
    delay: float


class _Probe:
    """One socket of a step. heard: whether the mapping outlived it; None: not known. spoilt: it never will be, since
    the server did not answer, or refused."""

    __slots__ = ("_agains", "_answered", "_due", "_last", "_step", "_waits", "heard", "socket", "spoilt")

    def __init__(self, socket: int, step: float, now: float) -> None:
        self.socket = socket
        self.heard: bool | None = None
        self.spoilt = False
        self._step = step
        self._answered = 0  # exchanges without delay
        self._agains = 0
        self._last = -math.inf  # when the last such exchange began
        self._due = now
        self._waits = False  # for the delayed answer

    @property
    def over(self) -> bool:
        return self.spoilt or self.heard is not None

    @property
    def due(self) -> float:
        return math.inf if self.over else self._due

    def poll(self, now: float) -> Rung | None:
        if now < self.due:
            return None
        if self._waits:
            self.heard = False
        elif self._answered == WARM:
            self._waits, self._due = True, now + self._step + GRACE
            return Rung(self.socket, self._step)
        elif self._agains > AGAINS:
            self.spoilt = True
        else:
            self._last = self._last if self._agains else now
            self._agains += 1
            self._due = now + AGAIN_AFTER
            return Rung(self.socket, 0.0)
        return None

    def warmed(self, now: float) -> None:
        self._answered += 1
        self._agains = 0
        self._due = now if self._answered == WARM else max(now, self._last + WARM_GAP)


class Ladder:
    """steps: s, from the shortest on. at_a_time: sockets, 2 or more. Times are monotonic seconds."""

    __slots__ = (
        "_at_a_time",
        "_climbing",
        "_counters",
        "_deaths",
        "_next_socket",
        "_put_off",
        "_spoilt",
        "_steps",
        "_trying",
        "life",
    )

    def __init__(self, steps: Sequence[float] = KEEP_STEPS, at_a_time: int = PAIR * len(KEEP_STEPS)) -> None:
        if at_a_time < PAIR:
            raise ValueError(f"a ladder needs {PAIR} sockets at a time, not {at_a_time}")
        self._steps = tuple(sorted(steps))
        self._at_a_time = at_a_time
        self._climbing = False
        self._trying: dict[float, tuple[_Probe, ...]] = {}
        self._deaths: dict[float, int] = {}  # tries in which a step was not outlived
        self._counters: dict[int, tuple[_Probe, bool]] = {}  # of KEEPs under way; whether the answer is delayed
        self._next_socket = 1
        self._spoilt = 0  # steps so far
        self._put_off: set[float] = set()  # those, until nothing else is tried: then a server has room again
        self.life: float = 0  # s; the longest step that was outlived

    @property
    def over(self) -> bool:
        return not self._climbing

    @property
    def spoilt(self) -> bool:
        """Nothing is learned: the server does not answer, or has no room."""
        return self._spoilt > MAX_SPOILT

    @property
    def sockets(self) -> frozenset[int]:
        return frozenset(probe.socket for probe in self._probes() if not probe.over)

    def start(self, now: float) -> None:
        """From the ground, whatever it was doing."""
        self.stop()
        self._climbing = True
        self._deaths.clear()
        self._put_off.clear()
        self.life = self._spoilt = 0
        self._fill(now)

    def stop(self) -> None:
        self._climbing = False
        self._trying.clear()
        self._counters.clear()

    def poll(self, now: float) -> list[Rung]:
        """What to send now."""
        decided = [step for step, pair in self._trying.items() if _is_decided(pair)]
        for step in decided:
            self._judge(step)
        if decided:
            self._fill(now)
        return [rung for probe in self._probes() if (rung := probe.poll(now)) is not None]

    def next_wakeup(self) -> float:
        """When poll() has something to do; math.inf: never before an answer."""
        if any(map(_is_decided, self._trying.values())):
            return -math.inf
        return min((probe.due for probe in self._probes()), default=math.inf)

    def sent(self, rung: Rung, counter: int) -> None:
        """The KEEP for it has this counter."""
        probe = next(probe for probe in self._probes() if probe.socket == rung.socket)
        self._counters[counter] = probe, rung.delay > 0

    def answered(self, counter: int, refused: bool, now: float) -> None:
        """One that is no KEEP of this ladder, or whose answer came late, changes nothing."""
        found = self._counters.pop(counter, None)
        if found is None:
            return
        probe, delayed = found
        self._forget(probe)
        if refused:
            probe.spoilt = True
        elif delayed:
            probe.heard = True
        else:
            probe.warmed(now)

    def _probes(self) -> Iterator[_Probe]:
        return (probe for pair in self._trying.values() for probe in pair)

    def _forget(self, probe: _Probe) -> None:
        """Answers to its earlier repetitions come too late."""
        self._counters = {counter: each for counter, each in self._counters.items() if each[0] is not probe}

    def _judge(self, step: float) -> None:
        pair = self._trying.pop(step)
        if any(probe.heard for probe in pair):
            self.life = max(self.life, step)
        elif all(probe.spoilt for probe in pair):
            self._spoilt += 1
            self._put_off.add(step)
        else:
            self._deaths[step] = self._deaths.get(step, 0) + 1
        for probe in pair:
            self._forget(probe)

    def _fill(self, now: float) -> None:
        """Begin what there is room for; without anything more to try it is over."""
        while not self.spoilt and PAIR * (len(self._trying) + 1) <= self._at_a_time:
            step = self._next_step()
            if step is None:
                break
            self._trying[step] = tuple(_Probe(self._next_socket + at, step, now) for at in range(PAIR))
            self._next_socket += PAIR
        if self.spoilt or not self._trying:
            self.stop()

    def _next_step(self) -> float | None:
        """The shortest that is not tried yet. Those that were not outlived come again once nothing longer is tried that
        may prove them wrong."""
        above = [step for step in self._steps if step > self.life]
        dead = [step for step in above if step in self._deaths]
        if not self._trying:
            self._put_off.clear()
        busy = self._put_off | self._deaths.keys() | self._trying.keys()
        untried = (step for step in above if step not in busy)
        if len(dead) < DEAD_STEPS and (step := next(untried, None)) is not None:
            return step
        if any(step not in self._deaths for step in self._trying):
            return None
        again = (step for step in dead[:DEAD_STEPS] if step not in self._trying and self._deaths[step] < TRIES)
        return next(again, None)


def _is_decided(pair: tuple[_Probe, ...]) -> bool:
    return any(probe.heard for probe in pair) or all(probe.over for probe in pair)
