"""What a chat reads: one alarm in some lines, or several in a line each. All is plain text: nothing in it is markup."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime

from alarmd.core.capture import PATIENCE
from alarmd.core.instant import SECOND
from alarmd.core.records import Alarm, AlarmState
from alarmd.core.wording import sentence
from alarmd.storage.interface import StoredAlarm

MAX_TOGETHER = 16  # alarms in one message
MAX_UNITS = 4096  # UTF-16 code units of a message
MAX_LINE = 240  # of them; MAX_TOGETHER lines fit
SIGNS = {AlarmState.RAISED: "🔴", AlarmState.ACKNOWLEDGED: "🟡", AlarmState.CLEARED: "🟢"}
NO_PICTURE = f"no picture within {PATIENCE:.0f} s"
REPEATED = "This may be a repeat: the answer to an earlier attempt was lost."
RULES = "alarmd"  # who clears an alarm whose cause is gone

LocalTime = Callable[[int | None, int], datetime]  # of a zone's id, and a wall time in µs


def text(alarms: Sequence[StoredAlarm], repeated: Collection[int], local: LocalTime, now_wall: int) -> str:
    """repeated: ids of those that may have been told already."""
    lines = alarm_lines(alarms[0], local) if len(alarms) == 1 else _many(alarms, local, now_wall)
    if len(alarms) == 1 and _lacks_picture(alarms[0].alarm, now_wall):
        lines.append(NO_PICTURE)
    return fitted([*lines, REPEATED] if repeated else lines, MAX_UNITS)


def reminders(alarms: Sequence[StoredAlarm], now_wall: int) -> str:
    """Of alarms that nobody acknowledged yet."""
    lines = [f"{_age(stored.alarm, now_wall)}: {sentence(stored.alarm)} (alarm {stored.alarm.id})" for stored in alarms]
    return "\n".join(["⏰ Nobody has acknowledged", *map(clipped, lines)])


def clipped(line: str) -> str:
    """One line that fits and shows what it holds, whoever wrote it."""
    shown = "".join(letter if letter.isprintable() else "·" for letter in line)
    if len(shown.encode("utf-16-le")) <= 2 * MAX_LINE:
        return shown
    return shown.encode("utf-16-le")[: 2 * MAX_LINE - 2].decode("utf-16-le", "ignore") + "…"


def fitted(lines: Iterable[str], units: int) -> str:
    """As many whole lines as fit into so many UTF-16 code units."""
    taken: list[str] = []
    room = units
    for line in map(clipped, lines):
        room -= len(line.encode("utf-16-le")) // 2 + 1
        if room < 2:
            return "\n".join([*taken, "…"])
        taken.append(line)
    return "\n".join(taken)


def alarm_lines(stored: StoredAlarm, local: LocalTime) -> list[str]:
    """What one alarm is, and what became of it."""
    alarm = stored.alarm
    raised = local(alarm.zone_id, alarm.raised_at)
    place = [f"zone {stored.zone}"] if stored.zone else []
    about = ", ".join([*place, f"{raised:%Y-%m-%d %H:%M:%S}", f"alarm {alarm.id}"])
    return [f"{SIGNS[alarm.state]} {sentence(alarm)}", about, *_since(alarm, local)]


def _many(alarms: Sequence[StoredAlarm], local: LocalTime, now_wall: int) -> list[str]:
    raised = sum(stored.alarm.state is AlarmState.RAISED for stored in alarms)
    lines = [_line(stored.alarm, local, now_wall) for stored in alarms]
    return [f"{len(alarms)} alarms, {raised} of them open", *lines]


def _line(alarm: Alarm, local: LocalTime, now_wall: int) -> str:
    raised = local(alarm.zone_id, alarm.raised_at)
    known = f", {alarm.acknowledged_by}" if alarm.state is AlarmState.ACKNOWLEDGED else ""
    lacks = ", no picture" if _lacks_picture(alarm, now_wall) else ""
    return f"{SIGNS[alarm.state]} {raised:%H:%M:%S} {sentence(alarm)} (alarm {alarm.id}{known}{lacks})"


def _lacks_picture(alarm: Alarm, now_wall: int) -> bool:
    return alarm.picture_by is not None and not alarm.pictures and now_wall >= alarm.picture_by


def _age(alarm: Alarm, now_wall: int) -> str:
    minutes = max(0, now_wall - alarm.raised_at) // (60 * SECOND)
    return f"for {minutes} min" if minutes < 120 else f"for {minutes // 60} h"


def _since(alarm: Alarm, local: LocalTime) -> list[str]:
    """What became of it, in the order in which it did."""
    lines = []
    if alarm.acknowledged_at is not None:
        at = local(alarm.zone_id, alarm.acknowledged_at)
        lines.append(f"acknowledged by {alarm.acknowledged_by} at {at:%H:%M:%S}")
    if alarm.cleared_at is not None:
        at = local(alarm.zone_id, alarm.cleared_at)
        by = "over since" if alarm.cleared_by == RULES else f"cleared by {alarm.cleared_by} at"
        lines.append(f"{by} {at:%H:%M:%S}")
    return lines
