"""A device in Python: a sensor or camera on a computer that speaks LFCP to one or more servers; with a key signed.

memory = MemoryFile(Path("/var/lib/cellar1/memory"))
servers = {"A": ("192.0.2.10", 8443)}
handlers = {Verb.SCAM: camera_off, Verb.WCAM: camera_on}
device = Device("cellar1", servers, handlers, key=key, memory=memory, take_picture=take_picture)
async with device:
    device.motion("stairs")
    await device.run()
"""

import asyncio
import random
import secrets
from collections.abc import Callable, Collection, Coroutine, Mapping
from time import monotonic
from typing import Any

import structlog

from alarmd.device.answering import Answering
from alarmd.device.conversation import Conversation
from alarmd.device.failover_mode import Failover, FailoverMode
from alarmd.device.meetings import Meetings
from alarmd.device.obeying import CommandFailedError, Handler, Obeying
from alarmd.device.picture_line import Camera
from alarmd.device.pictures import COMMANDS as PICTURE_COMMANDS
from alarmd.device.pictures import Pictures
from lfcp import Report, Trigger, Verb, escape
from lfcp.candidates import Address
from lfcp.client import (
    ClientEvent,
    ClientSession,
    CommandReceived,
    DeviceMemory,
    Invited,
    Ladder,
    MessageAcknowledged,
)
from lfcp.constants import RendezvousReason

__all__ = ["CommandFailedError", "Device", "Handler"]

_log = structlog.get_logger(__name__)


class Device:
    """servers: host and port of each, by its label. handlers: what to do for a command, with its six parameters; a
    command without one fails. interval: s between heartbeats, until a server allows less; None: with a key as often as
    the NAT before the device needs them, which it learns by the ladder. detector, camera: whether they are on at the
    start; None: there is none. heard: is told of every event, for whoever wants to watch. key: needs a memory.
    take_picture: with it the device knows SNAP and LIVE, and uploads a picture with each motion. allow: with a key
    operators may connect to the device's LFCP and to these UDP ports on its loopback address; None: nobody may. Raises
    what the memory raises."""

    def __init__(
        self,
        name: str,
        servers: Mapping[str, tuple[str, int]],
        handlers: Mapping[Verb, Handler],
        interval: float | None = None,
        heard: Callable[[ClientEvent], None] = lambda _: None,
        *,
        detector: bool | None = None,
        camera: bool | None = None,
        key: bytes | None = None,
        memory: DeviceMemory | None = None,
        failover: Failover | None = None,
        take_picture: Camera | None = None,
        ladder: Ladder | None = None,
        allow: Collection[int] | None = None,
    ) -> None:
        report = Report(
            boot_id=secrets.token_hex(8),
            detector=detector,
            camera=camera,
            settings=key is not None and Verb.CONF in handlers,
            pictures=take_picture is not None,
            live=take_picture is not None,
            probing=key is not None,
            tunnels=key is not None and allow is not None,
        )
        can = {*handlers, *(() if take_picture is None else PICTURE_COMMANDS)}
        self._session = ClientSession(
            name,
            tuple(servers),
            interval,
            random.random,
            report=report,
            commands=can,
            key=key,
            memory=memory,
            ladder=ladder,
        )
        self._conversation = Conversation(
            self._session, servers, self._take, self._look, self._tunnelled, self._may_renew
        )
        self._signs = key is not None
        self._heard = heard
        self._failover = None if failover is None else FailoverMode(failover, self._session, self._spawn)
        self._pictures = None
        if take_picture is not None:
            self._pictures = Pictures(take_picture, servers, self._session, self._take)
        self._obeying = Obeying(self._session, handlers, self._pictures)
        self._meetings = None
        if allow is not None:
            door = Answering(name, allow, self._obeying.directly)
            self._meetings = Meetings(self._session, self._conversation, door)
        self._tasks: set[asyncio.Task[None]] = set()
        self._may_sleep = asyncio.Event()

    async def __aenter__(self) -> "Device":
        await self._conversation.line.open()
        return self

    async def __aexit__(self, *_what: object) -> None:
        if self._meetings is not None:
            await self._meetings.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._conversation.close()

    @property
    def errors(self) -> int:
        """How often the network said that nothing can be sent."""
        return self._conversation.line.errors

    @property
    def settings(self) -> Mapping[str, int]:
        """What CONF gave, also before this start."""
        return self._session.settings

    def motion(self, what: str) -> bool:
        """Raise an alarm at every server. False: too many wait already."""
        if self._failover is not None:
            self._failover.tell(what)
        if self._pictures is not None:
            self._spawn(self._upload_of_alarm(self._pictures))
        return self._tell(Verb.MOAL, what)

    def log(self, text: str) -> bool:
        return self._tell(Verb.LOG, text)

    async def upload(self, trigger: Trigger) -> bool:
        """Take a picture and let every server have it. False: too many wait already. Raises what taking it raises."""
        if self._pictures is None:
            raise ValueError("the device has no camera: give it take_picture")
        return await self._pictures.upload(trigger)

    async def declare_sleep(self, seconds: int) -> None:
        """Returns when every server knows of it, or was told often enough. After the sleep call wake()."""
        self._session.declare_sleep(seconds)
        self._may_sleep.clear()
        self._conversation.hurry()
        await self._may_sleep.wait()

    def wake(self) -> None:
        self._session.wake()
        self._may_sleep.set()
        self._conversation.hurry()

    async def run(self) -> None:
        """Until cancelled. An error of `heard` ends it too, in an ExceptionGroup: it would be deaf otherwise."""
        async with asyncio.TaskGroup() as group:
            if self._pictures is not None:
                for line in self._pictures.lines.values():
                    group.create_task(line.run())
            await self._conversation.run()

    def _may_renew(self) -> bool:
        return self._signs and not (self._meetings is not None and self._meetings.need_lfcp_socket)

    async def _tunnelled(self, source: Address, datagram: bytes) -> None:
        if self._meetings is not None:
            await self._meetings.receive(source, datagram)

    def _look(self) -> None:
        if self._failover is not None:
            self._failover.look()
        if self._session.may_sleep:
            self._may_sleep.set()

    def _take(self, event: ClientEvent) -> None:
        self._heard(event)
        if isinstance(event, CommandReceived):
            self._spawn(self._carry_out(event))
        elif isinstance(event, MessageAcknowledged):
            _log.debug("stored", verb=event.verb, text=escape(event.text))
        elif self._meetings is not None:
            self._meetings.take(event)
        elif isinstance(event, Invited):
            self._session.refuse(event.server, event.session, RendezvousReason.NOT_ABLE)

    async def _carry_out(self, command: CommandReceived) -> None:
        """The session takes the next command only when this one has its answer."""
        failure = await self._obeying.for_server(command, self._acknowledge)
        if failure is not None:
            self._fail(failure)
        self._conversation.hurry()

    async def _upload_of_alarm(self, pictures: Pictures) -> None:
        try:
            await pictures.upload(Trigger.ALARM)
        except (CommandFailedError, OSError) as error:
            self._tell(Verb.ERR, f"no picture of the motion: {error}")

    async def _acknowledge(self) -> None:
        self._session.command_done()
        await self._conversation.say_what_is_due()

    def _fail(self, why: str) -> None:
        if self._session.busy:
            self._session.command_failed(why, monotonic())
        else:  # it was acknowledged already
            self._tell(Verb.ERR, why)

    def _tell(self, verb: Verb, text: str) -> bool:
        queued = self._session.queue(verb, text, monotonic())
        self._conversation.hurry()
        return queued

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("a defect in what the device was told to do", exc_info=task.exception())
