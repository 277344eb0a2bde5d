"""Pictures over LFCP: their bytes are gathered, kept where a connection broke, checked and handed on.

Whether a picture may come is the rules' decision; here is what it costs at most. Each device has one place for a
picture and one for a live one, which counts with all the bytes that were announced for it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog

from alarmd.adapters.partial_picture import PartialPicture
from alarmd.adapters.tcp_connection import LineConnection
from alarmd.core.effects import TakePart
from alarmd.core.inputs import Input, PartSettled
from alarmd.core.instant import Instant
from alarmd.core.paths import Path
from alarmd.core.records import Trigger
from alarmd.core.refusals import UNAVAILABLE, RequestRefusedError
from alarmd.core.uploads import UploadReason, result_of
from alarmd.frames.errors import ArchiveError, ArchiveFullError, PictureRefusedError
from alarmd.frames.intake import Upload
from alarmd.frames.live import LiveHub
from lfcp import Part
from lfcp import Trigger as WireTrigger
from lfcp.constants import PARTIAL_KEPT_MS, UPLOAD_GO_ON, UPLOAD_STORED
from lfcp.messages import UNUSED

MAX_BYTES = 64 << 20  # of all places together
MAX_PLACES = 1024

_log = structlog.get_logger(__name__)

Place = tuple[str, bool]  # device, and whether it is live


class UploadLimits(NamedTuple):
    """bytes, places: of all pictures under way or kept in parts. kept: s that a part is kept without a connection."""

    bytes: int = MAX_BYTES
    places: int = MAX_PLACES
    kept: float = PARTIAL_KEPT_MS / 1000


LIMITS = UploadLimits()


class Outcome(NamedTuple):
    result: int
    detail: str = UNUSED

    @classmethod
    def refused(cls, reason: UploadReason) -> "Outcome":
        return cls(result_of(reason), reason)


STORED = Outcome(UPLOAD_STORED)


class Uploads:
    """take_in: returns when a picture is stored and committed; raises what Intake.take raises. close_when_answered: see
    LfcpLines."""

    def __init__(
        self,
        *,
        take_in: Callable[[Upload], Awaitable[object]],
        live: LiveHub,
        submit: Callable[[Input, Instant], None],
        close_when_answered: Callable[[Path], None],
        loop: asyncio.AbstractEventLoop,
        now: Callable[[], Instant],
        limits: UploadLimits = LIMITS,
    ) -> None:
        self._take_in = take_in
        self._live = live
        self._submit = submit
        self._close_when_answered = close_when_answered
        self._loop = loop
        self._now = now
        self._limits = limits
        self._places: dict[Place, PartialPicture] = {}
        self._owed: dict[LineConnection, bool] = {}  # those that wait for an answer; whether it is their last
        self._tasks: set[asyncio.Task[None]] = set()
        self.bytes = 0  # that are spoken for

    def take(self, connection: LineConnection, taken: TakePart) -> None:
        """The rules accept a line that this connection just sent; the bytes behind it, if any, are what comes next."""
        if connection in self._owed:
            connection.close()  # it did not wait for its answer
            return
        self._owed[connection] = False
        outcome = self._begin(connection, taken)
        if outcome is not None:
            self._settle(connection, taken, outcome)

    def owes(self, connection: LineConnection) -> bool:
        """Whether a connection that says nothing more has to stay until it has its answer. Then it is closed."""
        if connection in self._owed:
            self._owed[connection] = True
            return True
        return False

    def closed(self, connection: LineConnection) -> None:
        self._owed.pop(connection, None)

    def close(self) -> None:
        """What is not stored yet is not answered, and comes again."""
        for task in self._tasks:
            task.cancel()
        for place in list(self._places):
            self._forget(place)

    def _begin(self, connection: LineConnection, taken: TakePart) -> Outcome | None:
        """None: the bytes are awaited."""
        part, place = taken.part, (taken.device, taken.part.trigger is WireTrigger.LIVE)
        if not self._is_free(place, part):
            return Outcome.refused(UploadReason.BUSY)
        picture = self._places.get(place)
        have = 0 if picture is None else len(picture)
        if not part.length or part.offset > have:
            return Outcome(UPLOAD_GO_ON, str(have))
        if picture is None:
            if not self._make_room(part.total):
                return Outcome.refused(UploadReason.BUSY)
            picture = self._places[place] = PartialPicture(part)
            self.bytes += part.total
        picture.go_on(part.offset, connection)
        connection.body = _Receiving(self, place, picture, connection, taken)
        return None

    def _is_free(self, place: Place, part: Part) -> bool:
        """For this picture: nothing is there, or a part of it, or of one that nobody goes on with."""
        picture = self._places.get(place)
        if picture is None:
            return True
        if picture.storing:
            return False
        if picture.is_of(part):
            if picture.connection is not None:  # a broken one, as the device knows before we do
                picture.connection.abort()
            return True
        if picture.connection is None:
            self._forget(place)
        return picture.connection is None

    def _make_room(self, total: int) -> bool:
        """At the cost of parts that wait for their rest, those that came first first."""
        waiting = [place for place, picture in self._places.items() if picture.expiry is not None]
        while self.bytes + total > self._limits.bytes or len(self._places) >= self._limits.places:
            if not waiting:
                return False
            self._forget(waiting.pop(0))
        return True

    def _forget(self, place: Place) -> None:
        picture = self._places.pop(place)
        self.bytes -= picture.total
        if picture.expiry is not None:
            picture.expiry.cancel()

    def completed(self, received: "_Receiving") -> None:
        data = received.picture.hand_on()
        if data is None:
            self._finish(received, Outcome.refused(UploadReason.BAD_DIGEST))
        elif received.taken.part.trigger is WireTrigger.LIVE:
            self._live.publish(received.taken.device, data)
            self._finish(received, STORED)
        else:
            task = self._loop.create_task(self._store(received, data))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def cut(self, received: "_Receiving") -> None:
        """The connection broke. The rest may come on another one."""
        received.picture.connection = None
        self._owed.pop(received.connection, None)
        if received.taken.part.trigger is WireTrigger.LIVE:
            self._forget(received.place)
        else:
            received.picture.expiry = self._loop.call_later(self._limits.kept, self._forget, received.place)

    async def _store(self, received: "_Receiving", data: bytes) -> None:
        taken = received.taken
        part = taken.part
        upload = Upload(taken.device, data, Trigger(part.trigger.value), upload=part.upload, was_announced=True)
        try:
            await self._take_in(upload)
        except PictureRefusedError:
            outcome = Outcome.refused(UploadReason.NOT_A_PICTURE)
        except (ArchiveError, RequestRefusedError) as error:
            outcome = Outcome.refused(_reason_of(error))
        except Exception:  # a defect must not leave the device without an answer, nor its place taken
            _log.exception("a picture could not be stored", device=taken.device)
            outcome = Outcome.refused(UploadReason.FAILED)
        else:
            outcome = STORED
        self._finish(received, outcome)

    def _finish(self, received: "_Receiving", outcome: Outcome) -> None:
        self._forget(received.place)
        self._settle(received.connection, received.taken, outcome)

    def _settle(self, connection: LineConnection, taken: TakePart, outcome: Outcome) -> None:
        """Soon, and not in the middle of the turn that is being carried out."""
        settled = PartSettled(taken.path, taken.device, taken.part.upload, taken.answers, *outcome)
        self._loop.call_soon(self._answer, connection, settled)

    def _answer(self, connection: LineConnection, settled: PartSettled) -> None:
        self._submit(settled, self._now())
        if self._owed.pop(connection, False):
            self._close_when_answered(connection.path)


class _Receiving(NamedTuple):
    """The bytes behind one line."""

    uploads: Uploads
    place: Place
    picture: PartialPicture
    connection: LineConnection
    taken: TakePart

    def take(self, data: bytes) -> None:
        if self.picture.add(data):
            self.uploads.completed(self)

    def cut(self) -> None:
        self.uploads.cut(self)


def _reason_of(error: ArchiveError | RequestRefusedError) -> UploadReason:
    full = isinstance(error, ArchiveFullError)
    unavailable = isinstance(error, RequestRefusedError) and error.reason == UNAVAILABLE
    return UploadReason.NO_ROOM if full or unavailable else UploadReason.FAILED
