"""One turn: one input being decided. Collects the effects and gives out identities, so that no rule does either."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypedDict

from alarmd.core.command_lifecycle import FINAL
from alarmd.core.device_session import DeviceSession
from alarmd.core.effects import (
    Effect,
    EvictHeartbeat,
    RecordEvent,
    RejectFrame,
    SaveAlarm,
    SaveCommand,
    SaveContacts,
    SaveDevice,
)
from alarmd.core.event_kinds import EventKind
from alarmd.core.instant import SECOND, Instant
from alarmd.core.paths import Path
from alarmd.core.records import Alarm, AlarmState, Command, Contact, Device, Event, Presence
from alarmd.core.signed_session import SignedSession
from alarmd.core.state import State
from lfcp import EventId

SOMETIMES = 300.0  # s between two events of a kind that a stranger can provoke
MAX_SAMPLE = 128  # bytes of a rejected frame that are kept for the log


class Said(NamedTuple):
    """When and as what a device itself says that something happened."""

    event: EventId
    age: int  # s


class Made(TypedDict):
    """Who made this version of a record, and when: what two servers order their versions by."""

    origin: str
    hlc: int


class Turn:
    """now: its mono is the rules' own clock, see State.blind."""

    __slots__ = ("effects", "now", "state")

    def __init__(self, state: State, now: Instant) -> None:
        self.state = state
        self.now = now
        self.effects: list[Effect] = []

    def record(
        self,
        kind: EventKind,
        text: str,
        session: DeviceSession | None = None,
        *,
        zone_id: int | None = None,
        alarm_id: int | None = None,
        said: Said | None = None,
    ) -> None:
        """Record an event that happens now, or that a device says has happened."""
        state = self.state
        state.last_event = state.after(state.last_event)
        event = Event(
            origin=state.settings.label,
            sequence=state.last_event,
            hlc=self.stamp(),
            happened_at=self.now.wall - (said.age * SECOND if said else 0),
            received_at=self.now.wall,
            device_id=session.device.id if session else None,
            zone_id=session.device.zone_id if session else zone_id,
            kind=kind,
            text=text,
            boot_id=said.event.boot_id if said else session.boot_id if session else None,
            boot_event=said.event.number if said else None,
            alarm_id=alarm_id,
        )
        self.effects.append(RecordEvent(event))

    def record_sometimes(self, kind: EventKind, text: str, session: DeviceSession, signed: SignedSession) -> None:
        """An event that a stranger can provoke as often as he likes."""
        last = signed.told.get(kind)
        if last is None or self.now.mono - last >= SOMETIMES:
            signed.told = {**signed.told, kind: self.now.mono}
            self.record(kind, text, session)

    def stamp(self) -> int:
        return self.state.clock.stamp(self.now)

    def made(self) -> Made:
        """For a record that this server makes or changes."""
        return Made(origin=self.state.settings.label, hlc=self.stamp())

    def reject(self, path: Path, reason: str, payload: bytes) -> None:
        self.effects.append(RejectFrame(path, reason, payload[:MAX_SAMPLE]))

    def change_device(self, session: DeviceSession, **changes: Any) -> None:
        """Change the device's record, in every table that files it by what changed."""
        self.set_device(session, replace(session.device, **changes, **self.made()))

    def set_device(self, session: DeviceSession, device: Device) -> None:
        """Another version of its record, whoever made it."""
        self.state.leave(session)
        session.device = device
        self.state.enter(session)
        self.effects.append(SaveDevice(session.device))
        self.uncache(session)

    def save_alarm(self, alarm: Alarm) -> None:
        """Keep it while it is open; storage remembers it for ever."""
        if alarm.state is AlarmState.CLEARED:
            self.state.leave_alarm(alarm)
            self.state.remember(self.state.ended_alarms, alarm.id, alarm)
        else:
            self.state.enter_alarm(alarm)
        self.effects.append(SaveAlarm(alarm))

    def save_command(self, command: Command) -> None:
        if command.state in FINAL:
            self.state.remember(self.state.ended_commands, command.id, command)
        self.effects.append(SaveCommand(command))

    def change_command(self, command: Command) -> Command:
        """Save what became of it here, as a version of our own."""
        changed = replace(command, **self.made())
        self.save_command(changed)
        return changed

    def save_contact(self, session: DeviceSession) -> None:
        self.save_contacts((session,))

    def save_contacts(self, sessions: Sequence[DeviceSession]) -> None:
        """Nothing if there are none."""
        for session in sessions:
            session.saved = self.now.mono
            if session.signed is not None:
                session.signed.stored = session.signed.down
        if sessions:
            self.effects.append(SaveContacts(tuple(contact(self.state, session, self.now) for session in sessions)))

    def uncache(self, session: DeviceSession) -> None:
        """From now on its heartbeats come through the rules again, and through all of them."""
        if session.signed is not None:
            session.signed.usual = None
        if session.cached:
            session.cached = False
            self.effects.append(EvictHeartbeat(session))


def contact(state: State, session: DeviceSession, now: Instant) -> Contact:
    """now: its mono on the rules' clock."""
    asleep_until = session.asleep_until if session.presence is Presence.ASLEEP else None
    signed, presence = session.signed, session.presence
    if presence is Presence.LATE and session.loss_alarm is not None:
        presence = Presence.ELSEWHERE  # until it is found or lost: the alarm of the path to it goes on over a restart
    return Contact(
        device_id=session.device.id,
        presence=presence,
        last_contact=now.wall - round(state.seconds_since(session.seen, now.mono) * SECOND),
        address=str(session.path) if session.path else "",
        asleep_until=None if asleep_until is None else now.wall_at(asleep_until),
        counter_up=signed.up.highest if signed else 0,
        counter_down=signed.down if signed else 0,
        boots=str(signed.boots) if signed else "",
    )
