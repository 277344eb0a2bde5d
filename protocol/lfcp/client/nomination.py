"""NOMINATE: which of the good ways both sides use. Role 0 chooses, role 1 follows."""

import math

from lfcp.client.direct_path import DirectPath
from lfcp.client.probing import Pair, Prober
from lfcp.tunnel import Kind as Datagram

AGAIN = 0.1  # s
TRIES = 30


class Nominator:
    """Role 0's side."""

    def __init__(self, prober: Prober) -> None:
        self._prober = prober
        self._nominee: Pair | None = None
        self._tries = 0
        self._next = math.inf

    @property
    def busy(self) -> bool:
        return self._nominee is not None

    def consider(self, path: Pair | None, now: float) -> None:
        """A pair became good, or the path changed."""
        best = self._prober.best()
        if best is None or best == self._nominee or not self._better(best, path):
            return
        self._nominee, self._tries, self._next = best, 0, now

    def accepted(self, pair: Pair) -> bool:
        """Whether the pair is the path from now on."""
        if pair != self._nominee:
            return False
        self.stop()
        return True

    def stop(self) -> None:
        self._nominee = None
        self._next = math.inf

    def poll(self, path: Pair | None, now: float) -> None:
        if self._nominee is None or now < self._next:
            return
        if self._tries == TRIES:
            self._prober.drop(self._nominee)
            self.stop()
            self.consider(path, now)
            return
        self._tries += 1
        self._next = now + AGAIN
        self._prober.ask(Datagram.NOMINATE, self._nominee, now)

    def next_wakeup(self) -> float:
        return self._next

    def _better(self, pair: Pair, path: Pair | None) -> bool:
        checks = self._prober.checks
        return path is None or path not in checks or checks[pair].kind.rank < checks[path].kind.rank


class Follower:
    """Role 1's side."""

    def __init__(self, prober: Prober, path: DirectPath) -> None:
        self._prober = prober
        self._path = path
        self._newest = 0

    def follows(self, pair: Pair, counter: int, now: float) -> bool:
        """Whether the pair is the path from now on. Of a good pair an older nomination is answered too."""
        check = self._prober.checks.get(pair)
        if check is None or not check.good:
            self._prober.try_source(pair, now)
            return False
        self._prober.answer(pair, counter)
        if counter < self._newest:
            return False
        self._newest = counter
        return self._path.yields_to(check.kind)
