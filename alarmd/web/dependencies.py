"""What the API needs from the house, and how its functions get at it."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Annotated, ParamSpec, TypeVar

from fastapi import Depends, Request
from prometheus_client import CollectorRegistry

from alarmd.core.instant import Instant
from alarmd.core.link_condition import LinkCondition
from alarmd.core.records import Record
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.requests import OperatorRequest
from alarmd.core.state import State
from alarmd.frames.archive import Archive
from alarmd.frames.live import LiveHub
from alarmd.storage.interface import Reader, StoredDevice
from alarmd.web.wakeups import Wakeups

READERS = 2  # threads; each more takes the interpreter away from the listeners
READ_PATIENCE = 10.0  # s
OPERATOR_HEADER = "X-Operator"
NOBODY_NAMED = "api"
_OPERATOR = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,31}", re.ASCII)

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Condition:
    """What the server knows of itself without asking the database. waiting: durable effects that are not stored yet;
    at waiting_limit messages are refused."""

    storage_failing: bool
    waiting: int
    waiting_limit: int


@dataclass(frozen=True, slots=True)
class Dependencies:
    """submit: an operator's request → the records it made, once they are stored; raises RequestRefusedError.
    state: the engine's, read on the loop's thread only. started: when the server was. link: how that to the peer
    fares; None: this server is in no pair. stored_devices: of a cluster, whose other devices are in no live state here:
    by name, from this name on, up to so many."""

    submit: Callable[[OperatorRequest], Awaitable[tuple[Record, ...]]]
    reader: Reader
    state: State
    now: Callable[[], Instant]
    registry: CollectorRegistry
    condition: Callable[[], Condition]
    started: Instant
    archive: Archive
    live: LiveHub
    link: Callable[[], LinkCondition | None] = lambda: None
    stored_devices: Callable[[str, int], list[StoredDevice]] | None = None
    wakeups: Wakeups = field(default_factory=Wakeups)
    threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(READERS, thread_name_prefix="api-reader")
    )

    async def read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask the reader or the archive, in a thread of its own."""
        loop = asyncio.get_running_loop()
        asked = loop.run_in_executor(self.threads, lambda: function(*args, **kwargs))
        try:
            return await asyncio.wait_for(asked, READ_PATIENCE)
        except TimeoutError:
            raise RequestRefusedError(
                "unavailable", "", f"neither the database nor the disk has answered for {READ_PATIENCE:.0f} s"
            ) from None


@dataclass(frozen=True, slots=True)
class Access:
    """What one listener allows. over_tcp: anybody on the machine can connect, even a web page in a browser."""

    over_tcp: bool
    allowed_hosts: frozenset[str] = frozenset()


def _house(request: Request) -> Dependencies:
    house: Dependencies = request.app.state.house
    return house


def _access(request: Request) -> Access:
    access: Access = request.app.state.access
    return access


def _operator(request: Request) -> str:
    """Who asks, for the history. Only control.sock knows that it is the owner; what comes over TCP is marked."""
    said = request.headers.get(OPERATOR_HEADER, NOBODY_NAMED)
    name = said if _OPERATOR.fullmatch(said) else NOBODY_NAMED
    return f"{name} over http" if _access(request).over_tcp else name


House = Annotated[Dependencies, Depends(_house)]
HowAsked = Annotated[Access, Depends(_access)]
Operator = Annotated[str, Depends(_operator)]
