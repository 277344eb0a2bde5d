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
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from time import monotonic
from typing import Any

import structlog

from alarmd.device.failover_mode import Failover, FailoverMode
from alarmd.device.lfcp_line import LfcpLine
from alarmd.device.picture_line import Camera
from alarmd.device.pictures import COMMANDS as PICTURE_COMMANDS
from alarmd.device.pictures import Pictures
from lfcp import Report, Trigger, Verb, escape
from lfcp.candidates import Address
from lfcp.client import (
    BEFORE_OBEYING,
    ClientEvent,
    ClientSession,
    CommandReceived,
    DeviceMemory,
    Invited,
    Ladder,
    MessageAcknowledged,
    Probe,
)
from lfcp.constants import RendezvousReason

LONGEST_NAP = 5.0  # s without a look at the clock and the network

Handler = Callable[[tuple[str, ...]], Awaitable[None]]

_log = structlog.get_logger(__name__)


class CommandFailedError(Exception):
    """A handler could not do it; the text goes to the servers, who show it to the operator."""


class Device:
    """servers: host and port of each, by its label. handlers: what to do for a command, with its six parameters; a
    command without one fails. interval: s between heartbeats, until a server allows less; None: with a key as often as
    the NAT before the device needs them, which it learns by the ladder. detector, camera: whether they are on at the
    start; None: there is none. heard: is told of every event, for whoever wants to watch. key: needs a memory.
    take_picture: with it the device knows SNAP and LIVE, and uploads a picture with each motion. Raises what the
    memory raises."""

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
    ) -> None:
        report = Report(
            boot_id=secrets.token_hex(8),
            detector=detector,
            camera=camera,
            settings=key is not None and Verb.CONF in handlers,
            pictures=take_picture is not None,
            live=take_picture is not None,
            probing=key is not None,
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
        self._signs = key is not None
        self._line = LfcpLine(servers, self._hear, self._tunnelled)
        self._handlers = handlers
        self._heard = heard
        self._failover = None if failover is None else FailoverMode(failover, self._session, self._spawn)
        self._pictures = None
        if take_picture is not None:
            self._pictures = Pictures(take_picture, servers, self._session, self._take)
        self._tasks: set[asyncio.Task[None]] = set()
        self._something_to_send = asyncio.Event()
        self._may_sleep = asyncio.Event()
        self._mute = False  # no counter can be reserved

    async def __aenter__(self) -> "Device":
        await self._line.open()
        return self

    async def __aexit__(self, *_what: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._line.close()

    @property
    def errors(self) -> int:
        """How often the network said that nothing can be sent."""
        return self._line.errors

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
        self._something_to_send.set()
        await self._may_sleep.wait()

    def wake(self) -> None:
        self._session.wake()
        self._may_sleep.set()
        self._something_to_send.set()

    async def run(self) -> None:
        """Until cancelled. An error of `heard` ends it too, in an ExceptionGroup: it would be deaf otherwise."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._line.run())
            if self._pictures is not None:
                for line in self._pictures.lines.values():
                    group.create_task(line.run())
            await self._speak()

    async def _speak(self) -> None:
        while True:
            self._something_to_send.clear()
            await self._send_what_is_due()
            due = min(self._session.next_wakeup(), self._session.next_rung())
            nap = min(max(due - monotonic(), 0.0), LONGEST_NAP)
            with suppress(TimeoutError):
                async with asyncio.timeout(nap):
                    await self._something_to_send.wait()

    async def _send_what_is_due(self) -> None:
        now = monotonic()
        if self._line.has_moved():
            self._session.network_changed(now)
        frames, probes = self._due(now)
        if self._session.deaf:
            await self._begin_anew(now)
        for label, frame in frames:
            await self._line.say(label, frame)
        for probe in probes:
            await self._line.probe(*probe)
        self._line.close_probes_but(self._session.ladder_sockets)
        self._look()

    async def _begin_anew(self, now: float) -> None:
        """A server may be elsewhere by now, and a NAT may have lost its way back to this socket."""
        self._spawn(self._line.look_up())
        if self._signs:
            await self._line.renew()
            self._session.rebound(now)

    def _due(self, now: float) -> tuple[list[tuple[str, bytes]], list[Probe]]:
        """Nothing while the memory fails: a counter that is used twice is worse than silence, which is noticed."""
        try:
            frames, probes = self._session.poll(now), self._session.poll_ladder(now)
        except OSError as error:
            if not self._mute:
                _log.error("the memory cannot be written: nothing is sent", error=str(error))
            self._mute = True
            return [], []
        self._mute = self._mute and not frames
        return frames, probes

    def _hear(self, label: str, datagram: bytes) -> None:
        for event in self._session.receive(label, datagram, monotonic()):
            self._take(event)
        self._look()
        self._something_to_send.set()

    async def _tunnelled(self, source: Address, datagram: bytes) -> None:
        """Of no session: this device meets nobody."""

    def _look(self) -> None:
        if self._failover is not None:
            self._failover.look()
        if self._session.may_sleep:
            self._may_sleep.set()

    def _take(self, event: ClientEvent) -> None:
        self._heard(event)
        if isinstance(event, CommandReceived):
            self._spawn(self._carry_out(event))
        elif isinstance(event, Invited):
            self._session.refuse(event.server, event.session, RendezvousReason.NOT_ABLE)
        elif isinstance(event, MessageAcknowledged):
            _log.debug("stored", verb=event.verb, text=escape(event.text))

    async def _carry_out(self, command: CommandReceived) -> None:
        """The session takes the next command only when this one has its answer."""
        verb = Verb(command.verb)
        try:
            if verb in BEFORE_OBEYING:
                await self._acknowledge()
            await self._obey(command)
            if verb not in BEFORE_OBEYING:
                await self._acknowledge()
        except CommandFailedError as failure:
            self._fail(str(failure))
        except OSError as error:
            self._fail(f"{verb} failed: {error.strerror or 'no reason given'}")
        except Exception:  # a handler's defect must not silence the device
            _log.exception("a command failed", verb=verb)
            self._fail(f"{verb} failed")
        self._something_to_send.set()

    async def _obey(self, command: CommandReceived) -> None:
        if self._pictures is None or command.verb not in PICTURE_COMMANDS:
            await self._handlers[Verb(command.verb)](command.params)
        elif not await self._pictures.obey(command):
            raise CommandFailedError("too many pictures wait to be uploaded")

    async def _upload_of_alarm(self, pictures: Pictures) -> None:
        try:
            await pictures.upload(Trigger.ALARM)
        except (CommandFailedError, OSError) as error:
            self._tell(Verb.ERR, f"no picture of the motion: {error}")

    async def _acknowledge(self) -> None:
        self._session.command_done()
        await self._send_what_is_due()

    def _fail(self, why: str) -> None:
        if self._session.busy:
            self._session.command_failed(why, monotonic())
        else:  # it was acknowledged already
            self._tell(Verb.ERR, why)

    def _tell(self, verb: Verb, text: str) -> bool:
        queued = self._session.queue(verb, text, monotonic())
        self._something_to_send.set()
        return queued

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("a defect in what the device was told to do", exc_info=task.exception())
