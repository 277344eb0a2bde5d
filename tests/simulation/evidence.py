"""What a run leaves behind, read the same way for every promise."""

from collections import defaultdict
from functools import cached_property

from alarmd.core.event_kinds import EventKind
from alarmd.core.instant import SECOND
from alarmd.core.records import Alarm, AlarmKind, Command, Event
from alarmd.core.requests import DeliveryDropped
from alarmd.relays.lane import DELIVERY_TIMEOUT
from tests.simulation.network import TELEGRAM
from tests.simulation.plan import LABELS, Act
from tests.simulation.telegram import Told
from tests.simulation.two_servers import QUIET, TwoServers
from tests.simulation.world import START

RECOVERY = 1.0  # s that a server needs after its start
LAST_TRY = DELIVERY_TIMEOUT + 5.0  # s that a try that got no answer keeps a message from the next


class Evidence:
    """events, alarms, commands: what each server's store has, by label and what identifies it."""

    def __init__(self, world: TwoServers) -> None:
        self.world = world
        self.plan = world.plan
        tables = {label: server.store.tables.by_name for label, server in world.servers.items()}
        self.tables = {label: {name: table.kept for name, table in of.items()} for label, of in tables.items()}
        self.events: dict[str, list[Event]] = {label: [*of["events"].values()] for label, of in self.tables.items()}
        self.alarms: dict[str, dict[int, Alarm]] = {label: of["alarms"] for label, of in self.tables.items()}
        self.commands: dict[str, dict[int, Command]] = {label: of["commands"] for label, of in self.tables.items()}

    def seconds(self, label: str, wall: int) -> float:
        """The moment of the world that a server's wall clock showed as this."""
        return wall / SECOND - START - self.world.servers[label].ahead

    def device_name(self, label: str, device_id: int | None) -> str | None:
        device = self.tables[label]["devices"].get(device_id)
        return device and device.name

    def zone_name(self, label: str, zone_id: int | None) -> str | None:
        zone = self.tables[label]["zones"].get(zone_id)
        return zone and zone.name

    def is_safe(self, label: str, text: str) -> bool:
        """Whether what this server acknowledged outlives what befell the disks."""
        return not self.lost_its_disk(label) or text in self.world.history.doubled

    def may_be_misread(self, text: str) -> bool:
        """An ACK of LFCP/1 names nothing: one that a server sent when it woke up may be taken for another's, or when it
        had started and met its peer, since datagrams wait for that too."""
        stood_still = any(act.what in ("stall", "crash") for act in self.plan.acts)
        return stood_still and not self.world.named(text.partition("-")[0]).signed

    def lost_its_disk(self, label: str) -> bool:
        return any(act.what == "lose_disk" and act.who == label for act in self.plan.acts)

    def was_forgotten(self, device: str) -> bool:
        """By the operator, at one of the servers at least."""
        return any(act.what == "forget" and act.who == device for act in self.plan.acts)

    def about(self, alarm: Alarm) -> str:
        """What it is about: a device, an address, a server, or nothing."""
        return alarm.identity.split(":", 3)[3]

    def lost_by(self, alarm: Alarm) -> set[str]:
        """The devices whose loss it tells of."""
        lost = {
            self.device_name(label, event.device_id) or ""
            for label in LABELS
            for event in self.events[label]
            if event.kind == EventKind.CONTACT_LOST and event.alarm_id == alarm.id
        }
        return lost or {self.about(alarm)}

    @cached_property
    def losses_told(self) -> list[tuple[float, str]]:
        """When the operator was told of the loss of which device."""
        return [
            (one.at, name)
            for (number, subject), times in self.told.items()
            if subject in ("raised", "changed")
            for alarm in self._alarms(number)
            if alarm.kind in LOSSES
            for name in self.lost_by(alarm)
            for one in times
        ]

    def loss_was_dropped(self, device: str) -> bool:
        known = [alarm for label in LABELS for alarm in self.alarms[label].values() if alarm.kind in LOSSES]
        return any(self.was_dropped(alarm) for alarm in known if device in self.lost_by(alarm))

    @cached_property
    def peer_lost_told(self) -> list[float]:
        return [
            one.at
            for (number, subject), times in self.told.items()
            if subject == "raised" and any(alarm.kind is AlarmKind.PEER_LOST for alarm in self._alarms(number))
            for one in times
        ]

    def was_supervised(self, device: str) -> bool:
        """A server knew it well before its power went."""
        return any(server.engine.state.sessions.get(device) for server in self.world.servers.values())

    @cached_property
    def told(self) -> dict[tuple[int | None, str], list[Told]]:
        """What the operator was told, by alarm and subject."""
        found = defaultdict(list)
        for one in self.world.telegram.told:
            found[one.delivery.alarm_id, one.delivery.subject].append(one)
        return found

    @cached_property
    def _dropped(self) -> set[int | None]:
        """Alarms of which a message was dropped."""
        requests = [request for _, _, request in self.world.accepted]
        dropped = {request.identity for request in requests if isinstance(request, DeliveryDropped)}
        messages = [effect.delivery for label in LABELS for _, effect in self.world.history.queued[label]]
        return {message.alarm_id for message in messages if message.identity in dropped}

    def was_dropped(self, alarm: Alarm) -> bool:
        """Whether an operator did not want to hear of this incident any more."""
        return any(one.id in self._dropped for one in [alarm, *self._same_incident(alarm)])

    def first_told(self, alarm: Alarm) -> float | None:
        """When the operator was told of this incident: of this alarm or of one that it is part of."""
        times = [one.at for one in self.told[alarm.id, "raised"]]
        times += [one.at for other in self._same_incident(alarm) for one in self.told[other.id, "raised"]]
        return min(times, default=None)

    def _alarms(self, number: int | None) -> list[Alarm]:
        return [self.alarms[label][number] for label in LABELS if number in self.alarms[label]]

    def _same_incident(self, alarm: Alarm) -> list[Alarm]:
        """Those of the same thing at the same time."""
        found = []
        for other in {one.id: one for of in LABELS for one in self.alarms[of].values()}.values():
            if other.kind is alarm.kind and self.about(other) == self.about(alarm):
                slack = round((abs(self.plan.skew) + QUIET) * SECOND)
                ends = [one.ended_at or one.cleared_at or one.last_event_at for one in (alarm, other)]
                if other.raised_at <= ends[0] + slack and alarm.raised_at <= ends[1] + slack:
                    found.append(other)
        return found

    def untroubled(self, label: str, begin: float, end: float) -> bool:
        """Whether this server lived all the time and could tell the operator."""
        return not any(start < end and begin < stop for start, stop in map(self._trouble, self._troubles(label)))

    def _troubles(self, label: str) -> list[Act]:
        own = [
            act for act in self.plan.acts if act.what in ("crash", "stop", "stall", "lose_disk") and act.who == label
        ]
        return own + [act for act in self.plan.acts if act.what in CUTS and {act.who, act.whom} == {label, TELEGRAM}]

    def _trouble(self, act: Act) -> tuple[float, float]:
        late = LAST_TRY if act.what in CUTS else RECOVERY
        return act.at, act.at + act.seconds + late


CUTS = ("cut", "cut_one_way")
LOSSES = (AlarmKind.CONTACT_LOST, AlarmKind.SITE_LOST, AlarmKind.UPLINK_LOST)
