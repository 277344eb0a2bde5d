"""Pictures and films that people ask the bot for. Both take their time: that they were asked for is said at once, and
they come as messages of their own."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

from alarmd.core.capture import can_be_asked
from alarmd.core.galleries import ReplyTo
from alarmd.core.inputs import FilmMade
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.requests import PictureRequested
from alarmd.frames.errors import ArchiveError
from alarmd.frames.film.errors import FilmError
from alarmd.relays.desk import Desk
from alarmd.relays.telegram.wording import clipped
from alarmd.storage.interface import StorageError

MAX_FILMS = 8  # that were asked for and are not made yet
MAX_LISTED = 30
YESTERDAY = "yesterday"


class Asker(NamedTuple):
    """operator: for the history. reply_to: where what he asked for is sent. later: tells him how it went."""

    operator: str
    reply_to: ReplyTo
    later: Callable[[str], Awaitable[None]]


class Cameras:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._films: dict[tuple[str, date, ReplyTo], asyncio.Task[None]] = {}

    async def close(self) -> None:
        """What is being made is not; who asked asks again."""
        for task in self._films.values():
            task.cancel()
        await asyncio.gather(*self._films.values(), return_exceptions=True)

    async def snapshot(self, arguments: list[str], asker: Asker) -> str:
        names = self._names()
        if not arguments and len(names) == 1:
            arguments = names
        if len(arguments) != 1:
            return "\n".join(["Say which camera: /snapshot DEVICE", *map(clipped, names)])
        await self._desk.submit(PictureRequested(asker.operator, arguments[0], asker.reply_to))
        return f"{arguments[0]} is asked for a picture."

    async def film(self, arguments: list[str], asker: Asker) -> str:
        if not 1 <= len(arguments) <= 2:
            return "Say whose: /film DEVICE for yesterday's, or /film DEVICE 2026-11-20."
        name = arguments[0]
        now = self._now_at(name)
        day = _day(arguments[1] if len(arguments) > 1 else YESTERDAY, now.date())
        wish = name, day, asker.reply_to
        if wish not in self._films:
            if len(self._films) >= MAX_FILMS:
                raise RequestRefusedError("queue_full", "", f"{MAX_FILMS} films are being made; ask again later")
            task = self._films[wish] = asyncio.create_task(self._make(name, day, now.tzinfo or UTC, asker))
            task.add_done_callback(lambda _done: self._films.pop(wish))
        return f"The film of {name}, {day}, is being made. It comes here."

    async def _make(self, name: str, day: date, time_zone: tzinfo, asker: Asker) -> None:
        try:
            key = await self._desk.film(name, day, time_zone)
            if key is None:
                await asker.later(f"{name} has no pictures of {day}.")
                return
            await self._desk.submit(FilmMade(name, key, f"{name}, {day}", (asker.reply_to,), asker.operator))
        except (FilmError, ArchiveError, StorageError, RequestRefusedError, OSError) as error:
            await asker.later(clipped(f"No film of {name}, {day}: {error}"))

    def _now_at(self, name: str) -> datetime:
        """By the clock of where the device is."""
        session = self._desk.state.sessions.get(name)
        if session is None:
            raise RequestRefusedError("unknown_device", "device", f"no device {name!r}; /devices lists them")
        return self._desk.local(session.device.zone_id, self._desk.now().wall)

    def _names(self) -> list[str]:
        state = self._desk.state
        return sorted(name for name, session in state.sessions.items() if can_be_asked(state, session))[:MAX_LISTED]


def _day(said: str, today: date) -> date:
    """One that is over."""
    if said == YESTERDAY:
        return today - timedelta(days=1)
    try:
        day = date.fromisoformat(said)
    except ValueError:
        raise RequestRefusedError("invalid", "day", f"write {YESTERDAY}, or a day like 2026-11-20") from None
    if day >= today:
        raise RequestRefusedError("invalid", "day", "that day is not over; a film is of a whole day")
    return day
