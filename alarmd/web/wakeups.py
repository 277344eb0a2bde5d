"""Who waits for something new in the database is woken after a commit, and looks by itself now and then besides."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from alarmd.core.refusals import RequestRefusedError

MAX_SEATS = 64  # requests that wait at a time, on all listeners together
LOOK_AGAIN = 2.0  # s; for what changed without a wake-up
BREATH = 0.05  # s between two looks, so that thousands of commits a second are not thousands of queries


class Wakeups:
    """Belongs to the loop's thread. Read `generation` before looking, and wait for it to change afterwards."""

    def __init__(self) -> None:
        self.generation = 0
        self.closed = False
        self.seats_taken = 0
        self._changed = asyncio.Event()

    def poke(self) -> None:
        """Something was stored. Costs next to nothing while nobody waits."""
        self.generation += 1
        if self.seats_taken:
            self._changed.set()
            self._changed = asyncio.Event()

    def close(self) -> None:
        """The server stops: nobody waits any longer."""
        self.closed = True
        self._changed.set()

    @contextmanager
    def seat(self) -> Iterator[None]:
        """A place to wait in, or a RequestRefusedError."""
        if self.seats_taken >= MAX_SEATS:
            raise RequestRefusedError(
                "too_many_followers", "", f"{MAX_SEATS} requests wait already, the limit; try again later"
            )
        self.seats_taken += 1
        try:
            yield
        finally:
            self.seats_taken -= 1

    async def wait(self, generation: int, seconds: float = LOOK_AGAIN) -> None:
        """Until something was stored since that generation, the server stops or the time is over."""
        await asyncio.sleep(min(BREATH, seconds))
        if self.closed or self.generation != generation:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
