"""One connection to the peer, from the handshake to its end: the hello, then what each tells the other."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import structlog

from alarmd import __version__
from alarmd.adapters.peer.authority import name_of
from alarmd.adapters.peer.claimed import Claimed
from alarmd.adapters.peer.commands import (
    NEWEST,
    OLDEST,
    Beat,
    Hello,
    NotNowError,
    RefusedError,
    common_version,
    read_names,
    read_vector,
    write_vector,
)
from alarmd.adapters.peer.incoming import Incoming
from alarmd.adapters.peer.link import Answer, PeerLink
from alarmd.adapters.peer.outgoing import Outgoing
from alarmd.adapters.peer.progress import Progress
from alarmd.adapters.peer.wire import Wire
from alarmd.adapters.reactor_clock import now
from alarmd.adapters.turn_runner import TurnRunner
from alarmd.core.inputs import PeerHears
from alarmd.core.instant import SECOND
from alarmd.core.outflow import Outflow
from alarmd.core.state import State
from alarmd.storage.interface import Reader, StorageError, Vector

BEAT = 2.0  # s between beats
STOP_PATIENCE = 1.0  # s for what is being read from the database

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class House:
    """What every connection needs. peer: the other server's label. lfcp_port: where devices reach this one. thread:
    one, for what takes long."""

    peer: str
    lfcp_port: int
    loop: asyncio.AbstractEventLoop
    runner: TurnRunner
    outflow: Outflow
    state: State
    reader: Reader
    wire: Wire
    progress: Progress
    claimed: Claimed
    thread: ThreadPoolExecutor

    async def vector(self) -> Vector:
        return self.claimed.of(await self.loop.run_in_executor(self.thread, self.reader.vector))


class Introduction(NamedTuple):
    """What the peer said of itself. vector: what it has. clock_offset: s that its wall clock is ahead of ours."""

    program: str
    vector: Vector
    last_alarm: int
    last_command: int
    lfcp_port: int
    clock_offset: float


class Host(Protocol):
    """Whoever the meetings are for."""

    def met(self, meeting: "Meeting", introduced: Introduction) -> None: ...

    def left(self, meeting: "Meeting") -> None: ...

    def gone(self, meeting: "Meeting", reason: str) -> None: ...

    def caught_up(self, meeting: "Meeting") -> None:
        """What this server missed has come."""
        ...

    def progressed(self) -> None:
        """The peer has stored more."""
        ...

    def say(self, reason: str) -> None:
        """Why there is no link."""
        ...


class Meeting:
    """The listener of one PeerLink. clock_offset: s that the peer's wall clock is ahead, as of the last beat."""

    def __init__(self, house: House, host: Host) -> None:
        self._house = house
        self._host = host
        self.link = PeerLink(self, house.loop)
        self.incoming = Incoming(house.wire, house.runner.submit_request, house.thread, house.progress.received)
        self.outgoing = Outgoing(self.link, house.outflow, house.wire, house.reader, house.thread, self._progressed)
        self.clock_offset = 0.0
        self._said: asyncio.Future[Answer] = house.loop.create_future()
        self._met = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def end(self, reason: str) -> None:
        """What the peer tells from now on counts no more."""
        self._cancel()
        self.link.close(reason)

    async def stop(self) -> None:
        """Ends it, and waits until nothing of it runs any more."""
        task = self._task
        self.end("this server stops")
        if task is not None:
            await asyncio.wait([task], timeout=STOP_PATIENCE)

    def shaken(self, name: str) -> None:
        if name == name_of(self._house.peer):
            self._task = self._house.loop.create_task(self._run())
        else:
            self._host.say(f"the other side is {name or 'nobody'} by its certificate, not server {self._house.peer}")
            self.link.abort("the wrong certificate")

    def ended(self, reason: str) -> None:
        self._cancel()
        self._host.gone(self, reason)

    def hello(self, said: Answer) -> Answer:
        try:
            _require_fit(said, self._house.state.settings.label, self._house.peer)
        except RefusedError as error:
            self._host.say(str(error))
            self._house.loop.call_soon(self.link.close, "refused")  # after the answer
            raise
        if not self._said.done():
            self._said.set_result(said)
        return self.beat()

    def beat(self) -> Answer:
        return {"wall": now().wall}

    async def ask(self) -> Answer:
        return {"vector": write_vector(await self._house.vector())}

    async def tell(self, number: int, page: bytes) -> Answer:
        await self._require_met()
        return {"skipped": await self.incoming.take(number, page)}

    async def hears(self, heard: bytes, unheard: bytes) -> Answer:
        await self._require_met()
        self._house.runner.submit(PeerHears(read_names(heard), read_names(unheard)), now())
        return {}

    def caught_up(self) -> Answer:
        self._host.caught_up(self)
        return {}

    def goodbye(self) -> Answer:
        self._host.left(self)
        return {}

    async def _require_met(self) -> None:
        """What the peer tells may overtake our own part of the hello."""
        await self._met.wait()
        if self._task is None:
            raise NotNowError("another connection took the place of this one")

    async def _run(self) -> None:
        try:
            introduced = await self._introduce(await self._house.vector())
            self._host.met(self, introduced)
            self._met.set()
            self.link.was_met = True
            async with asyncio.TaskGroup() as group:
                group.create_task(self.outgoing.run(introduced.vector))
                group.create_task(self._beat())
        except RefusedError as error:
            self._host.say(f"the peer refuses: {error}")
        except StorageError as error:
            self._host.say(f"the database cannot be read: {error}")
        except Exception:
            if self.link.is_open:  # else it was the link that failed, and says why
                _log.exception("the conversation with the peer failed; it begins again")
        self.link.close("this server ended it")

    async def _introduce(self, vector: Vector) -> Introduction:
        """Say hello, and wait for the peer's. Raises RefusedError if the peer does not want us."""
        state = self._house.state
        self.clock_offset = await self._clock_offset(
            Hello,
            oldest=OLDEST,
            newest=NEWEST,
            label=state.settings.label,
            program=__version__,
            vector=write_vector(vector),
            last_alarm=state.last_alarm,
            last_command=state.last_command,
            lfcp_port=self._house.lfcp_port,
        )
        said = await self._said
        vector, ids = read_vector(said["vector"]), (said["last_alarm"], said["last_command"])
        return Introduction(said["program"], vector, *ids, said["lfcp_port"], self.clock_offset)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            self.clock_offset = await self._clock_offset(Beat)

    async def _clock_offset(self, command: type[Beat] | type[Hello], **arguments: object) -> float:
        """As if both ways took equally long."""
        before = now().wall
        there: int = (await self.link.call(command, **arguments))["wall"]
        return (there - (before + now().wall) / 2) / SECOND

    def _progressed(self, records: int) -> None:
        self._house.progress.sent(records, self._house.outflow)
        self._host.progressed()

    def _cancel(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()


def _require_fit(said: Answer, label: str, peer: str) -> None:
    """Raises RefusedError."""
    if said["label"] != peer:
        raise RefusedError(f"server {label} is in a pair with server {peer}, not with {said['label']}")
    if common_version(said["oldest"], said["newest"]) is None:
        raise RefusedError(
            f"server {label} speaks versions {OLDEST} to {NEWEST} of the link, server {peer} {said['oldest']} to "
            f"{said['newest']}: install the same version of alarmd on both"
        )
