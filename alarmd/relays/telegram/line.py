"""What goes to one chat one after the other. What is handed over together may go together; what comes while something
is on its way is to come again later, as it is then."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from alarmd.relays.interface import Later, Outcome
from alarmd.storage.interface import Lease

IN_FLIGHT = 1.0  # s after which to ask again, unless what is in flight ends before and wakes the lane


@dataclass(eq=False)
class _Waiting:
    lease: Lease
    outcome: "asyncio.Future[Outcome]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Line:
    """choose: which of those that wait go now, together. post: sends them."""

    def __init__(
        self,
        choose: Callable[[Sequence[Lease]], Sequence[Lease]],
        post: Callable[[Sequence[Lease]], Awaitable[Outcome]],
    ) -> None:
        self._choose = choose
        self._post = post
        self._waiting: list[_Waiting] = []
        self._work: asyncio.Task[None] | None = None
        self._left = False

    @property
    def busy(self) -> bool:
        return self._work is not None

    async def tell(self, lease: Lease) -> Outcome:
        if self._left:
            return Later(IN_FLIGHT)
        waiting = _Waiting(lease)
        self._waiting.append(waiting)
        if self._work is None:
            self._work = asyncio.create_task(self._go())
        return await waiting.outcome

    async def close(self) -> None:
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)

    async def _go(self) -> None:
        try:
            await asyncio.sleep(0)  # what is claimed together is handed over one by one
            self._left = True
            chosen = self._choose([one.lease for one in self._waiting])
            _settle([one for one in self._waiting if one.lease not in chosen], Later(IN_FLIGHT))
            _settle(self._waiting, await self._post(chosen))
        except Exception as error:  # the lane knows what to make of it
            _settle(self._waiting, error)
        finally:
            self._work, self._left = None, False
            for one in self._waiting:
                one.outcome.cancel()
            self._waiting.clear()


def _settle(waiting: Sequence[_Waiting], outcome: Outcome | Exception) -> None:
    """Those that are not yet; one is also done when the lane has lost patience with it."""
    for one in waiting:
        if one.outcome.done():
            continue
        if isinstance(outcome, Exception):
            one.outcome.set_exception(outcome)
        else:
            one.outcome.set_result(outcome)
