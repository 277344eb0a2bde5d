"""Waiting for something to become true, with a limit that only a broken program reaches."""

import asyncio
import time
from collections.abc import Callable

LIMIT = 30.0  # s
LOOK_EVERY = 0.005  # s


async def until(condition: Callable[[], object], what: str = "it") -> None:
    """On the loop, which goes on meanwhile."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, f"waited {LIMIT:.0f} s for {what}"
        await asyncio.sleep(LOOK_EVERY)


def wait_until(
    condition: Callable[[], object], what: str = "it", limit: float = LIMIT, look_every: float = LOOK_EVERY
) -> None:
    """In a thread of its own. limit, look_every: for what takes its time, and for looks that cost something."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"waited {limit:.0f} s for {what}"
        time.sleep(look_every)
