"""Rejected frames in the log: a sample of each, so many a minute, and never a secret.

A flood of garbage must not fill the disk or slow the server; the metrics count every frame.
"""

import re
from collections.abc import Callable

import structlog

from alarmd.core.paths import Path
from lfcp import VERBS

SAMPLES = 10  # of each reason in one period
PERIOD = 60.0  # s
MAX_REASONS = 100  # reasons told apart; the rules have fewer
SAMPLE_LENGTH = 80  # bytes of the frame that are shown

_SECRET_VERBS = (name.encode() for name, verb in VERBS.items() if verb.secret)
_BOT_TOKEN = rb"\d{5,}:[\w-]{20,}"  # Telegram's form; a 2020 camera sends its own on in any verb
_SECRET = re.compile(b"|".join((*_SECRET_VERBS, _BOT_TOKEN)), re.IGNORECASE)
_log = structlog.get_logger(__name__)


class RejectedFrames:
    """mono: monotonic seconds."""

    def __init__(self, mono: Callable[[], float]) -> None:
        self._mono = mono
        self._period_ends = 0.0
        self._told: dict[str, int] = {}

    def tell(self, path: Path, reason: str, sample: bytes) -> None:
        """Log this one, unless enough of its kind were logged in this period."""
        mono = self._mono()
        if mono >= self._period_ends:
            self._end_period(mono)
        if reason not in self._told and len(self._told) >= MAX_REASONS:
            return
        count = self._told[reason] = self._told.get(reason, 0) + 1
        if count <= SAMPLES:
            _log.info("frame rejected", reason=reason, path=str(path), frame=printable(sample))

    def _end_period(self, mono: float) -> None:
        for reason, count in self._told.items():
            if count > SAMPLES:
                _log.info("more frames rejected", reason=reason, not_logged=count - SAMPLES)
        self._told.clear()
        self._period_ends = mono + PERIOD


def printable(frame: bytes) -> str:
    """The start of a frame as ASCII, the rest escaped; cut where a secret, or a verb that carries one, begins."""
    found = _SECRET.search(frame)
    if found is None:
        return escaped(frame)
    verb = "" if found[0][:1].isdigit() else found[0].decode()
    return escaped(frame[: found.start()]) + verb + " and more, not shown: it may be secret"


def escaped(frame: bytes) -> str:
    shown = frame[:SAMPLE_LENGTH].decode("latin-1").encode("unicode_escape").decode("ascii")
    return shown + "…" if len(frame) > SAMPLE_LENGTH else shown
