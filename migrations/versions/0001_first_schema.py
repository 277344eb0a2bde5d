"""The first schema.

Revision ID: 0001
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FLAG = sa.Boolean().with_variant(sa.Integer(), "sqlite")
NUMBER: sa.Double[float] = sa.Double().with_variant(sa.REAL(), "sqlite")
TEXT = sa.Text()


def upgrade() -> None:
    _places()
    _devices()
    _alarms()
    _commands()
    _cameras()
    _pictures()
    _events()
    _outbox()
    _messages()
    _members()
    _bookkeeping()


def _places() -> None:
    _table("sites", *_id("sites"), _text("name"), _text("time_zone"), *_made(), _unique("sites", "name"))
    _table(
        "zones",
        *_id("zones"),
        _whole("site_id"),
        _text("name"),
        _text("arming"),
        _text("schedule"),
        *_made(),
        _unique("zones", "name"),
        _refers("zones", "site_id", "sites"),
    )


def _devices() -> None:
    _table(
        "devices",
        *_id("devices"),
        _text("name"),
        _whole("zone_id"),
        _text("standing"),
        _text("dialect"),
        sa.Column("report_within", NUMBER, nullable=False),
        sa.Column("arming_answers", FLAG, nullable=False),
        sa.Column("detector_wish", FLAG),
        sa.Column("wanted_detector", FLAG),
        _whole("wanted_version"),
        sa.Column("camera_wish", FLAG),
        _text("settings"),
        _text("signing"),
        _whole("muted_until", null=True),
        _whole("first_seen"),
        _whole("forgotten_at", null=True),
        *_made(),
        _refers("devices", "zone_id", "zones"),
    )
    op.create_index("ix_devices_name", "devices", ["name"])
    _partial("uq_devices_active_name", "devices", "name", "forgotten_at IS NULL", unique=True)
    _by_stamp("devices")
    _table(
        "contacts",
        *_id("contacts", "device_id"),
        _text("presence"),
        _whole("last_contact"),
        _text("address"),
        _whole("asleep_until", null=True),
        _text("counter_up"),
        _text("counter_down"),
        _text("boots"),
        _refers("contacts", "device_id", "devices"),
    )
    _table(
        "device_keys",
        _whole("device_id"),
        _whole("epoch"),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        _whole("created_at"),
        *_made(),
        sa.PrimaryKeyConstraint("device_id", "epoch", name="pk_device_keys"),
        _refers("device_keys", "device_id", "devices"),
    )
    _by_stamp("device_keys")


def _alarms() -> None:
    _table(
        "alarms",
        *_id("alarms"),
        _text("identity"),
        _text("kind"),
        _text("state"),
        _whole("device_id", null=True),
        _whole("zone_id", null=True),
        _text("text"),
        _whole("raised_at"),
        _whole("last_event_at"),
        _whole("event_count"),
        _whole("ended_at", null=True),
        sa.Column("told", FLAG, nullable=False),
        _whole("acknowledged_at", null=True),
        _text("acknowledged_by", null=True),
        _whole("cleared_at", null=True),
        _text("cleared_by", null=True),
        _whole("followed_up"),
        _whole("follow_up_at", null=True),
        _whole("picture_by", null=True),
        _text("picture"),
        _whole("pictures"),
        *_made(),
        _unique("alarms", "identity"),
        _refers("alarms", "device_id", "devices"),
        _refers("alarms", "zone_id", "zones"),
    )
    op.create_index("ix_alarms_device_id", "alarms", ["device_id"])
    _partial("ix_alarms_open", "alarms", "id", "state <> 'cleared'")
    _partial("ix_alarms_cleared_at", "alarms", "cleared_at", "cleared_at IS NOT NULL")
    _by_stamp("alarms")


def _commands() -> None:
    _table(
        "commands",
        *_id("commands"),
        _text("identity"),
        _whole("device_id"),
        _text("verb"),
        _text("params"),
        _text("state"),
        _text("requested_by"),
        _whole("created_at"),
        _whole("expires_at"),
        _whole("attempts"),
        _whole("sent_at", null=True),
        _whole("finished_at", null=True),
        _text("outcome"),
        *_made(),
        _unique("commands", "identity"),
        _refers("commands", "device_id", "devices"),
    )
    op.create_index("ix_commands_device_id", "commands", ["device_id"])
    _partial("ix_commands_open", "commands", "id", "state IN ('queued', 'sent')")
    _partial("ix_commands_finished_at", "commands", "finished_at", "finished_at IS NOT NULL")
    _by_stamp("commands")


def _cameras() -> None:
    _table(
        "cameras",
        *_id("cameras", "device_id"),
        _text("source_networks"),
        sa.Column("by_address", FLAG, nullable=False),
        _text("upload_digest"),
        _text("fingerprint"),
        _text("info"),
        sa.Column("pull_url", sa.LargeBinary(), nullable=False),
        _whole("every"),
        sa.Column("on_alarm", FLAG, nullable=False),
        *_made(),
        _refers("cameras", "device_id", "devices"),
    )
    _by_stamp("cameras")


def _pictures() -> None:
    _table(
        "pictures",
        *_id("pictures"),
        _whole("device_id"),
        _whole("sequence"),
        _text("key"),
        _whole("captured_at"),
        _whole("received_at"),
        _text("trigger"),
        _text("upload"),
        _whole("alarm_id", null=True),
        _text("digest"),
        _whole("size"),
        _whole("width"),
        _whole("height"),
        _text("repair"),
        *_made(),
        _unique("pictures", "key"),
        _refers("pictures", "device_id", "devices"),
        _refers("pictures", "alarm_id", "alarms"),
    )
    op.create_index("ix_pictures_device_id", "pictures", ["device_id", "id"])
    op.create_index("ix_pictures_captured_at", "pictures", ["device_id", "captured_at"])
    op.create_index("ix_pictures_received_at", "pictures", ["received_at"])
    _partial("ix_pictures_alarm_id", "pictures", "alarm_id", "alarm_id IS NOT NULL")


def _events() -> None:
    _table(
        "events",
        *_row("events"),
        _text("origin"),
        _whole("sequence"),
        _whole("hlc"),
        _whole("happened_at"),
        _whole("received_at"),
        _whole("device_id", null=True),
        _whole("zone_id", null=True),
        _text("kind"),
        _text("text"),
        _text("boot_id", null=True),
        _whole("boot_event", null=True),
        _whole("alarm_id", null=True),
        _unique("events", "origin", "sequence"),
        _refers("events", "device_id", "devices"),
        _refers("events", "zone_id", "zones"),
        _refers("events", "alarm_id", "alarms"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_received_at", "events", ["received_at"])
    op.create_index("ix_events_device_id", "events", ["device_id"])
    _partial("ix_events_alarm_id", "events", "alarm_id", "alarm_id IS NOT NULL")


def _outbox() -> None:
    _table(
        "outbox",
        *_row("outbox"),
        _text("identity"),
        _text("destination"),
        _text("recipient"),
        _text("subject"),
        _whole("alarm_id", null=True),
        _text("text"),
        _text("attachment"),
        sa.Column("urgent", FLAG, nullable=False),
        _whole("created_at"),
        _whole("due_at"),
        *_made(),
        sa.Column("state", TEXT, nullable=False, server_default="pending"),
        sa.Column("attempts", WHOLE, nullable=False, server_default=sa.text("0")),
        sa.Column("last_error", TEXT, nullable=False, server_default=""),
        sa.Column("uncertain", FLAG, nullable=False, server_default=sa.text("FALSE")),
        _whole("settled_at", null=True),
        _text("lease_owner", null=True),
        sa.Column("lease_until", NUMBER),
        _unique("outbox", "identity"),
        _refers("outbox", "alarm_id", "alarms"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_alarm_id", "outbox", ["alarm_id"])
    _partial("ix_outbox_attachment", "outbox", "attachment", "state = 'pending'")
    _partial("ix_outbox_open", "outbox", "destination urgent due_at", "state = 'pending'")
    _partial("ix_outbox_dead", "outbox", "row", "state = 'dead'")
    _partial("ix_outbox_settled_at", "outbox", "settled_at", "settled_at IS NOT NULL")
    _by_stamp("outbox")
    _table(
        "marks",
        _text("identity"),
        _whole("settled_at"),
        *_made(),
        sa.PrimaryKeyConstraint("identity", name="pk_marks"),
    )
    op.create_index("ix_marks_settled_at", "marks", ["settled_at"])
    _by_stamp("marks")


def _messages() -> None:
    _table(
        "messages",
        _text("destination"),
        _text("recipient"),
        _whole("alarm_id"),
        _text("reference"),
        sa.PrimaryKeyConstraint("destination", "recipient", "alarm_id", name="pk_messages"),
        _refers("messages", "alarm_id", "alarms"),
    )
    op.create_index("ix_messages_reference", "messages", ["destination", "recipient", "reference"])
    op.create_index("ix_messages_alarm_id", "messages", ["alarm_id"])
    _table(
        "moves",
        _text("destination"),
        _text("recipient"),
        _text("address"),
        sa.PrimaryKeyConstraint("destination", "recipient", name="pk_moves"),
    )


def _members() -> None:
    """Of servers that share one PostgreSQL."""
    _table(
        "members",
        sa.Column("incarnation", WHOLE, sa.Identity(), nullable=False),
        _whole("slot"),
        _text("label"),
        _text("name"),
        sa.Column("lease_until", NUMBER, nullable=False),
        sa.Column("buried", FLAG, nullable=False),
        sa.PrimaryKeyConstraint("incarnation", name="pk_members"),
        sqlite_autoincrement=True,
    )
    _partial("uq_members_slot", "members", "slot", "NOT buried", unique=True)
    _table(
        "custodies",
        *_id("custodies", "device_id"),
        _whole("member"),
        _whole("epoch"),
        _text("counters"),
        _whole("watched_from"),
        _refers("custodies", "device_id", "devices"),
    )
    op.create_index("ix_custodies_member", "custodies", ["member"])
    _table(
        "failover_causes",
        _whole("zone_id"),
        _text("cause"),
        _whole("ends_at", null=True),
        sa.PrimaryKeyConstraint("zone_id", "cause", name="pk_failover_causes"),
        _refers("failover_causes", "zone_id", "zones"),
    )


def _bookkeeping() -> None:
    _table(
        "quarantine",
        *_row("quarantine"),
        _text("digest"),
        _text("reason"),
        _text("turn"),
        _unique("quarantine", "digest"),
        sqlite_autoincrement=True,
    )
    _table(
        "high_water",
        _text("kind"),
        _text("origin"),
        _whole("value"),
        sa.PrimaryKeyConstraint("kind", "origin", name="pk_high_water"),
    )


def _table(name: str, *parts: Any, **options: Any) -> None:
    op.create_table(name, *parts, sqlite_strict=True, **options)


def _id(table: str, name: str = "id") -> tuple[Any, ...]:
    key = sa.PrimaryKeyConstraint(name, name=f"pk_{table}")
    return sa.Column(name, WHOLE, nullable=False, autoincrement=False), key


def _row(table: str) -> tuple[Any, ...]:
    return sa.Column("row", WHOLE, sa.Identity(), nullable=False), sa.PrimaryKeyConstraint("row", name=f"pk_{table}")


def _whole(name: str, *, null: bool = False) -> Any:
    return sa.Column(name, WHOLE, nullable=null)


def _text(name: str, *, null: bool = False) -> Any:
    return sa.Column(name, TEXT, nullable=null)


def _made() -> tuple[Any, ...]:
    return _text("origin"), _whole("hlc")


def _by_stamp(table: str) -> None:
    op.create_index(f"ix_{table}_hlc", table, ["origin", "hlc"])


def _unique(table: str, *columns: str) -> Any:
    return sa.UniqueConstraint(*columns, name=f"uq_{table}_{'_'.join(columns)}")


def _refers(table: str, column: str, target: str) -> Any:
    name = f"fk_{table}_{column}"
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name, deferrable=True, initially="DEFERRED")


def _partial(name: str, table: str, columns: str, where: str, *, unique: bool = False) -> None:
    only = sa.text(where)
    op.create_index(name, table, columns.split(), unique=unique, sqlite_where=only, postgresql_where=only)
