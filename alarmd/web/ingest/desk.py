"""What every upload goes through, whatever way it came: stored and committed, or refused in words."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from alarmd.core.inputs import CameraIntroduced
from alarmd.core.instant import Instant
from alarmd.core.refusals import RequestRefusedError
from alarmd.frames.errors import ArchiveError, ArchiveFullError, PictureFault, PictureRefusedError
from alarmd.frames.intake import Upload
from alarmd.metrics import Metrics
from alarmd.storage.interface import StorageError
from alarmd.web.errors import status_of
from alarmd.web.ingest.messages import Answer, Head, UploadRefusedError, refused
from alarmd.web.ingest.senders import Doorkeeper

AWAY_RETRY = 30  # s until a database that is away may be back
FULL_RETRY = 300  # s until a full disk may have room
SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class UploadDesk:
    """take: returns once the picture is stored and committed. introduce: the same for what a camera says of itself."""

    doorkeeper: Doorkeeper
    take: Callable[[Upload], Awaitable[object]]
    introduce: Callable[[CameraIntroduced], Awaitable[object]]
    now: Callable[[], Instant]
    metrics: Metrics

    async def store(self, upload: Upload) -> None:
        await _in_words(self.take(upload))

    async def know(self, introduced: CameraIntroduced) -> None:
        await _in_words(self.introduce(introduced))


async def _in_words(work: Awaitable[object]) -> None:
    try:
        await work
    except PictureRefusedError as error:
        status = 413 if error.reason is PictureFault.TOO_LONG else 422
        raise UploadRefusedError(status, error.reason, "body", error.message) from error
    except RequestRefusedError as error:
        status = 403 if error.reason == "wrong_fingerprint" else status_of(error.reason)
        retry_after = AWAY_RETRY if status >= SERVER_ERROR else 0
        raise UploadRefusedError(status, error.reason, error.field, error.message, retry_after=retry_after) from error
    except ArchiveFullError as error:
        raise UploadRefusedError(
            507, "archive_full", "", "the disk has no room for pictures; make some", retry_after=FULL_RETRY
        ) from error
    except (ArchiveError, StorageError) as error:
        raise UploadRefusedError(
            503, "unavailable", "", "the picture cannot be stored now; send it again", retry_after=AWAY_RETRY
        ) from error


class Arrival:
    """One request; each way of uploading is a subclass. way: the metrics' label."""

    way = "other"

    def __init__(self, desk: UploadDesk, head: Head) -> None:
        self.desk = desk
        self.head = head

    def begin(self) -> Answer | None:
        """Before the body is read. An answer ends the request; raises UploadRefusedError."""
        raise NotImplementedError

    async def finish(self, body: bytes) -> Answer:
        """Raises UploadRefusedError."""
        raise NotImplementedError

    def refused(self, error: UploadRefusedError) -> Answer:
        self.desk.metrics.upload(self.way, error.reason)
        return self.render(error)

    def render(self, error: UploadRefusedError) -> Answer:
        return refused(error)

    def accepted(self, answer: Answer, size: int) -> Answer:
        self.desk.metrics.upload(self.way, "accepted", size)
        return answer
