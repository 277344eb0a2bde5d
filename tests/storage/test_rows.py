"""Records become rows in the order of their fields, as plain values, and come back."""

from collections.abc import Callable
from dataclasses import fields
from enum import StrEnum
from typing import Any

import pytest

from alarmd.core.event_kinds import EventKind
from alarmd.core.records import Record
from alarmd.storage import rows
from alarmd.storage.interface import StorageUnusableError
from alarmd.storage.rows import Row, Values
from alarmd.storage.turns import KINDS
from tests.contracts.records import ALARM, COMMAND, CONTACT, DELIVERY, DEVICE, EVENT, PICTURE, SITE, ZONE, event

CONVERSIONS: list[tuple[Record, Callable[[Any], Values], Callable[[Row], Record]]] = [
    (SITE, rows.site_row, rows.site_of),
    (ZONE, rows.zone_row, rows.zone_of),
    (DEVICE, rows.device_row, rows.device_of),
    (CONTACT, rows.contact_row, rows.contact_of),
    (ALARM, rows.alarm_row, rows.alarm_of),
    (COMMAND, rows.command_row, rows.command_of),
    (PICTURE, rows.picture_row, rows.picture_of),
    (EVENT, rows.event_row, rows.event_of),
    (DELIVERY, rows.delivery_row, rows.delivery_of),
]


AS_TEXT = {
    "params": '["token, with a comma", "-100"]',
    "settings": '["framesize=10", "vflip=1"]',
    "counter_up": "401",
    "counter_down": f"{CONTACT.counter_down:x}",
}


@pytest.mark.parametrize(("record", "row_of", "record_of"), CONVERSIONS)
def test_a_record_comes_back_from_its_row(
    record: Record, row_of: Callable[[Any], Values], record_of: Callable[[Row], Record]
) -> None:
    assert record_of(row_of(record)) == record


@pytest.mark.parametrize(("record", "row_of", "record_of"), CONVERSIONS)
def test_a_row_has_the_fields_in_their_order(
    record: Record, row_of: Callable[[Any], Values], record_of: Callable[[Row], Record]
) -> None:
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    values |= {name: text for name, text in AS_TEXT.items() if name in values}
    assert row_of(record) == tuple(values.values())


@pytest.mark.parametrize(("record", "row_of", "record_of"), CONVERSIONS)
def test_no_enumeration_reaches_a_driver(
    record: Record, row_of: Callable[[Any], Values], record_of: Callable[[Row], Record]
) -> None:
    assert not any(isinstance(value, StrEnum) for value in row_of(record))


def test_the_kind_of_an_event_is_written_as_plain_text() -> None:
    row = rows.event_row(event(1, kind=EventKind.MOTION).event)
    assert [type(value) for value in row if value == "motion"] == [str]


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.table.name)
def test_a_table_has_the_records_fields_in_their_order(kind: Any) -> None:
    columns = [column.name for column in kind.table.columns if column.name != "row"]
    names = [field.name for field in fields(kind.record)]
    assert columns[: len(names)] == names


def test_a_value_from_another_program_is_named() -> None:
    row = list(rows.alarm_row(ALARM))
    row[3] = "snoozed"
    with pytest.raises(StorageUnusableError, match="snoozed"):
        rows.read(rows.alarm_of, [row])
