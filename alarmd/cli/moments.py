"""Times as people write and read them: `2h`, `yesterday`, ISO 8601; local, with the age."""

import re
from datetime import UTC, datetime, time, timedelta
from typing import Any

import click

from alarmd.web.times import to_wall

UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
MAX_SECONDS = 100 * 365 * 86_400.0
_SPAN = re.compile(r"(?P<number>\d+(\.\d+)?) ?(?P<unit>s|m|min|h|d|w)?( ago)?", re.ASCII)
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2})?", re.ASCII)
MOMENT_FORMS = "2h, 30m, 3d, today, yesterday, 07:30 or 2026-11-21T07:30"
SPAN_FORMS = "90, 90s, 15m, 2h or 3d"


class Span(click.ParamType[float]):
    """Seconds: a number, or one with a unit."""

    name = "duration"

    def __init__(self, minimum: float = 0, maximum: float = MAX_SECONDS) -> None:
        self._minimum = minimum
        self._maximum = maximum

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):  # a default
            return value
        try:
            seconds = seconds_of(value)
        except ValueError:
            self.fail(f"{value!r} is no duration; write {SPAN_FORMS}", param, ctx)
        if not self._minimum <= seconds <= self._maximum:
            self.fail(f"{value!r} is not from {self._minimum:g} to {self._maximum:g} seconds", param, ctx)
        return seconds


class Moment(click.ParamType[int]):
    """A moment in the past, as wall-clock microseconds UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return max(to_wall(moment_of(value, datetime.now(UTC).astimezone())), 0)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time; write {MOMENT_FORMS}", param, ctx)


def seconds_of(text: str) -> float:
    """Raises ValueError."""
    found = _SPAN.fullmatch(text.strip())
    seconds = float(found["number"]) * UNITS[found["unit"] or "s"] if found else MAX_SECONDS + 1
    if seconds > MAX_SECONDS:
        raise ValueError(text)
    return seconds


def moment_of(text: str, now: datetime) -> datetime:
    """now: with the local time zone, which what is written without one is in. Raises ValueError."""
    word = text.strip().lower()
    if word == "now":
        return now
    if word in ("today", "yesterday"):
        return _local(now.date() - timedelta(days=word == "yesterday"), time())
    if _CLOCK.fullmatch(word):
        return _local(now.date(), time.fromisoformat(word.zfill(5) if len(word) < 6 else word.zfill(8)))
    span = _SPAN.fullmatch(word)
    if span is not None and span["unit"]:
        return now - timedelta(seconds=seconds_of(word))
    written = datetime.fromisoformat(text.strip())
    return written if written.tzinfo else written.astimezone()


def _local(day: Any, clock: time) -> datetime:
    return datetime.combine(day, clock).astimezone()  # by the zone's rules of that day, not of today


def shown(moment: datetime | None, now: datetime | None = None) -> str:
    """Local time and age; empty for none."""
    if moment is None:
        return ""
    now = now or datetime.now(UTC)
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S} ({age((now - moment).total_seconds())})"


def age(seconds: float) -> str:
    """Rough, as people say it."""
    return f"in {_rough(-seconds)}" if seconds <= -1 else f"{_rough(max(seconds, 0))} ago"


def _rough(seconds: float) -> str:
    for unit, size, limit in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 48)):
        if seconds < size * limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"


def span_shown(seconds: float) -> str:
    """A duration of a setting: exact when it is short, rough otherwise."""
    return f"{seconds:g} s" if seconds < 600 else _rough(seconds)
