"""The dead man's ping: a URL of the operator's hears again and again that this server does its job, so that silence is
an alarm that needs nothing of ours. As Healthchecks has it (healthchecks.io/docs/http_api): GET the URL when all is
well, POST the reason to URL/fail when it is not.
"""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import structlog

from alarmd import __version__

PATIENCE = 10.0  # s for one ping, all in all
RETRY = 10.0  # s after which one that failed is sent again
MAX_REASON = 1000  # characters

_log = structlog.get_logger(__name__)


class DeadManPing:
    """url: a secret, as whoever has it can say that all is well. every: s. fault: what keeps this server from its job;
    empty: nothing."""

    def __init__(self, url: str, every: float, fault: Callable[[], Awaitable[str]]) -> None:
        self._url = url.rstrip("/")
        self._every = every
        self._fault = fault
        self._said = ""

    async def run(self) -> None:
        """Until cancelled."""
        async with httpx.AsyncClient(headers={"User-Agent": f"alarmd/{__version__}"}) as client:
            while True:
                was_heard = await self.ping(client)
                await asyncio.sleep(self._every if was_heard else min(self._every, RETRY))

    async def ping(self, client: httpx.AsyncClient) -> bool:
        """Whether somebody heard it."""
        fault = await self._fault()
        try:
            async with asyncio.timeout(PATIENCE):  # httpx's own are for each step
                answer = await self._send(client, fault)
        except (httpx.HTTPError, TimeoutError) as error:  # its text may hold the URL
            self._say(type(error).__name__)
            return False
        self._say("" if answer.is_success else f"it answers {answer.status_code}")
        return answer.is_success

    async def _send(self, client: httpx.AsyncClient, fault: str) -> httpx.Response:
        if fault:
            return await client.post(f"{self._url}/fail", content=fault[:MAX_REASON].encode(), timeout=PATIENCE)
        return await client.get(self._url, timeout=PATIENCE)

    def _say(self, reason: str) -> None:
        """Once for each change."""
        if reason and reason != self._said:
            _log.warning("nobody hears that this server is well; see watch.ping_url", reason=reason)
        elif self._said and not reason:
            _log.info("the pings of watch.ping_url are heard again")
        self._said = reason
