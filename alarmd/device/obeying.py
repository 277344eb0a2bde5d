"""Commands are carried out one at a time, whoever gave them: a server, or an operator's machine that is connected."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from alarmd.device.pictures import COMMANDS as PICTURE_COMMANDS
from alarmd.device.pictures import Pictures
from lfcp import Verb
from lfcp.client import BEFORE_OBEYING, ClientSession, CommandReceived

Handler = Callable[[tuple[str, ...]], Awaitable[None]]

_log = structlog.get_logger(__name__)


class CommandFailedError(Exception):
    """A handler could not do it; the text goes to the servers, who show it to the operator."""


class Obeying:
    """handlers: by verb. pictures: obeys SNAP and LIVE; None: nobody does. What its methods return is why the command
    failed, in words for the operator; None: it is done."""

    def __init__(self, session: ClientSession, handlers: Mapping[Verb, Handler], pictures: Pictures | None) -> None:
        self._session = session
        self._handlers = handlers
        self._pictures = pictures
        self._one_at_a_time = asyncio.Lock()

    async def for_server(self, command: CommandReceived, acknowledge: Callable[[], Awaitable[None]]) -> str | None:
        """acknowledge: is called before or after, as the command wants it."""
        return await self._failure(command.verb, self._acknowledged(command, acknowledge))

    async def directly(self, verb: Verb, params: tuple[str, ...]) -> str | None:
        why_not = self._session.why_not(verb, params)
        return f"{verb} {why_not}" if why_not else await self._failure(verb, self._and_kept(verb, params))

    async def _acknowledged(self, command: CommandReceived, acknowledge: Callable[[], Awaitable[None]]) -> None:
        if command.verb in BEFORE_OBEYING:
            await acknowledge()
        await self._obey(command)
        if command.verb not in BEFORE_OBEYING:
            await acknowledge()

    async def _and_kept(self, verb: Verb, params: tuple[str, ...]) -> None:
        await self._obey(CommandReceived("", verb, params))
        self._session.obeyed(verb, params)

    async def _failure(self, verb: str, work: Awaitable[None]) -> str | None:
        try:
            async with self._one_at_a_time:
                await work
        except CommandFailedError as failure:
            return str(failure)
        except OSError as error:
            return f"{verb} failed: {error.strerror or 'no reason given'}"
        except Exception:  # a handler's defect must not silence the device
            _log.exception("a command failed", verb=verb)
            return f"{verb} failed"
        return None

    async def _obey(self, command: CommandReceived) -> None:
        if self._pictures is None or command.verb not in PICTURE_COMMANDS:
            await self._handlers[Verb(command.verb)](command.params)
        elif not await self._pictures.obey(command):
            raise CommandFailedError("too many pictures wait to be uploaded")
