"""What a pair of servers promises, each promise by name, held against the history of one whole run."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tests.simulation.evidence import Evidence

Promise = Callable[[Evidence], Iterable[str]]
PROMISES: list[Promise] = []


@dataclass(frozen=True, slots=True)
class Breach:
    """promise: its name."""

    promise: str
    what: str

    def __str__(self) -> str:
        return f"{self.promise}: {self.what}"


def promise(check: Promise) -> Promise:
    """Says in words where it does not hold."""
    PROMISES.append(check)
    return check


def breaches(evidence: Evidence) -> Iterator[Breach]:
    for check in PROMISES:
        for what in check(evidence):
            yield Breach(check.__name__, what)
