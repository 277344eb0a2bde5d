"""What happened to devices that this member does not watch yet: kept, in order, until it does."""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from alarmd.adapters.turn_runner import Asker
from alarmd.core.inputs import Input

MAX_HELD = 20_000  # inputs
MAX_HELD_EACH = 32  # of one device
MAX_CLAIM = 500  # devices in one claim: some 20 ms of the database


class Held(NamedTuple):
    happened: Input
    asker: Asker | None


class Claim(NamedTuple):
    """names: wanted from whoever has them. own: ids, to be read anew if they are this member's."""

    names: tuple[str, ...]
    own: tuple[int, ...]


class WaitingRoom:
    def __init__(self) -> None:
        self._held: dict[str, deque[Held]] = {}
        self._names: dict[str, None] = {}  # wanted, not asked for yet; in order
        self._own: dict[int, None] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def holds(self, name: str) -> bool:
        """Whether something waits for this device: what happens later must wait behind it."""
        return name in self._held

    def hold(self, name: str, happened: Input, asker: Asker | None) -> bool:
        """False: there is no room."""
        line = self._held.get(name)
        if self._count >= MAX_HELD or (line is not None and len(line) >= MAX_HELD_EACH):
            return False
        if line is None:
            line = self._held[name] = deque()
            self._names[name] = None
        line.append(Held(happened, asker))
        self._count += 1
        return True

    def want(self, names: Sequence[str] = (), own: Sequence[int] = ()) -> None:
        self._names |= dict.fromkeys(names)
        self._own |= dict.fromkeys(own)

    def next_claim(self) -> Claim | None:
        """None: nothing is wanted."""
        claim = Claim(_some(self._names), _some(self._own))
        return claim if any(claim) else None

    def leave(self, name: str) -> Iterator[Held]:
        """What waited for this device, in order."""
        for held in self._held.pop(name, ()):
            self._count -= 1
            yield held


def _some(wanted: dict[Any, None]) -> tuple[Any, ...]:
    taken = tuple(islice(wanted, MAX_CLAIM))
    for one in taken:
        del wanted[one]
    return taken
