"""What every upload goes through, whatever way it came: stored and committed, or refused in words."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from alarmd.core.inputs import CameraIntroduced
from alarmd.core.instant import Instant
from alarmd.core.refusals import RequestRefusedError
from alarmd.frames.errors import ArchiveError, ArchiveFullError, PictureFault, PictureRefusedError
from alarmd.frames.intake import Upload
from alarmd.metrics import Metrics
from alarmd.storage.interface import StorageError
from alarmd.web.errors import status_of
from alarmd.web.ingest.messages import Answer, Finish, Head, UploadRefusedError, refused
from alarmd.web.ingest.senders import Doorkeeper, Sender

AWAY_RETRY = 30  # s until a database that is away may be back
FULL_RETRY = 300  # s until a full disk may have room
RATE_RETRY = 5  # s until a device that sent too much may send some more
RETRY = {429: RATE_RETRY, 503: AWAY_RETRY, 500: AWAY_RETRY}  # after a refusal by the rules, by its status
WRONG_FINGERPRINT = "wrong_fingerprint"  # the rules' reason
TELL_EVERY = 60.0  # s between two log lines of one reason; the metrics count every refusal

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class UploadDesk:
    """take: returns once the picture is stored and committed. introduce: the same for what a camera says of itself."""

    doorkeeper: Doorkeeper
    take: Callable[[Upload], Awaitable[object]]
    introduce: Callable[[CameraIntroduced], Awaitable[object]]
    now: Callable[[], Instant]
    metrics: Metrics
    _told_at: dict[str, float] = field(default_factory=dict, init=False)

    async def store(self, upload: Upload) -> None:
        await _in_words(self.take(upload))

    async def know(self, introduced: CameraIntroduced) -> None:
        await _in_words(self.introduce(introduced))

    def tell_refusal(self, reason: str, source: str, device: str) -> None:
        """device: empty as long as it is not known."""
        mono = self.now().mono
        if mono - self._told_at.get(reason, -TELL_EVERY) >= TELL_EVERY:
            self._told_at[reason] = mono
            _log.warning("an upload was refused", reason=reason, address=source, device=device)


def wrong_fingerprint() -> UploadRefusedError:
    """The genuine service's code for it is FORBIDDEN_INVALID_FINGERPRINT."""
    return UploadRefusedError(
        403,
        "invalid_fingerprint",
        "Fingerprint",
        "the fingerprint is not valid: this token belongs to another camera; give this one a token of its own",
    )


async def _in_words(work: Awaitable[object]) -> None:
    try:
        await work
    except PictureRefusedError as error:
        status = 413 if error.reason is PictureFault.TOO_LONG else 422
        raise UploadRefusedError(status, error.reason, "body", error.message) from error
    except RequestRefusedError as error:
        if error.reason == WRONG_FINGERPRINT:
            raise wrong_fingerprint() from error
        status = status_of(error.reason)
        raise UploadRefusedError(
            status, error.reason, error.field, error.message, retry_after=RETRY.get(status, 0)
        ) from error
    except ArchiveFullError as error:
        raise UploadRefusedError(
            507, "archive_full", "", "the disk has no room for pictures; make some", retry_after=FULL_RETRY
        ) from error
    except (ArchiveError, StorageError) as error:
        raise UploadRefusedError(
            503, "unavailable", "", "the picture cannot be stored now; send it again", retry_after=AWAY_RETRY
        ) from error


class Arrival(ABC):
    """One request; each way of uploading is a subclass. way: the metrics' label."""

    way = "other"

    def __init__(self, desk: UploadDesk, head: Head) -> None:
        self.desk = desk
        self.head = head
        self.device = ""

    @abstractmethod
    def begin(self) -> Answer | Finish:
        """Before the body is read: the answer, or what is to be done with the body. Both raise UploadRefusedError."""

    def admit(self, sender: Sender) -> Sender:
        self.device = sender.device
        if not sender.welcome:
            raise UploadRefusedError(
                403, "wrong_source", "", "this camera uploads from other networks; see `alarmd camera show`"
            )
        return sender

    def refused(self, error: UploadRefusedError) -> Answer:
        self.desk.metrics.upload(self.way, error.reason)
        self.desk.tell_refusal(error.reason, self.head.source, self.device)
        return self.render(error)

    def render(self, error: UploadRefusedError) -> Answer:
        return refused(error)

    def accepted(self, answer: Answer, size: int) -> Answer:
        self.desk.metrics.upload(self.way, "accepted", size)
        return answer
