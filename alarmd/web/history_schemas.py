"""What the API answers about what happened: alarms, events, commands. The command line reads the same shapes."""

from typing import Any, Self

from pydantic import BaseModel, Field

from alarmd.core.records import AlarmKind, AlarmState, CommandState
from alarmd.storage.interface import HIDDEN, DeliveryState, StoredAlarm, StoredCommand, StoredDelivery, StoredEvent
from alarmd.web.times import Moment


class Shape(BaseModel):
    """A record as people may see it: fields of the same name, and a few more or fewer."""

    @classmethod
    def copied(cls, record: object, **more: Any) -> Self:
        named = (name for name in cls.model_fields if name not in more)
        return cls(**{name: getattr(record, name) for name in named}, **more)


class Alarm(Shape):
    id: int
    kind: AlarmKind
    state: AlarmState
    device: str | None = Field(description="null: it concerns a site or the server itself.")
    zone: str | None
    text: str
    raised_at: Moment
    last_event_at: Moment
    event_count: int
    ended_at: Moment | None = Field(description="When motion went quiet, or contact was back.")
    told: bool = Field(description="false: the zone was disarmed.")
    acknowledged_at: Moment | None
    acknowledged_by: str | None
    cleared_at: Moment | None
    cleared_by: str | None

    @classmethod
    def of(cls, stored: StoredAlarm) -> Self:
        return cls.copied(stored.alarm, device=stored.device, zone=stored.zone)


class Alarms(BaseModel):
    """Newest first."""

    alarms: list[Alarm]


class Delivery(Shape):
    id: int
    identity: str
    destination: str
    recipient: str = Field(description="A chat, for example; empty where there is only one.")
    subject: str = Field(description="What happened to the alarm.", examples=["raised"])
    alarm_id: int | None = Field(description="null: it tells of no alarm.")
    text: str
    state: DeliveryState
    attempts: int
    last_error: str = Field(description="Why the last attempt failed; empty: none did.")
    created_at: Moment
    due_at: Moment = Field(description="When it is tried next, while it is pending.")
    settled_at: Moment | None

    @classmethod
    def of(cls, stored: StoredDelivery) -> Self:
        settled = {"attempts": stored.attempts, "last_error": stored.last_error, "settled_at": stored.settled_at}
        return cls.copied(stored.delivery, id=stored.row, state=stored.state, **settled)


class Deliveries(BaseModel):
    """Newest first."""

    deliveries: list[Delivery]


class Event(Shape):
    row: int = Field(description="Grows in the order of storing; `after_row` goes by it.")
    origin: str = Field(description="The label of the server that recorded it.")
    sequence: int
    happened_at: Moment
    received_at: Moment
    device: str | None
    zone: str | None
    kind: str
    text: str = Field(description="As it came from the wire: escape it before you show it.")
    boot_id: str | None
    boot_event: int | None
    alarm_id: int | None

    @classmethod
    def of(cls, stored: StoredEvent) -> Self:
        return cls.copied(stored.event, row=stored.row, device=stored.device, zone=stored.zone)


class Events(BaseModel):
    """Newest first; with `after_row` oldest first."""

    events: list[Event]


class Command(Shape):
    id: int
    device: str | None
    verb: str
    params: list[str] = Field(description=f"{HIDDEN} in place of each when the verb carries a secret.")
    state: CommandState
    requested_by: str
    created_at: Moment
    expires_at: Moment
    attempts: int
    sent_at: Moment | None
    finished_at: Moment | None
    outcome: str = Field(description="Why it failed, or what the device said; empty while it is open.")

    @classmethod
    def of(cls, stored: StoredCommand) -> Self:
        return cls.copied(stored.command, device=stored.device, params=list(stored.command.params))


class Commands(BaseModel):
    """Newest first, or in the order of the devices' names when just queued."""

    commands: list[Command]
