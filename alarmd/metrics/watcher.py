"""What is counted by watching the rules: a turn's input, its effects and its time. They know nothing of it.

Called for every turn that no cache answers, so it must cost a microsecond or two: look-ups by type, no
formatting.
"""

from collections.abc import Callable, Sequence
from typing import Any

from alarmd.core import inputs
from alarmd.core.effects import (
    Effect,
    RecordEvent,
    RejectFrame,
    SaveAlarm,
    SaveCommand,
    SaveContacts,
    SaveDevice,
    SavePicture,
    SendFrame,
)
from alarmd.core.event_kinds import EventKind
from alarmd.core.instant import SECOND
from alarmd.core.records import Alarm, AlarmKind, AlarmState, CommandState, Contact, Device, Event, Trigger
from alarmd.core.settings import Settings
from alarmd.core.snapshot import Snapshot
from alarmd.metrics import catalogue
from alarmd.metrics.families import OTHER, Families, Histogram, LabelValues, Tally
from lfcp.constants import VERBS
from lfcp.tunnel import is_tunnel

USUAL_LIMIT = Settings().report_within
UNCLASSIFIED = "unclassified"
TUNNEL = "tunnel"
LOSSES = (AlarmKind.CONTACT_LOST, AlarmKind.SITE_LOST, AlarmKind.UPLINK_LOST)
OUTCOMES = (CommandState.ACKED, CommandState.FAILED, CommandState.EXPIRED)
INPUTS: dict[type[inputs.Input], str] = {
    inputs.FrameReceived: "frame",
    inputs.HeartbeatsRepeated: "heartbeats",
    inputs.TimerFired: "timer",
    inputs.PeerTold: "peer",
}

_CONTACT_LOST = EventKind.CONTACT_LOST
_VERBS = {verb.encode(): verb for verb in VERBS}


def verb_label(payload: bytes) -> str:
    """The verb of a frame if the table has it, "tunnel" for what is none, else "other": no label is made of what a
    stranger sends."""
    if is_tunnel(payload):
        return TUNNEL
    fields = payload.split(b",", 2)
    if len(fields) < 2:
        return OTHER
    return _VERBS.get(fields[1]) or _VERBS.get(fields[1].rstrip(b"\r\n\0"), OTHER)


class Watcher:
    def __init__(self, families: Families) -> None:
        self._limits: dict[int, float] = {}  # report_within of devices where it is not the usual one
        self._open: dict[int, Alarm] = {}
        self._lost: list[Event] = []  # of the turn being watched
        self._merging = False  # the turn being watched takes in what the peer counts
        self._reasons = LabelValues()
        self.frames = families.add(Tally(catalogue.FRAMES))
        self._events = families.add(Tally(catalogue.EVENTS))
        self._pictures = families.add(Tally(catalogue.PICTURES))
        self._losses = families.add(Tally(catalogue.CONTACT_LOSSES))
        self._loss_report = families.add(Histogram(catalogue.LOSS_REPORT_SECONDS)).at()
        self._loss_overdue = families.add(Histogram(catalogue.LOSS_OVERDUE_SECONDS)).at()
        self._raised = families.add(Tally(catalogue.ALARMS_RAISED))
        self._alarms_open = families.add(Tally(catalogue.ALARMS_OPEN))
        self._commands = families.add(Histogram(catalogue.COMMAND_SECONDS))
        turns = families.add(Histogram(catalogue.TURN_SECONDS))
        self._turns = {kind: turns.at(label) for kind, label in INPUTS.items()}
        self._other_turns = turns.at(OTHER)
        self._watch_effect: dict[type[Any], Callable[[Any], None]] = {
            RecordEvent: self._event,
            SaveAlarm: self._alarm,
            SaveCommand: self._command,
            SaveDevice: self._device,
            SavePicture: self._picture,
        }
        self._start_at_zero()

    def loaded(self, snapshot: Snapshot) -> None:
        """What was there before the first turn: it is known, not new."""
        for device in snapshot.devices:
            self._know(device)
        for alarm in snapshot.alarms:
            self._open[alarm.id] = alarm
            self._alarms_open.values[alarm.kind, alarm.state] += 1

    def watch(self, happened: inputs.Input, effects: Sequence[Effect], seconds: float) -> None:
        """One turn; seconds: how long the rules took."""
        self._turns.get(type(happened), self._other_turns).observe(seconds)
        outcome, reason = "unanswered", ""
        self._merging = type(happened) is inputs.PeerTold
        watch_effect = self._watch_effect
        for effect in effects:
            sort = type(effect)
            if sort in watch_effect:
                watch_effect[sort](effect)
            elif sort is SendFrame:
                outcome = "answered"
            elif isinstance(effect, RejectFrame):
                reason = self._reasons[effect.reason]
        if isinstance(happened, inputs.FrameReceived):
            labels = (
                happened.path.transport,
                verb_label(happened.payload),
                "rejected" if reason else outcome,
                reason,
            )
            self.frames.values[labels] += 1
        if self._lost:
            self._count_losses(effects)

    def _event(self, effect: RecordEvent) -> None:
        event = effect.event
        self._events.values[(event.kind,)] += 1
        if event.kind == _CONTACT_LOST:
            self._lost.append(event)

    def _alarm(self, effect: SaveAlarm) -> None:
        alarm = effect.alarm
        before = self._open.get(alarm.id)
        if before is not None:
            self._alarms_open.values[before.kind, before.state] -= 1
        elif alarm.state is AlarmState.RAISED and not self._merging:
            self._raised.values[(alarm.kind,)] += 1
        if alarm.state is AlarmState.CLEARED:
            self._open.pop(alarm.id, None)
            return
        self._open[alarm.id] = alarm
        self._alarms_open.values[alarm.kind, alarm.state] += 1

    def _command(self, effect: SaveCommand) -> None:
        command = effect.command
        if command.finished_at is not None and not self._merging:
            waited = max(0, command.finished_at - command.created_at) / SECOND
            self._commands.at(command.state).observe(waited)

    def _device(self, effect: SaveDevice) -> None:
        self._know(effect.device)

    def _picture(self, effect: SavePicture) -> None:
        self._pictures.values[(effect.picture.trigger,)] += 1

    def _know(self, device: Device) -> None:
        known = device.forgotten_at is None
        if known and device.report_within != USUAL_LIMIT:
            self._limits[device.id] = device.report_within
        else:
            self._limits.pop(device.id, None)

    def _count_losses(self, effects: Sequence[Effect]) -> None:
        contacts = {
            contact.device_id: contact
            for effect in effects
            if isinstance(effect, SaveContacts)
            for contact in effect.contacts
        }
        for event in self._lost:
            alarm = self._open.get(event.alarm_id or 0)
            self._losses.values[(alarm.kind if alarm else UNCLASSIFIED,)] += 1
            contact = contacts.get(event.device_id or 0)
            if contact is not None:
                self._loss_reported(event, contact)
        self._lost.clear()

    def _loss_reported(self, event: Event, contact: Contact) -> None:
        """Declared sleep is no silence: the time runs from its end."""
        silent_since = max(contact.last_contact, contact.asleep_until or 0)
        seconds = max(0, event.received_at - silent_since) / SECOND
        self._loss_report.observe(seconds)
        self._loss_overdue.observe(max(0.0, seconds - self._limits.get(contact.device_id, USUAL_LIMIT)))

    def _start_at_zero(self) -> None:
        self._events.start_at_zero(EventKind)
        self._raised.start_at_zero(AlarmKind)
        self._pictures.start_at_zero(Trigger)
        self._losses.start_at_zero((*LOSSES, UNCLASSIFIED))
        for kind in AlarmKind:
            for state in (AlarmState.RAISED, AlarmState.ACKNOWLEDGED):
                self._alarms_open.values[kind, state] = 0
        for outcome in OUTCOMES:
            self._commands.at(outcome)
