"""The buttons under an alarm. What a button means is 64 bytes that come back when somebody presses it, perhaps years
later, and after a backup was restored in which the alarm's number is another's: so they name the alarm's identity
too."""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from alarmd.core.capture import can_be_asked
from alarmd.core.records import Alarm, AlarmKind, AlarmState
from alarmd.core.state import State
from alarmd.storage.interface import StoredAlarm

MUTE = 3600.0  # s
IN_A_ROW = 4
_DATA = re.compile(r"(?P<action>[adms]):(?P<identity>[a-z_]{1,20}:[A-Z]:[0-9a-f]{1,16}):(?P<number>\d{1,19})", re.ASCII)


class Action(StrEnum):
    ACKNOWLEDGE = "a"
    DISARM = "d"
    MUTE = "m"
    SNAPSHOT = "s"


class Pressed(NamedTuple):
    """identity: the alarm's, without what it is about."""

    action: Action
    number: int
    identity: str

    def alarm(self, state: State) -> Alarm | None:
        """The alarm that the button was made for, while it is open, or the one that took its place."""
        if self.number in state.absorbed:
            return state.alarms.get(state.absorbed[self.number])
        alarm = state.alarms.get(self.number)
        return alarm if alarm and alarm.identity.startswith(f"{self.identity}:") else None


def data(action: Action, alarm: Alarm) -> str:
    kind, label, stamp, _ = alarm.identity.split(":", 3)
    return f"{action}:{kind}:{label}:{stamp}:{alarm.id}"


def read(text: str) -> Pressed | None:
    """None: this is no button of ours."""
    found = _DATA.fullmatch(text)
    if found is None:
        return None
    return Pressed(Action(found["action"]), int(found["number"]), found["identity"])


def keyboard(alarms: Sequence[StoredAlarm], state: State) -> InlineKeyboardMarkup | None:
    """Under a message that tells of these; None once there is nothing to press. state: the live one."""
    rows = _of_one(alarms[0], state) if len(alarms) == 1 else _of_many(alarms)
    return InlineKeyboardMarkup(rows) if rows else None


def _of_one(stored: StoredAlarm, state: State) -> list[list[InlineKeyboardButton]]:
    alarm = stored.alarm
    rows = []
    if alarm.state is AlarmState.RAISED:
        rows.append([_button("Acknowledge", Action.ACKNOWLEDGE, alarm)])
    if alarm.kind is AlarmKind.MOTION and alarm.state is not AlarmState.CLEARED and stored.zone and stored.device:
        disarm = _button(f"Disarm {stored.zone}", Action.DISARM, alarm)
        rows.append([disarm, _button(f"Mute {stored.device} 1 h", Action.MUTE, alarm)])
        session = state.by_id.get(alarm.device_id or 0)
        if session is not None and can_be_asked(state, session):
            rows.append([_button(f"Snapshot {stored.device}", Action.SNAPSHOT, alarm)])
    return rows


def _of_many(alarms: Sequence[StoredAlarm]) -> list[list[InlineKeyboardButton]]:
    raised = [stored.alarm for stored in alarms if stored.alarm.state is AlarmState.RAISED]
    buttons = [_button(f"✓ {alarm.id}", Action.ACKNOWLEDGE, alarm) for alarm in raised]
    return [buttons[first : first + IN_A_ROW] for first in range(0, len(buttons), IN_A_ROW)]


def _button(text: str, action: Action, alarm: Alarm) -> InlineKeyboardButton:
    return InlineKeyboardButton(text, callback_data=data(action, alarm))
