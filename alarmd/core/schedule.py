"""When a zone that follows its schedule is armed.

Grammar: rules separated by ";", each `DAYS FROM-TO`, for example `mo-fr 22:00-06:00; sa,su 00:00-24:00`. Days are
mo tu we th fr sa su, ranges or lists; a span whose end is not after its start runs into the next day and belongs to the
day it starts on. Times are local to the zone's site, so that a change to summer time moves no alarm. Empty: always.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from alarmd.core.instant import SECOND

DAYS = ("mo", "tu", "we", "th", "fr", "sa", "su")
MAX_RULES = 20
MAX_SCHEDULE = 1000  # characters
MINUTES_A_DAY = 24 * 60
_RULE = re.compile(r"(?P<days>[a-z,-]+) +(?P<from>\d{2}:\d{2})-(?P<to>\d{2}:\d{2})", re.ASCII)


class Span(NamedTuple):
    """weekday: 0 is Monday. start, end: minutes since that day's midnight; end may lie in the next day."""

    weekday: int
    start: int
    end: int


def parse_schedule(text: str) -> tuple[Span, ...]:
    """The spans of a schedule. Raises ValueError that quotes the rule at fault and shows a right one."""
    if len(text) > MAX_SCHEDULE:
        raise ValueError(f"{len(text)} characters, at most {MAX_SCHEDULE} are allowed")
    rules = [rule.strip() for rule in text.lower().split(";") if rule.strip()]
    if len(rules) > MAX_RULES:
        raise ValueError(f"{len(rules)} rules, at most {MAX_RULES} are allowed")
    return tuple(span for rule in rules for span in _spans(rule))


def armed_at(spans: tuple[Span, ...], wall: int, zone: tzinfo) -> bool:
    """Whether a moment (µs UTC) lies in one of the spans, by the local clock of `zone`; no spans: always."""
    if not spans:
        return True
    local = datetime.fromtimestamp(wall / SECOND, UTC).astimezone(zone)
    minute = local.hour * 60 + local.minute
    today, yesterday = local.weekday(), (local - timedelta(days=1)).weekday()
    return any(
        (span.weekday == today and span.start <= minute < span.end)
        or (span.weekday == yesterday and minute < span.end - MINUTES_A_DAY)
        for span in spans
    )


def _spans(rule: str) -> list[Span]:
    match = _RULE.fullmatch(rule)
    if match is None:
        raise ValueError(f"{rule!r} is not a rule; write for example 'mo-fr 22:00-06:00'")
    start, end = _minutes(match["from"], rule), _minutes(match["to"], rule)
    if end <= start:
        end += MINUTES_A_DAY
    return [Span(day, start, end) for day in _days(match["days"], rule)]


def _days(text: str, rule: str) -> list[int]:
    days: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise ValueError(f"{rule!r} has days other than {' '.join(DAYS)}")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        days += [day % 7 for day in range(begin, (end if end >= begin else end + 7) + 1)]
    return days


def _minutes(text: str, rule: str) -> int:
    hours, minutes = int(text[:2]), int(text[3:])
    if minutes > 59 or hours * 60 + minutes > MINUTES_A_DAY:
        raise ValueError(f"{rule!r} has a time outside 00:00-24:00")
    return hours * 60 + minutes
