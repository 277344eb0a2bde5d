"""The film of yesterday, of each camera that is to have one, told to those who are to see it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, timedelta

import structlog

from alarmd.adapters.local_time import local_time
from alarmd.core.inputs import FilmMade
from alarmd.core.instant import Instant
from alarmd.core.records import Record
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.state import State
from alarmd.frames.errors import ArchiveError
from alarmd.frames.film.daily import DailyFilms
from alarmd.frames.film.errors import FilmError
from alarmd.storage.interface import StorageError

LOOK_EVERY = 600.0  # s between looks whether a day has ended somewhere
ALL = "*"

_log = structlog.get_logger(__name__)


class NightlyFilms:
    """cameras: names, or "*" for every device that has sent a picture. recipients: destinations and recipients there.
    submit: to the rules. What was told before a restart is told again by the same identity, which tells nobody twice.
    """

    def __init__(
        self,
        cameras: Sequence[str],
        recipients: Sequence[tuple[str, str]],
        films: DailyFilms,
        state: State,
        submit: Callable[[FilmMade], Awaitable[tuple[Record, ...]]],
        now: Callable[[], Instant],
    ) -> None:
        self._cameras = cameras
        self._recipients = tuple(recipients)
        self._films = films
        self._state = state
        self._submit = submit
        self._now = now
        self._done: dict[str, date] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY)

    async def look(self) -> None:
        """Make those that are missing. What fails is tried again at the next look."""
        for name in self._wanted():
            try:
                await self._make(name)
            except (FilmError, ArchiveError, StorageError, RequestRefusedError) as error:
                _log.warning("a film could not be made; next try in ten minutes", camera=name, reason=str(error))

    def _wanted(self) -> list[str]:
        if ALL not in self._cameras:
            return [name for name in self._cameras if name in self._state.sessions]
        known = (self._state.by_id.get(device_id) for device_id in self._state.galleries)
        return sorted(session.device.name for session in known if session is not None)

    async def _make(self, name: str) -> None:
        zone = self._state.sessions[name].device.zone_id
        here = local_time(self._state, zone, self._now().wall)
        yesterday = here.date() - timedelta(days=1)
        if self._done.get(name) == yesterday:
            return
        assert here.tzinfo is not None
        key = await self._films.make(name, yesterday, here.tzinfo)
        if key is not None:
            await self._submit(FilmMade(name, key, f"{name}, {yesterday}", self._recipients))
        self._done[name] = yesterday
