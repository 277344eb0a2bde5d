"""What people ask the bot, and what it answers. What they have it do are the same requests as the command line's."""

from collections.abc import Awaitable, Callable, Iterable

from alarmd import __version__
from alarmd.core import views
from alarmd.core.instant import SECOND
from alarmd.core.names import device_name
from alarmd.core.records import Alarm, AlarmState, Arming, Presence
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.requests import AlarmAcknowledged, ArmingRequested, DeviceChanged
from alarmd.core.wording import sentence
from alarmd.relays.desk import Desk
from alarmd.relays.telegram.buttons import MUTE, Action, Pressed
from alarmd.relays.telegram.cameras import MAX_LISTED, Asker, Cameras
from alarmd.relays.telegram.wording import MAX_UNITS, SIGNS, clipped, fitted
from alarmd.storage.interface import EventFilter, StorageError, StoredEvent

MAX_EVENTS = 30
USUAL_EVENTS = 10
ALL = "*"
PRESENCE = {
    Presence.NEW: "⚪",
    Presence.ONLINE: "🟢",
    Presence.LATE: "🟡",
    Presence.LOST: "🔴",
    Presence.ELSEWHERE: "🟠",
    Presence.ASLEEP: "💤",
}
COMMANDS = {
    "status": "The server at a glance, and open alarms",
    "devices": "Who is there",
    "events": "What happened last; /events 20 for more",
    "arm": "Arm a zone: /arm ZONE, or /arm * for all",
    "disarm": "Disarm a zone: /disarm ZONE, or /disarm * for all",
    "mute": "Tell no motion of a device: /mute DEVICE, or /mute DEVICE MINUTES; 0 ends it",
    "snapshot": "A picture of now: /snapshot DEVICE",
    "film": "The film of a day: /film DEVICE, or /film DEVICE 2026-11-20",
    "help": "This list",
}
OVER = "This alarm is over."


class Answers:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._cameras = Cameras(desk)
        self._commands: dict[str, Callable[[list[str], Asker], Awaitable[str]]] = {
            "status": self._status,
            "devices": self._devices,
            "events": self._events,
            "arm": self._arm,
            "disarm": self._disarm,
            "mute": self._mute,
            "snapshot": self._cameras.snapshot,
            "film": self._cameras.film,
            "help": self._help,
            "start": self._help,
        }

    async def command(self, name: str, arguments: list[str], asker: Asker) -> str | None:
        """None: there is no such command."""
        answer = self._commands.get(name)
        return None if answer is None else await _told(answer(arguments, asker))

    async def pressed(self, pressed: Pressed, asker: Asker) -> str:
        return await _told(self._pressed(pressed, asker))

    async def close(self) -> None:
        await self._cameras.close()

    async def _pressed(self, pressed: Pressed, asker: Asker) -> str:
        alarm = pressed.alarm(self._desk.state)
        if alarm is None:
            return OVER
        if pressed.action is Action.ACKNOWLEDGE:
            return await self._acknowledge(alarm, asker)
        if pressed.action is Action.DISARM:
            zone = self._desk.state.zones.get(alarm.zone_id or 0)
            return await self._disarm([zone.name if zone else ""], asker)
        name = device_name(self._desk.state, alarm.device_id) or ""
        if pressed.action is Action.SNAPSHOT:
            return await self._cameras.snapshot([name], asker)
        return await self._mute([name, f"{MUTE / 60:.0f}"], asker)

    async def _acknowledge(self, alarm: Alarm, asker: Asker) -> str:
        (known,) = await self._desk.submit(AlarmAcknowledged(asker.operator, alarm.id))
        assert isinstance(known, Alarm)
        already = "already " if alarm.state is AlarmState.ACKNOWLEDGED else ""
        return f"Alarm {known.id} is {already}acknowledged by {known.acknowledged_by}."

    async def _help(self, _arguments: list[str], _asker: Asker) -> str:
        return _fitted(f"/{name}: {meaning}" for name, meaning in COMMANDS.items())

    async def _status(self, _arguments: list[str], _asker: Asker) -> str:
        state, now = self._desk.state, self._desk.now()
        counts = views.presence_counts(state)
        devices = ", ".join(f"{counts[presence]} {presence}" for presence in Presence if counts[presence])
        lines = [f"alarmd {__version__}, server {self._desk.label}", f"devices: {devices or 'none yet'}"]
        zones = views.zones(state, now)
        lines += [f"zone {one.zone.name}: {'armed' if one.armed else 'disarmed'}" for one in zones[:MAX_LISTED]]
        lines.append(f"open alarms: {len(state.alarms) or 'none'}")
        newest = sorted(state.alarms.values(), key=lambda alarm: -alarm.id)[:MAX_LISTED]
        return _fitted([*lines, *(f"{SIGNS[one.state]} {one.id} {sentence(one)}" for one in newest)])

    async def _devices(self, _arguments: list[str], _asker: Asker) -> str:
        state, now = self._desk.state, self._desk.now()
        names = sorted(state.sessions)
        found = [views.device(state, name, now) for name in names[:MAX_LISTED]]
        lines = [_device(view, now.wall) for view in found if view]
        more = [f"and {len(names) - MAX_LISTED} more"] if len(names) > MAX_LISTED else []
        return _fitted([*lines, *more] or ["No devices yet."])

    async def _events(self, arguments: list[str], _asker: Asker) -> str:
        count = _number(arguments[0], 1, MAX_EVENTS) if arguments else USUAL_EVENTS
        found = await self._desk.read_events(EventFilter(limit=int(count)))
        return _fitted([self._event(stored) for stored in reversed(found)] or ["No events yet."])

    def _event(self, stored: StoredEvent) -> str:
        at = self._desk.local(stored.event.zone_id, stored.event.received_at)
        return " ".join(filter(None, (f"{at:%m-%d %H:%M:%S}", stored.device, stored.event.kind, stored.event.text)))

    async def _arm(self, arguments: list[str], asker: Asker) -> str:
        return await self._set_arming(arguments, asker, Arming.ARMED)

    async def _disarm(self, arguments: list[str], asker: Asker) -> str:
        return await self._set_arming(arguments, asker, Arming.DISARMED)

    async def _set_arming(self, arguments: list[str], asker: Asker, arming: Arming) -> str:
        zones = sorted(zone.name for zone in self._desk.state.zones.values())
        if len(arguments) != 1:
            return _fitted([f"Say which zone, or {ALL} for all:", *zones[:MAX_LISTED]])
        await self._desk.submit(ArmingRequested(asker.operator, arguments[0], arming))
        return f"{'Every zone' if arguments[0] == ALL else clipped(f'Zone {arguments[0]}')} is {arming} now."

    async def _mute(self, arguments: list[str], asker: Asker) -> str:
        if not 1 <= len(arguments) <= 2:
            return "Say which device: /mute DEVICE, or /mute DEVICE MINUTES."
        name = arguments[0]
        seconds = 60 * _number(arguments[1], 0, 10_080) if len(arguments) > 1 else MUTE
        await self._desk.submit(DeviceChanged(asker.operator, name, muted=float(seconds)))
        return (
            f"Motion of {name} is told again." if not seconds else f"No motion of {name} is told for {_span(seconds)}."
        )


async def _told(answer: Awaitable[str]) -> str:
    try:
        return await answer
    except (RequestRefusedError, StorageError) as refused:
        return clipped(f"Not done: {refused}")


def _number(text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and least <= int(text) <= most):
        raise RequestRefusedError("invalid", "", f"write a number from {least} to {most}")
    return int(text)


def _span(seconds: float) -> str:
    return f"{seconds / 60:.0f} min"


def _device(view: views.DeviceView, now_wall: int) -> str:
    contact, muted = view.contact, view.device.muted_until
    notes = f", muted for {_span((muted - now_wall) / SECOND)} more" if muted and muted > now_wall else ""
    if not contact.address:
        return f"{PRESENCE[Presence.NEW]} {view.device.name}, zone {view.zone}, never seen{notes}"
    seconds = max(0, now_wall - contact.last_contact) // SECOND
    return f"{PRESENCE[contact.presence]} {view.device.name}, zone {view.zone}, seen {seconds} s ago{notes}"


def _fitted(lines: Iterable[str]) -> str:
    """As many whole lines as a message holds."""
    return fitted(lines, MAX_UNITS)
