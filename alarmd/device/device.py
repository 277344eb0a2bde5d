"""A device in Python: a sensor or camera on a computer that speaks LFCP/1 to one or more servers.

device = Device("cellar1", [("192.0.2.10", 8443)], {Verb.SCAM: camera_off, Verb.WCAM: camera_on})
async with device:
    device.motion("stairs")
    await device.run()
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from time import monotonic

import structlog

from alarmd.device.datagrams import Datagrams
from lfcp import Report, Verb, escape
from lfcp.client import ClientEvent, ClientSession, CommandReceived, MessageAcknowledged

INTERVAL = 20.0  # s between heartbeats, until a server allows less
LABELS = tuple("ABCDEFGH")
LONGEST_NAP = 60.0  # s without a look at the clock

Handler = Callable[[tuple[str, ...]], Awaitable[None]]

_log = structlog.get_logger(__name__)


class CommandFailedError(Exception):
    """A handler could not do it; the text goes to the servers, who show it to the operator."""


class Device:
    """servers: host and port of each. handlers: what to do for a command, with its six parameters; a command without
    one is reported as an error. heard: is told of every event, for whoever wants to watch."""

    def __init__(
        self,
        name: str,
        servers: Sequence[tuple[str, int]],
        handlers: Mapping[Verb, Handler],
        interval: float = INTERVAL,
        heard: Callable[[ClientEvent], None] = lambda _: None,
    ) -> None:
        boot_id = f"{random.getrandbits(64):x}"  # tells starts apart, protects nothing
        report = Report(boot_id=boot_id)
        self._session = ClientSession(name, LABELS[: len(servers)], interval, random.random, report=report)
        self._servers = servers
        self._handlers = handlers
        self._heard = heard
        self._lines: list[Datagrams] = []
        self._commands: set[asyncio.Task[None]] = set()
        self._something_to_send = asyncio.Event()

    async def __aenter__(self) -> "Device":
        for host, port in self._servers:
            self._lines.append(await Datagrams.connect(host, port))
        return self

    async def __aexit__(self, *_what: object) -> None:
        for task in self._commands:
            task.cancel()
        await asyncio.gather(*self._commands, return_exceptions=True)
        for line in self._lines:
            line.close()

    @property
    def errors(self) -> int:
        """How often the network said that a server is not there."""
        return sum(line.errors for line in self._lines)

    def motion(self, what: str) -> bool:
        """Raise an alarm at every server. False: too many wait already."""
        return self._tell(Verb.MOAL, what)

    def log(self, text: str) -> bool:
        return self._tell(Verb.LOG, text)

    async def run(self) -> None:
        """Until cancelled. An error of `heard` ends it too, in an ExceptionGroup: it would be deaf otherwise."""
        async with asyncio.TaskGroup() as group:
            for index in range(len(self._lines)):
                group.create_task(self._listen(index))
            await self._speak()

    async def _speak(self) -> None:
        while True:
            self._something_to_send.clear()
            for server, frame in self._session.poll(monotonic()):
                await self._lines[LABELS.index(server)].send(frame)
            nap = min(max(self._session.next_wakeup() - monotonic(), 0.0), LONGEST_NAP)
            with suppress(TimeoutError):
                async with asyncio.timeout(nap):
                    await self._something_to_send.wait()

    async def _listen(self, server: int) -> None:
        while True:
            datagram = await self._lines[server].receive()
            if datagram is None:
                continue
            for event in self._session.receive(LABELS[server], datagram, monotonic()):
                self._take(event)
            self._something_to_send.set()

    def _take(self, event: ClientEvent) -> None:
        self._heard(event)
        if isinstance(event, CommandReceived):
            task = asyncio.create_task(self._carry_out(event))
            self._commands.add(task)
            task.add_done_callback(self._commands.discard)
        elif isinstance(event, MessageAcknowledged):
            _log.debug("stored", verb=event.verb, text=escape(event.text))

    async def _carry_out(self, command: CommandReceived) -> None:
        """The session takes the next command only when this one has its answer."""
        try:
            verb = Verb(command.verb)
            await self._handlers[verb](command.params)
        except KeyError:
            self._session.command_failed(f"{command.verb} is not supported", monotonic())
        except CommandFailedError as failure:
            self._session.command_failed(str(failure), monotonic())
        except Exception:  # a handler's defect must not silence the device
            _log.exception("a command failed", verb=command.verb)
            self._session.command_failed(f"{command.verb} failed", monotonic())
        else:
            self._session.command_done()
        self._something_to_send.set()

    def _tell(self, verb: Verb, text: str) -> bool:
        queued = self._session.queue(verb, text, monotonic())
        self._something_to_send.set()
        return queued
