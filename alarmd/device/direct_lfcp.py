"""What a session for port 0 is for: commands to this device in LFCP/1, as at an operator's port, from who has a key of
its own and was let in."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from lfcp import Leniency, Message, ProtocolError, Verb, decode, encode, safe_text
from lfcp.client import BEFORE_OBEYING
from lfcp.constants import VERBS

MAX_WAITING = 8  # frames
SHORT = frozenset({Leniency.MISSING_FIELDS})  # `cam1,TLGS`, as it is written by hand

Say = Callable[[bytes], Awaitable[None]]
Obey = Callable[[Verb, tuple[str, ...]], Awaitable[str | None]]

_log = structlog.get_logger(__name__)


class DirectLfcp:
    """name: the device's. obey: carries a command out; why it failed, or None."""

    def __init__(self, name: str, obey: Obey) -> None:
        self._name = name
        self._obey = obey
        self._waiting: asyncio.Queue[Message] = asyncio.Queue(MAX_WAITING)

    async def give(self, payload: bytes) -> None:
        """One after the other is answered. What is none for this device, or one too many, is not."""
        try:
            message = decode(payload, SHORT)
        except ProtocolError as error:
            _log.info("no frame of LFCP came through a tunnel", reason=error.reason)
            return
        if message.name == self._name and not self._waiting.full():
            self._waiting.put_nowait(message)

    async def run(self, say: Say) -> None:
        while True:
            message = await self._waiting.get()
            if message.verb == Verb.HEARTBEAT:
                await say(self._frame(Verb.ACK))
            elif VERBS[message.verb].command:
                await self._carry_out(Verb(message.verb), message.params, say)

    def close(self) -> None:
        """Nothing is held."""

    async def _carry_out(self, verb: Verb, params: tuple[str, ...], say: Say) -> None:
        acknowledged = verb in BEFORE_OBEYING
        if acknowledged:
            await say(self._frame(Verb.ACK))
        failure = await self._obey(verb, params)
        if not acknowledged:
            await say(self._frame(Verb.ACK))
        if failure is not None:
            await say(self._frame(Verb.ERR, safe_text(failure)))

    def _frame(self, verb: Verb, *params: str) -> bytes:
        return encode(self._name, verb, *params)
