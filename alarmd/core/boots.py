"""Which messages of a signed device were stored: by boot and number, so that a repeated one is stored once.

Kept with the device's contact, written together with each message, so that a restart knows them too. A number too far
behind to tell counts as new: a message told twice beats one that is lost.
"""

from enum import Enum, auto

from lfcp import EventId
from lfcp.constants import WINDOW

MAX_BOOTS = 4  # whose messages are told apart; also how far back a clone is recognised
ALL_SEEN = (1 << WINDOW) - 1


class BootSign(Enum):
    """What the boot id of a newest frame says."""

    SAME = auto()
    NEW = auto()
    RETURNED = auto()  # another one had replaced it: two devices have this key


class Boots:
    __slots__ = ("_numbers", "current")

    def __init__(self, text: str = "") -> None:
        """text: what str() gave."""
        self._numbers: dict[str, tuple[int, int]] = {}  # boot id → highest number, bits of those seen; newest last
        for part in filter(None, text.split(" ")):
            boot_id, highest, seen = part.split(".")
            self._numbers[boot_id] = int(highest, 16), int(seen, 16)
        self.current = next(reversed(self._numbers), None)

    def __str__(self) -> str:
        return " ".join(f"{boot}.{highest:x}.{seen:x}" for boot, (highest, seen) in self._numbers.items())

    def enter(self, boot_id: str) -> BootSign:
        """The newest frame of the device names this boot: it is the current one."""
        if boot_id == self.current:
            return BootSign.SAME
        sign = BootSign.RETURNED if boot_id in self._numbers else BootSign.NEW
        self._numbers[boot_id] = self._numbers.pop(boot_id, (0, 0))
        self.current = boot_id
        if len(self._numbers) > MAX_BOOTS:
            del self._numbers[next(iter(self._numbers))]
        return sign if len(self._numbers) > 1 else BootSign.SAME

    def stored(self, event: EventId) -> bool:
        highest, seen = self._numbers.get(event.boot_id, (0, 0))
        behind = highest - event.number
        return 0 <= behind < WINDOW and bool(seen >> behind & 1)

    def lose(self, event: EventId) -> None:
        """It was not stored after all."""
        if self.stored(event):
            highest, seen = self._numbers[event.boot_id]
            self._numbers[event.boot_id] = highest, seen ^ 1 << highest - event.number

    def store(self, event: EventId) -> None:
        """From now on it is stored. One of a boot that is forgotten is not remembered."""
        if event.boot_id not in self._numbers:
            return
        highest, seen = self._numbers[event.boot_id]
        if event.number > highest:
            ahead = min(event.number - highest, WINDOW)
            self._numbers[event.boot_id] = event.number, (seen << ahead | 1) & ALL_SEEN
        elif highest - event.number < WINDOW:
            self._numbers[event.boot_id] = highest, seen | 1 << highest - event.number
