"""Tasks that run as long as the server does."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

PAUSE_AFTER_FAILURE = 1.0  # s

_log = structlog.get_logger(__name__)


async def supervised(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run `work` until cancelled; when it fails, say so and begin again: one defect must not end a service."""
    while True:
        try:
            await work()
        except Exception:
            _log.exception("a task failed and begins again", task=name)
        await asyncio.sleep(PAUSE_AFTER_FAILURE)


async def cancel(tasks: Sequence[asyncio.Task[object]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
