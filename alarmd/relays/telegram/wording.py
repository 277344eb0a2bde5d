"""What a chat reads: one alarm in some lines, or several in a line each. All is plain text: nothing in it is markup."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from alarmd.core.instant import SECOND
from alarmd.core.records import Alarm, AlarmState
from alarmd.core.wording import sentence
from alarmd.storage.interface import StoredAlarm

MAX_TOGETHER = 16  # alarms in one message
MAX_LINE = 240  # UTF-16 code units; so many lines together are less than the 4096 of a message
SIGNS = {AlarmState.RAISED: "🔴", AlarmState.ACKNOWLEDGED: "🟡", AlarmState.CLEARED: "🟢"}
REPEATED = "This may be a repeat: the answer to an earlier attempt was lost."
RULES = "alarmd"  # who clears an alarm whose cause is gone

LocalTime = Callable[[int | None, int], datetime]  # of a zone's id, and a wall time in µs


def text(alarms: Sequence[StoredAlarm], repeated: Collection[int], local: LocalTime) -> str:
    """repeated: ids of those that may have been told already."""
    if len(alarms) > 1:
        return _many(alarms, repeated, local)
    (only,) = alarms
    return "\n".join(map(clipped, _one(only, bool(repeated), local)))


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


def _one(stored: StoredAlarm, repeated: bool, local: LocalTime) -> list[str]:
    alarm = stored.alarm
    raised = local(alarm.zone_id, alarm.raised_at)
    place = [f"zone {stored.zone}"] if stored.zone else []
    about = ", ".join([*place, f"{raised:%Y-%m-%d %H:%M:%S}", f"alarm {alarm.id}"])
    lines = [f"{SIGNS[alarm.state]} {sentence(alarm)}", about, *_since(alarm, local)]
    return [*lines, REPEATED] if repeated else lines


def _many(alarms: Sequence[StoredAlarm], repeated: Collection[int], local: LocalTime) -> str:
    raised = sum(stored.alarm.state is AlarmState.RAISED for stored in alarms)
    lines = [f"{len(alarms)} alarms, {raised} of them open"]
    lines += [clipped(_line(stored.alarm, local)) for stored in alarms]
    return "\n".join([*lines, REPEATED] if repeated else lines)


def _line(alarm: Alarm, local: LocalTime) -> str:
    raised = local(alarm.zone_id, alarm.raised_at)
    known = f", {alarm.acknowledged_by}" if alarm.state is AlarmState.ACKNOWLEDGED else ""
    return f"{SIGNS[alarm.state]} {raised:%H:%M:%S} {sentence(alarm)} (alarm {alarm.id}{known})"


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
