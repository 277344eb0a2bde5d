"""What a chat reads under pictures. A picture that was not fresh when it arrived says so: it shows the past."""

from collections.abc import Sequence
from datetime import datetime

from alarmd.core.capture import PATIENCE
from alarmd.core.instant import SECOND
from alarmd.relays.telegram.photos import MAX_FILE
from alarmd.relays.telegram.references import Shown
from alarmd.relays.telegram.wording import REPEATED, LocalTime, alarm_lines, fitted
from alarmd.storage.interface import StoredAlarm

MAX_CAPTION = 1024  # UTF-16 code units
FRESH = round(PATIENCE * SECOND)  # µs
_SPANS = ((86_400, "d"), (3600, "h"), (60, "min"))


def of_alarm(stored: StoredAlarm, shown: Shown | None, local: LocalTime, *, repeated: bool = False) -> str:
    """The alarm's own message, as a caption. shown: None if nobody knows any more."""
    alarm = stored.alarm
    what, about, *since = alarm_lines(stored, local)
    if shown is not None:  # before what may not fit any more
        since.insert(0, f"picture {_taken([shown], alarm.zone_id, local, local(alarm.zone_id, alarm.raised_at))}")
    return _caption([what, about, *since], repeated)


def of_pictures(
    what: str,
    shown: Sequence[Shown],
    zone_id: int | None,
    local: LocalTime,
    *,
    missing: int,
    repeated: bool,
) -> str:
    """Of pictures with a message of their own. missing: how many more the archive has no longer."""
    lines = [what]
    if shown:
        lines.append(_taken(shown, zone_id, local, None))
    if missing:
        lines.append(gone(missing))
    return _caption(lines, repeated)


def of_film(what: str, size: int, *, repeated: bool) -> str:
    """size: bytes; 0 when the archive has it no longer."""
    lines = [what]
    if not size:
        lines.append("the film is no longer in the archive")
    elif size > MAX_FILE:
        lines.append(
            f"the film is larger than the {MAX_FILE // 1_000_000} MB that a bot may send; it is in the archive"
        )
    return _caption(lines, repeated)


def gone(count: int) -> str:
    return "a picture is no longer in the archive" if count == 1 else f"{count} pictures are no longer in the archive"


def _taken(shown: Sequence[Shown], zone_id: int | None, local: LocalTime, day: datetime | None) -> str:
    """When, in local time, and how long before they came if that was long. day: what needs no date."""
    first, last = min(one.captured_at for one in shown), max(one.captured_at for one in shown)
    at = local(zone_id, first)
    same_day = day is not None and at.date() == day.date()
    said = f"taken {at:%H:%M:%S}" if same_day else f"taken {at:%Y-%m-%d %H:%M:%S}"
    if last - first >= SECOND:
        said += f" to {local(zone_id, last):%H:%M:%S}"
    age = max(one.received_at - one.captured_at for one in shown)
    if age <= FRESH:
        return said
    return f"{said}, {'up to ' if len(shown) > 1 else ''}{_span(age // SECOND)} before {_it(shown)} arrived"


def _it(shown: Sequence[Shown]) -> str:
    return "it" if len(shown) == 1 else "they"


def _span(seconds: int) -> str:
    """In the largest unit of which there are two or more."""
    size, unit = next(((size, unit) for size, unit in _SPANS if seconds >= 2 * size), (1, "s"))
    return f"{seconds // size} {unit}"


def _caption(lines: list[str], repeated: bool) -> str:
    return fitted([*lines, REPEATED] if repeated else lines, MAX_CAPTION)
