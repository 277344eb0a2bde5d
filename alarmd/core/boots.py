"""Which messages of a signed device were stored: by boot and number, so that a repeated one is stored once.

Kept with the device's contact, written together with each message, so that a restart knows them too. A number too far
behind to tell counts as new: a message told twice beats one that is lost.
"""

from collections.abc import Iterator
from enum import Enum, auto

from lfcp import EventId
from lfcp.constants import WINDOW

MAX_BOOTS = 4  # whose messages are told apart; also how far back a clone is recognised
ALL_SEEN = (1 << WINDOW) - 1
OF_PEER = "~"  # before a boot id in text; none begins so
Numbers = dict[str, tuple[int, int]]  # boot id → highest number, bits of those seen; newest last


class BootSign(Enum):
    """What the boot id of a newest frame says."""

    SAME = auto()
    NEW = auto()
    RETURNED = auto()  # another one had replaced it: two devices have this key


class Boots:
    __slots__ = ("_numbers", "_of_peer", "current")

    def __init__(self, text: str = "") -> None:
        """text: what str() gave."""
        self._numbers: Numbers = {}
        self._of_peer: Numbers = {}  # of boots that only the peer has heard; none of them is evidence of a clone
        for part in filter(None, text.split(" ")):
            boot_id, highest, seen = part.split(".")
            numbers = self._of_peer if boot_id.startswith(OF_PEER) else self._numbers
            numbers[boot_id.removeprefix(OF_PEER)] = int(highest, 16), int(seen, 16)
        self.current = next(reversed(self._numbers), None)

    def __str__(self) -> str:
        return " ".join((*_parts(self._numbers), *_parts(self._of_peer, OF_PEER)))

    def enter(self, boot_id: str) -> BootSign:
        """The newest frame of the device names this boot: it is the current one."""
        if boot_id == self.current:
            return BootSign.SAME
        sign = BootSign.RETURNED if boot_id in self._numbers else BootSign.NEW
        told = self._of_peer.pop(boot_id, (0, 0))
        self._numbers[boot_id] = self._numbers.pop(boot_id, told)
        self.current = boot_id
        if len(self._numbers) > MAX_BOOTS:
            del self._numbers[next(iter(self._numbers))]
        return sign if len(self._numbers) > 1 else BootSign.SAME

    def stored(self, event: EventId) -> bool:
        highest, seen = self._numbers.get(event.boot_id) or self._of_peer.get(event.boot_id, (0, 0))
        behind = highest - event.number
        return 0 <= behind < WINDOW and bool(seen >> behind & 1)

    def lose(self, event: EventId) -> None:
        """It was not stored after all."""
        if self.stored(event):
            numbers = self._numbers if event.boot_id in self._numbers else self._of_peer
            highest, seen = numbers[event.boot_id]
            numbers[event.boot_id] = highest, seen ^ 1 << highest - event.number

    def store(self, event: EventId) -> None:
        """From now on it is stored. One of a boot that is forgotten is not remembered."""
        if event.boot_id in self._numbers:
            _note(self._numbers, event)

    def store_of_peer(self, event: EventId) -> None:
        """The peer has stored it, maybe of a boot that this server has not heard yet."""
        if event.boot_id in self._numbers:
            _note(self._numbers, event)
            return
        _note(self._of_peer, event)
        if len(self._of_peer) > MAX_BOOTS:
            del self._of_peer[next(iter(self._of_peer))]


def _note(numbers: Numbers, event: EventId) -> None:
    highest, seen = numbers.get(event.boot_id, (0, 0))
    if event.number > highest:
        ahead = min(event.number - highest, WINDOW)
        numbers[event.boot_id] = event.number, (seen << ahead | 1) & ALL_SEEN
    elif highest - event.number < WINDOW:
        numbers[event.boot_id] = highest, seen | 1 << highest - event.number


def _parts(numbers: Numbers, prefix: str = "") -> Iterator[str]:
    return (f"{prefix}{boot}.{highest:x}.{seen:x}" for boot, (highest, seen) in numbers.items())
