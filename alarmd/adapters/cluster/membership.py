"""What one server does to be a member of the cluster: renew its lease, hear the others, look after what they leave.

Who buries another must have renewed its own lease several times in a row meanwhile: after the database itself was away,
every lease has ended, and nobody is dead.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog

from alarmd.adapters.cluster.cluster_runner import ClusterRunner
from alarmd.core.inputs import JudgeChosen, LinesSeen, PlacesTold
from alarmd.core.instant import Instant
from alarmd.core.judging import asked_lines
from alarmd.core.state import State
from alarmd.storage.cluster_store import MEMBERS, OUTBOX, PLACES, ClusterStore
from alarmd.storage.interface import StorageError
from alarmd.storage.member_queries import LEASE, BuriedError
from alarmd.storage.member_queries import Standing as Members
from alarmd.storage.notifications import Notifications
from alarmd.storage.writer_thread import WriterThread

RENEW = 2.0  # s
WITNESSED = int(LEASE / RENEW)  # renewals in a row after which another's silence is believed
COMPARE = 30  # renewals after which storage is asked for all that is this member's: a quarter of a million take 0.5 s
LOOK = 1.0  # s between two looks of the judge at where others hear devices
PORTION = 500  # devices taken over at a time from a member that died
TAKEN, GIVEN = "taken", "given"

_log = structlog.get_logger(__name__)


class Membership:
    """judging(is_judge): this server begins or ends to judge. wake: messages may be due. expelled: the others took this
    server for dead, and it must end."""

    def __init__(
        self,
        url: str,
        store: ClusterStore,
        claims: WriterThread,
        runner: ClusterRunner,
        state: State,
        *,
        loop: asyncio.AbstractEventLoop,
        now: Callable[[], Instant],
        judging: Callable[[bool], None],
        wake: Callable[[], None],
        expelled: Callable[[], None],
    ) -> None:
        self._store = store
        self._claims = claims
        self._runner = runner
        self._state = state
        self._loop = loop
        self._now = now
        self._judging = judging
        self._wake = wake
        self._expelled = expelled
        self._renewed = 0  # in a row
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        me = store.joined.incarnation
        self._notifications = Notifications(url, me, self._on_loop(self._heard), self._on_loop(self._connected))

    def start(self) -> None:
        self._notifications.start()

    async def keep_lease(self) -> None:
        """Until cancelled, or expelled."""
        while True:
            more = False
            try:
                more = await self._renew()
            except BuriedError:
                self._expelled()
                return
            except StorageError as error:
                self._renewed = 0
                _log.warning("the lease among the servers was not renewed", reason=str(error))
            if not more:
                with suppress(TimeoutError):  # sooner when another member left; wait_for might swallow a cancellation
                    async with asyncio.timeout(RENEW):
                        await self._changed.wait()
            self._changed.clear()

    async def look_around(self) -> None:
        """As long as this member judges: tell the rules where the others hear devices, if it matters."""
        while True:
            await asyncio.sleep(LOOK)
            hosts, away = asked_lines(self._state)
            if self._state.judges and (hosts or away or self._state.losses):
                try:
                    seen = LinesSeen(*await self._call(self._store.lines, hosts, away))
                except StorageError:
                    continue  # what was seen last holds
                self._runner.submit(seen, self._now())

    async def leave(self) -> None:
        """A planned stop, after the last commit: what this member watched is free at once."""
        self._notifications.stop()
        try:
            await self._call(self._store.leave)
        except StorageError as error:
            _log.warning("the other servers wait until the lease ends", reason=str(error))

    async def _renew(self) -> bool:
        """Whether there is more to take over: a portion at a time, or the lease would end meanwhile."""
        members: Members = await self._call(self._store.renew)
        self._renewed += 1
        if members.expired and self._renewed > WITNESSED:
            _log.warning("servers of this cluster are gone", incarnations=sorted(members.expired))
            await self._call(self._store.bury, sorted(members.expired))
        if self._renewed % COMPARE == 0:
            await self._compare()
        await self._follow(members.judge)
        return await self._take_abandoned(members) > 0

    async def _follow(self, judge: int) -> None:
        if judge == self._runner.judge:
            return
        judges = judge == self._store.joined.incarnation
        alarms = await self._call(self._store.shared_alarms) if judges else ()
        self._runner.judge = judge
        self._runner.submit(JudgeChosen(judges, alarms), self._now())
        self._judging(judges)
        _log.info("silence is judged here" if judges else "silence is judged by another server", judge=judge)

    async def _take_abandoned(self, members: Members) -> int:
        known = members.alive | members.expired
        return self._runner.take(await self._call(self._store.take_abandoned, known, PORTION, self._now().wall))

    def _heard(self, payload: str) -> None:
        what, *devices = payload.split()
        pairs = [(int(one), int(epoch)) for one, _, epoch in (device.partition(":") for device in devices)]
        if what == TAKEN:
            self._runner.lost(pairs)
        elif what == GIVEN:
            self._runner.given(pairs)
        elif what == OUTBOX:
            self._wake()
        elif what == PLACES:
            self._spawn(self._read_places())
        elif what == MEMBERS:
            self._changed.set()

    def _connected(self) -> None:
        """Whatever was said before was not heard."""
        self._spawn(self._read_all())

    async def _read_all(self) -> None:
        await self._read_places()
        await self._compare()
        self._wake()

    async def _compare(self) -> None:
        """A device that is this member's and not here would be watched by nobody."""
        known = self._runner.known()
        self._runner.compare(known, await self._call(self._store.mine))

    async def _read_places(self) -> None:
        self._runner.submit(PlacesTold(*await self._call(self._store.places)), self._now())

    def _spawn(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.warning("what the other servers changed was not read", reason=str(task.exception()))

    def _on_loop(self, function: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: Any) -> None:
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(function, *arguments)

        return call

    async def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.wrap_future(self._claims.call(function, *arguments))
