"""Carries out what a line of the operator's port asks for, and words the answer. Each answer is a list of records."""

import heapq
from collections.abc import Awaitable, Callable, Iterable

from alarmd.core import operator_lines, views
from alarmd.core.instant import Instant
from alarmd.core.operator_lines import ALL, ZONE_SIGN, LineError, Listing, Look, read_line
from alarmd.core.records import Command, Record
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.requests import CommandRequested, OperatorRequest
from alarmd.core.state import State
from alarmd.storage.interface import EventFilter, StorageError, StoredEvent

MAX_LISTED = 1000  # records in one answer

OPERATOR = "operator's port"


class OperatorAnswers:
    """submit: an operator's request → the records it made, once stored. read_events: asks the database.
    state is the engine's, used on the loop's thread only."""

    def __init__(
        self,
        *,
        submit: Callable[[OperatorRequest], Awaitable[tuple[Record, ...]]],
        state: State,
        read_events: Callable[[EventFilter], Awaitable[list[StoredEvent]]],
        now: Callable[[], Instant],
        secret: str,
    ) -> None:
        self._submit = submit
        self._state = state
        self._read_events = read_events
        self._now = now
        self._secret = secret

    async def answer(self, line: bytes) -> list[str]:
        """The records that answer a line. Raises LineError if it asks for nothing that could be done."""
        wanted = read_line(line, self._secret, OPERATOR)
        try:
            return await (self._command(wanted) if isinstance(wanted, CommandRequested) else self._look(wanted))
        except RequestRefusedError as refusal:
            return [operator_lines.error_line(*_what(wanted), refusal.reason, refusal.message)]
        except StorageError as error:
            return [operator_lines.error_line(*_what(wanted), "unavailable", str(error))]

    async def _command(self, request: CommandRequested) -> list[str]:
        records = await self._submit(request)
        commands = [record for record in records if isinstance(record, Command)]
        return [operator_lines.queued_line(self._name(one), one.verb, one.id) for one in commands]

    def _name(self, command: Command) -> str:
        session = self._state.by_id.get(command.device_id)
        return session.device.name if session else f"#{command.device_id}"  # forgotten while it was stored

    async def _look(self, look: Look) -> list[str]:
        if look.listing is Listing.EVTS:
            return await self._events(look)
        if look.listing is Listing.SHOW:
            return list(operator_lines.device_lines(self._view(look.target)))
        return self._list(look)

    def _list(self, look: Look) -> list[str]:
        if look.target != ALL and not look.target.startswith(ZONE_SIGN):
            return [operator_lines.device_line(self._view(look.target))]
        names = heapq.nsmallest(MAX_LISTED + 1, self._names(look.target))
        lines = [operator_lines.device_line(self._view(name)) for name in names[:MAX_LISTED]]
        if len(names) > MAX_LISTED:
            lines.append(operator_lines.truncated_line(look, MAX_LISTED))
        return lines

    def _names(self, target: str) -> Iterable[str]:
        if target == ALL:
            return self._state.sessions
        zone = self._state.zone_named(target.removeprefix(ZONE_SIGN))
        if zone is None:
            raise RequestRefusedError("unknown_zone", "target", f"no zone {target[1:]!r}; `alarmd zones` lists them")
        sessions = self._state.sessions.values()
        return (session.device.name for session in sessions if session.device.zone_id == zone.id)

    def _view(self, name: str) -> views.DeviceView:
        view = views.device(self._state, name, self._now())
        if view is None:
            raise RequestRefusedError("unknown_device", "target", f"no device {name!r}; *,LIST shows them")
        return view

    async def _events(self, look: Look) -> list[str]:
        device = None if look.target == ALL else look.target
        stored = await self._read_events(EventFilter(device=device, limit=look.count))
        return [
            operator_lines.event_line(one.device, one.event.received_at, one.event.kind, one.zone, one.event.text)
            for one in stored
        ]


def error_of(error: LineError) -> str:
    return operator_lines.error_line(error.target, error.verb, error.reason, str(error))


def _what(wanted: CommandRequested | Look) -> tuple[str, str]:
    return wanted.target, wanted.verb if isinstance(wanted, CommandRequested) else wanted.listing
