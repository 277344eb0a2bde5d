"""A device's failover alarm mode: docs/protocol.md, "A device's failover alarm mode"."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple

import structlog

from lfcp.client import ClientSession
from lfcp.constants import FAILOVER_MISSES

_log = structlog.get_logger(__name__)

Spawn = Callable[[Coroutine[Any, Any, None]], None]


class Failover(NamedTuple):
    """What the device can do while no server answers."""

    internet_reachable: Callable[[], Awaitable[bool]]  # is asked again at each heartbeat
    begin: Callable[[], Awaitable[None]]  # let the motion detector run
    end: Callable[[], Awaitable[None]]  # let it follow the wanted state again
    tell: Callable[[str], Awaitable[None]]  # a motion with its picture, past the servers


class FailoverMode:
    """spawn: starts what takes time, and sees to its end."""

    def __init__(self, failover: Failover, session: ClientSession, spawn: Spawn) -> None:
        self._failover = failover
        self._session = session
        self._spawn = spawn
        self._asking = False

    def look(self) -> None:
        """After anything was sent or received: whether the mode begins or ends."""
        silent = self._session.missed >= FAILOVER_MISSES
        if self._session.failover and not silent:
            self._session.failover = False
            _log.info("a server answers: failover alarm mode ends")
            self._spawn(_call(self._failover.end))
        elif silent and not self._session.failover and not self._asking:
            self._asking = True
            self._spawn(self._begin_if_reachable())

    def tell(self, what: str) -> None:
        if self._session.failover:
            self._spawn(_call(self._failover.tell, what))

    async def _begin_if_reachable(self) -> None:
        try:
            reachable = await self._failover.internet_reachable()
        finally:
            self._asking = False
        if not reachable or self._session.missed < FAILOVER_MISSES:
            return
        self._session.failover = True
        _log.warning("no server answers: failover alarm mode begins")
        await self._failover.begin()


async def _call(act: Callable[..., Awaitable[None]], *said: str) -> None:
    await act(*said)
