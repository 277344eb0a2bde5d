"""Pictures on their way to one server, one at a time: offered, gone on with where they broke, given up in the end."""

import math
from collections import deque
from collections.abc import Callable

from lfcp.constants import UPLOAD_AGAIN_MS, UPLOAD_GO_ON, UPLOAD_LATER, UPLOAD_TRIES, Trigger
from lfcp.uploads import Answer, Part, picture_digest

QUEUE_LIMIT = 4  # pictures that wait for one server
AGAIN_FIRST = UPLOAD_AGAIN_MS / 1000  # s; each further wait is twice the one before
SPREAD = 0.1  # each wait is up to this part longer, so that a fleet does not come again in step


class QueuedPicture:
    """offset: what the server has; None: it is to be asked."""

    __slots__ = ("_digest", "_trigger", "data", "offset", "upload")

    def __init__(self, upload: str, data: bytes, trigger: Trigger) -> None:
        self.upload = upload
        self.data = data
        self.offset: int | None = None
        self._trigger = trigger
        self._digest = picture_digest(data)

    @property
    def part(self) -> Part:
        total = len(self.data)
        return Part(self.upload, total if self.offset is None else self.offset, total, self._digest, self._trigger)


class PictureQueue:
    """Oldest first. Times are monotonic seconds. jitter: from 0 to 1. given_up: how many were tried often enough."""

    __slots__ = ("_best", "_due", "_jitter", "_pictures", "_tries", "_under_way", "given_up")

    def __init__(self, jitter: Callable[[], float]) -> None:
        self._jitter = jitter
        self._pictures: deque[QueuedPicture] = deque()
        self._under_way = False
        self._due = -math.inf
        self._tries = 0  # in a row, after which the server had nothing more
        self._best = 0  # bytes that the server had at most
        self.given_up = 0

    def __len__(self) -> int:
        return len(self._pictures)

    def put(self, upload: str, data: bytes, trigger: Trigger) -> bool:
        """False: too many wait already, or it is this one again."""
        if len(self._pictures) >= QUEUE_LIMIT or any(each.upload == upload for each in self._pictures):
            return False
        self._pictures.append(QueuedPicture(upload, data, trigger))
        return True

    def poll(self, now: float) -> QueuedPicture | None:
        """What to announce now; nothing before it has its answer or the connection broke."""
        if now < self.next_wakeup():
            return None
        self._under_way = True
        return self._pictures[0]

    def next_wakeup(self) -> float:
        """When poll() has something; math.inf: there is nothing, or it is under way."""
        return self._due if self._pictures and not self._under_way else math.inf

    def answered(self, answer: Answer, now: float) -> bool:
        """Whether it answers the one that is under way."""
        if not self._under_way or answer.upload != self._pictures[0].upload:
            return False
        self._under_way = False
        if answer.result == UPLOAD_GO_ON:
            self._go_on(answer.offset, now)
        elif answer.result == UPLOAD_LATER:
            self._try_again(now)
        else:
            self._drop()
        return True

    def broken(self, now: float) -> None:
        """The connection ended, or no answer came. Whatever was under way is asked for again."""
        if self._under_way:
            self._under_way = False
            self._try_again(now)

    def _go_on(self, offset: int, now: float) -> None:
        """An offset instead of an end, after a part was sent, is a try in vain; so is one that cannot be."""
        picture = self._pictures[0]
        asked, picture.offset = picture.offset is None, offset
        if offset > self._best:
            self._best, self._tries = offset, 0
        if not asked or offset >= len(picture.data):
            self._try_again(now)

    def _try_again(self, now: float) -> None:
        self._tries += 1
        if self._tries >= UPLOAD_TRIES:
            self.given_up += 1
            self._drop()
            return
        self._pictures[0].offset = None
        self._due = now + AGAIN_FIRST * math.pow(2, self._tries - 1) * (1 + SPREAD * self._jitter())

    def _drop(self) -> None:
        self._pictures.popleft()
        self._due = -math.inf
        self._tries = self._best = 0
