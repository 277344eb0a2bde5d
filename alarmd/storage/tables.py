"""The schema: one table per record of core/records.py, in the same order of columns, and what only storage knows.

Wall times are microseconds UTC in 64 bits. The ids are the rules' own; `row` is given by the database and grows in
commit order. Foreign keys are checked at the commit, so the order inside a turn is free. A change here needs a
migration: a test compares the two.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import REAL, TypeEngine

metadata = MetaData(
    naming_convention={  # a constraint without a name cannot be changed by a later migration
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)

# SQLite's strict tables know five types only.
WHOLE = BigInteger().with_variant(Integer(), "sqlite")
FLAG = Boolean().with_variant(Integer(), "sqlite")
REAL_NUMBER: Double[float] = Double().with_variant(REAL(), "sqlite")

ALARM_OPEN = text("state <> 'cleared'")
COMMAND_OPEN = text("state IN ('queued', 'sent')")
DELIVERY_OPEN = text("state = 'pending'")
DELIVERY_DEAD = text("state = 'dead'")
DEVICE_ACTIVE = text("forgotten_at IS NULL")
MEMBER_ALIVE = text("NOT buried")


def _column(name: str, kind: TypeEngine[Any], refers_to: str | None = None, *, null: bool = False) -> Column[Any]:
    if refers_to is None:
        return Column(name, kind, nullable=null)
    return Column(name, kind, _refers(refers_to), nullable=null)


def _refers(to: str) -> ForeignKey:
    return ForeignKey(to, deferrable=True, initially="DEFERRED")


def _id(name: str = "id") -> Column[int]:
    return Column(name, WHOLE, primary_key=True, autoincrement=False)


def _of_device() -> Column[int]:
    return Column("device_id", WHOLE, _refers("devices.id"), primary_key=True, autoincrement=False)


def _row() -> Column[int]:
    """Never given twice, also after a purge of the newest rows: on SQLite that takes AUTOINCREMENT."""
    return Column("row", WHOLE, Identity(), primary_key=True)


def _made() -> tuple[Column[Any], Column[Any]]:
    """Where and when a row that may be replicated was made."""
    return _column("origin", Text()), _column("hlc", WHOLE)


def _by_stamp(table: str) -> Index:
    """Finds what is newer than a peer has, and the newest of each server. Sites and zones are too few to need it;
    events have it in their identity, since stamps grow with the sequence."""
    return Index(f"ix_{table}_hlc", "origin", "hlc")


def _table(name: str, *parts: Any, numbered: bool = False) -> Table:
    return Table(name, metadata, *parts, sqlite_strict=True, sqlite_autoincrement=numbered)


def _partial(name: str, *columns: Any, where: Any, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


sites = _table(
    "sites",
    _id(),
    _column("name", Text()),
    _column("time_zone", Text()),
    *_made(),
    UniqueConstraint("name"),
)

zones = _table(
    "zones",
    _id(),
    _column("site_id", WHOLE, "sites.id"),
    _column("name", Text()),
    _column("arming", Text()),
    _column("schedule", Text()),
    *_made(),
    UniqueConstraint("name"),
)

devices = _table(
    "devices",
    _id(),
    _column("name", Text()),
    _column("zone_id", WHOLE, "zones.id"),
    _column("standing", Text()),
    _column("dialect", Text()),
    _column("report_within", REAL_NUMBER),
    _column("arming_answers", FLAG),
    _column("detector_wish", FLAG, null=True),
    _column("wanted_detector", FLAG, null=True),
    _column("wanted_version", WHOLE),
    _column("camera_wish", FLAG, null=True),
    _column("settings", Text()),  # a JSON list of strings
    _column("signing", Text()),
    _column("muted_until", WHOLE, null=True),
    _column("first_seen", WHOLE),
    _column("forgotten_at", WHOLE, null=True),
    *_made(),
    Index("ix_devices_name", "name"),
    _partial("uq_devices_active_name", "name", where=DEVICE_ACTIVE, unique=True),
    _by_stamp("devices"),
)

contacts = _table(
    "contacts",
    _of_device(),
    _column("presence", Text()),
    _column("last_contact", WHOLE),
    _column("address", Text()),
    _column("asleep_until", WHOLE, null=True),
    _column("counter_up", Text()),  # hexadecimal: both are unsigned, and whole numbers of SQL end at 2^63
    _column("counter_down", Text()),
    _column("boots", Text()),
)

device_keys = _table(
    "device_keys",
    _of_device(),
    _id("epoch"),
    _column("secret", LargeBinary()),  # sealed, see vault.py
    _column("created_at", WHOLE),
    *_made(),
    _by_stamp("device_keys"),
)

alarms = _table(
    "alarms",
    _id(),
    _column("identity", Text()),
    _column("kind", Text()),
    _column("state", Text()),
    _column("device_id", WHOLE, "devices.id", null=True),
    _column("zone_id", WHOLE, "zones.id", null=True),
    _column("text", Text()),
    _column("raised_at", WHOLE),
    _column("last_event_at", WHOLE),
    _column("event_count", WHOLE),
    _column("ended_at", WHOLE, null=True),
    _column("told", FLAG),
    _column("acknowledged_at", WHOLE, null=True),
    _column("acknowledged_by", Text(), null=True),
    _column("cleared_at", WHOLE, null=True),
    _column("cleared_by", Text(), null=True),
    _column("followed_up", WHOLE),
    _column("follow_up_at", WHOLE, null=True),
    _column("picture_by", WHOLE, null=True),
    _column("picture", Text()),
    _column("pictures", WHOLE),
    *_made(),
    UniqueConstraint("identity"),
    _partial("ix_alarms_open", "id", where=ALARM_OPEN),
    Index("ix_alarms_device_id", "device_id"),
    _partial("ix_alarms_cleared_at", "cleared_at", where=text("cleared_at IS NOT NULL")),
    _by_stamp("alarms"),
)

commands = _table(
    "commands",
    _id(),
    _column("identity", Text()),
    _column("device_id", WHOLE, "devices.id"),
    _column("verb", Text()),
    _column("params", Text()),  # a JSON list of strings
    _column("state", Text()),
    _column("requested_by", Text()),
    _column("created_at", WHOLE),
    _column("expires_at", WHOLE),
    _column("attempts", WHOLE),
    _column("sent_at", WHOLE, null=True),
    _column("finished_at", WHOLE, null=True),
    _column("outcome", Text()),
    *_made(),
    UniqueConstraint("identity"),
    _partial("ix_commands_open", "id", where=COMMAND_OPEN),
    Index("ix_commands_device_id", "device_id"),
    _partial("ix_commands_finished_at", "finished_at", where=text("finished_at IS NOT NULL")),
    _by_stamp("commands"),
)

cameras = _table(
    "cameras",
    _of_device(),
    _column("source_networks", Text()),  # a JSON list of strings
    _column("by_address", FLAG),
    _column("upload_digest", Text()),
    _column("fingerprint", Text()),
    _column("info", Text()),
    _column("pull_url", LargeBinary()),  # sealed, see vault.py
    _column("every", WHOLE),
    _column("on_alarm", FLAG),
    *_made(),
    _by_stamp("cameras"),
)

pictures = _table(
    "pictures",
    _id(),
    _column("device_id", WHOLE, "devices.id"),
    _column("sequence", WHOLE),
    _column("key", Text()),
    _column("captured_at", WHOLE),
    _column("received_at", WHOLE),
    _column("trigger", Text()),
    _column("upload", Text()),
    _column("alarm_id", WHOLE, "alarms.id", null=True),
    _column("digest", Text()),
    _column("size", WHOLE),
    _column("width", WHOLE),
    _column("height", WHOLE),
    _column("repair", Text()),
    *_made(),
    UniqueConstraint("key"),
    Index("ix_pictures_device_id", "device_id", "id"),
    Index("ix_pictures_captured_at", "device_id", "captured_at"),
    Index("ix_pictures_received_at", "received_at"),
    _partial("ix_pictures_alarm_id", "alarm_id", where=text("alarm_id IS NOT NULL")),
)

events = _table(
    "events",
    _row(),
    _column("origin", Text()),
    _column("sequence", WHOLE),
    _column("hlc", WHOLE),
    _column("happened_at", WHOLE),
    _column("received_at", WHOLE),
    _column("device_id", WHOLE, "devices.id", null=True),
    _column("zone_id", WHOLE, "zones.id", null=True),
    _column("kind", Text()),
    _column("text", Text()),
    _column("boot_id", Text(), null=True),
    _column("boot_event", WHOLE, null=True),
    _column("alarm_id", WHOLE, "alarms.id", null=True),
    UniqueConstraint("origin", "sequence"),
    Index("ix_events_received_at", "received_at"),
    Index("ix_events_device_id", "device_id"),
    _partial("ix_events_alarm_id", "alarm_id", where=text("alarm_id IS NOT NULL")),
    numbered=True,
)

outbox = _table(
    "outbox",
    _row(),
    _column("identity", Text()),
    _column("destination", Text()),
    _column("recipient", Text()),
    _column("subject", Text()),
    _column("alarm_id", WHOLE, "alarms.id", null=True),
    _column("text", Text()),
    _column("attachment", Text()),
    _column("urgent", FLAG),
    _column("created_at", WHOLE),
    _column("due_at", WHOLE),
    *_made(),
    Column("state", Text(), nullable=False, server_default="pending"),  # then delivered or dead
    Column("attempts", WHOLE, nullable=False, server_default=text("0")),
    Column("last_error", Text(), nullable=False, server_default=""),
    Column("uncertain", FLAG, nullable=False, server_default=text("FALSE")),
    Column("settled_at", WHOLE),
    Column("lease_owner", Text()),
    Column("lease_until", REAL_NUMBER),  # s: monotonic on SQLite, the database's clock on PostgreSQL
    UniqueConstraint("identity"),
    _partial("ix_outbox_open", "destination", "urgent", "due_at", where=DELIVERY_OPEN),
    _partial("ix_outbox_dead", "row", where=DELIVERY_DEAD),
    _partial("ix_outbox_settled_at", "settled_at", where=text("settled_at IS NOT NULL")),
    Index("ix_outbox_alarm_id", "alarm_id"),
    _partial("ix_outbox_attachment", "attachment", where=DELIVERY_OPEN),
    _by_stamp("outbox"),
    numbered=True,
)

marks = _table(  # deliveries that are settled, here or at the peer; the delivery itself may never come
    "marks",
    Column("identity", Text(), primary_key=True),
    _column("settled_at", WHOLE),
    *_made(),
    Index("ix_marks_settled_at", "settled_at"),
    _by_stamp("marks"),
)

messages = _table(  # what a recipient was told and can be changed
    "messages",
    Column("destination", Text(), primary_key=True),
    Column("recipient", Text(), primary_key=True),
    Column("alarm_id", WHOLE, _refers("alarms.id"), primary_key=True, autoincrement=False),
    _column("reference", Text()),
    Index("ix_messages_reference", "destination", "recipient", "reference"),
    Index("ix_messages_alarm_id", "alarm_id"),
)

moves = _table(  # recipients that are no longer where the configuration says
    "moves",
    Column("destination", Text(), primary_key=True),
    Column("recipient", Text(), primary_key=True),
    _column("address", Text()),
)

quarantine = _table(
    "quarantine",
    _row(),
    _column("digest", Text()),  # of `turn`, so that a turn tried twice is kept once
    _column("reason", Text()),
    _column("turn", Text()),
    UniqueConstraint("digest"),
    numbered=True,
)

members = _table(  # servers that share this database; PostgreSQL only, see cluster_queries.py
    "members",
    Column("incarnation", WHOLE, Identity(), primary_key=True),
    _column("slot", WHOLE),
    _column("label", Text()),
    _column("name", Text()),  # for people: host and process
    _column("lease_until", REAL_NUMBER),  # s on the database's clock
    _column("buried", FLAG),  # it may store nothing any more
    _partial("uq_members_slot", "slot", where=MEMBER_ALIVE, unique=True),
    numbered=True,
)

custodies = _table(  # which of them watches which device
    "custodies",
    _of_device(),
    _column("member", WHOLE),  # its incarnation; 0: nobody
    _column("epoch", WHOLE),  # counts up with every change of hands
    _column("counters", Text()),  # where those of its last custodians began, see cluster_store.py
    _column("watched_from", WHOLE),  # wall µs; since then somebody listens, however often it changed hands unheard
    Index("ix_custodies_member", "member"),
)

failover_causes = _table(  # why zones are in failover mode, of the members of a cluster
    "failover_causes",
    Column("zone_id", WHOLE, _refers("zones.id"), primary_key=True, autoincrement=False),
    Column("cause", Text(), primary_key=True),
    _column("ends_at", WHOLE, null=True),
)

REPLICATED = {  # what two servers tell each other, parents first
    "site": sites,
    "zone": zones,
    "device": devices,
    "key": device_keys,
    "camera": cameras,
    "mark": marks,
    "alarm": alarms,
    "command": commands,
    "event": events,
    "delivery": outbox,
}

high_water = _table(  # what a purge took away but must not be given out again, see purge.py
    "high_water",
    Column("kind", Text(), primary_key=True),
    Column("origin", Text(), primary_key=True),
    _column("value", WHOLE),
)
