"""People are listened to by one server of a pair: two that ask Telegram for what was written to one bot get a 409."""

import asyncio
from collections.abc import Awaitable, Callable

LOOK = 0.5  # s between looks at whether this server is to listen


async def listen_while(wanted: Callable[[], bool], listen: Callable[[], Awaitable[None]]) -> None:
    """Until cancelled; raises what `listen` does. It is cancelled when this server is to listen no longer."""
    while True:
        await _until(wanted)
        listening = asyncio.ensure_future(listen())
        try:
            await _until(lambda: listening.done() or not wanted())  # noqa: B023  called in this round only
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        if not listening.cancelled():
            await listening


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(LOOK)
