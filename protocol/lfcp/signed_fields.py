"""What stands in the parameters of signed frames: docs/protocol.md, "Parameters of signed frames".

Every read_… gives None for text that is not of that form: a tag that is right does not make a sender right.
"""

import re
from typing import NamedTuple

from lfcp.messages import UNUSED

# ASCII classes: int() would take more, see report.py.
_COUNTER = re.compile(r"[1-9a-f][0-9a-f]{0,15}")
_BOOT = re.compile(r"[0-9a-f]{1,16}")
_SECONDS = re.compile(r"0|[1-9][0-9]{0,6}")
_COMMAND_ID = re.compile(r"[A-Z]\.[1-9a-f][0-9a-f]{0,15}")


class EventId(NamedTuple):
    """A message's identity within its device."""

    boot_id: str
    number: int

    def __str__(self) -> str:
        return f"{self.boot_id}.{self.number:x}"


def read_counter(text: str) -> int | None:
    return int(text, 16) if _COUNTER.fullmatch(text) else None


def read_seconds(text: str) -> int | None:
    return int(text) if _SECONDS.fullmatch(text) else None


def read_event(text: str) -> EventId | None:
    boot_id, _, number = text.partition(".")
    if _BOOT.fullmatch(boot_id) is None or _COUNTER.fullmatch(number) is None:
        return None
    return EventId(boot_id, int(number, 16))


def read_boot(text: str) -> tuple[str, int] | None:
    """Boot id and echo."""
    boot_id, _, echo = text.partition(".")
    if _BOOT.fullmatch(boot_id) is None or not (echo == UNUSED or _COUNTER.fullmatch(echo)):
        return None
    return boot_id, int(echo, 16)


def is_command_id(text: str) -> bool:
    return _COMMAND_ID.fullmatch(text) is not None
