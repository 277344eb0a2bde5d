"""What has to be done now and then: forget old history, count what the kernel threw away."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog

from alarmd.adapters.udp_listener import LISTENER, UdpListener
from alarmd.core.instant import SECOND, Instant
from alarmd.metrics import Metrics
from alarmd.storage.interface import StorageError, Store

PURGE_EVERY = 3600.0  # s
PURGE_ROWS = 500  # in one transaction, so that no commit waits long behind it
PURGE_BREATH = 0.05  # s between two of them
DAY = 86_400 * SECOND
LOSSES_EVERY = 5.0  # s

_log = structlog.get_logger(__name__)


async def purge_history(
    store: Store, call_store: Callable[..., Awaitable[Any]], now: Callable[[], Instant], days: int
) -> None:
    """Once an hour, delete what is older than so many days; a little at a time. Runs until cancelled."""
    while True:
        try:
            await _purge(store, call_store, now().wall - days * DAY)
        except StorageError as error:
            _log.warning("old history could not be deleted, next try in an hour", reason=str(error))
        await asyncio.sleep(PURGE_EVERY)


async def _purge(store: Store, call_store: Callable[..., Awaitable[Any]], before: int) -> None:
    total = deleted = await call_store(store.purge, before, PURGE_ROWS)
    while deleted >= PURGE_ROWS:
        await asyncio.sleep(PURGE_BREATH)
        deleted = await call_store(store.purge, before, PURGE_ROWS)
        total += deleted
    if total:
        _log.info("old history deleted", rows=total)


async def count_losses(listeners: Sequence[UdpListener], metrics: Metrics) -> None:
    """Count datagrams that the kernel dropped because a receive buffer was full. Runs until cancelled."""
    counted = 0
    while True:
        losses = sum(listener.losses() for listener in listeners)
        if losses > counted:
            metrics.dropped(LISTENER, "receive_buffer_full", losses - counted)
            counted = losses
        await asyncio.sleep(LOSSES_EVERY)
