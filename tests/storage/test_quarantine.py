"""What the database refused is kept for a person: once, bounded, without secrets."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from alarmd.core.effects import DurableEffect
from alarmd.storage import quarantine
from alarmd.storage.interface import EventFilter
from alarmd.storage.opening import open_reader, open_store
from alarmd.storage.sql_store import SqlStore
from tests.contracts.records import EVERYTHING, VAULT, alarm, command, device, event


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, url: str) -> Iterator[SqlStore]:
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
    store = open_store(url, "A", VAULT)
    store.commit([EVERYTHING])
    yield store
    store.close()


def kept(store: SqlStore) -> list[Any]:
    with store._database.transaction() as connection:
        return list(connection.execute(text('SELECT reason, turn FROM quarantine ORDER BY "row"')))


def test_a_refused_turn_is_kept_with_the_reason(store: SqlStore) -> None:
    (refused,) = store.commit([[event(2, text="gate", device_id=99), device(3)]])
    ((reason, turn),) = kept(store)
    assert reason == refused.reason
    assert "text='gate'" in turn
    assert "name='cam3'" in turn


def test_a_refused_turn_that_is_tried_again_is_kept_once(store: SqlStore) -> None:
    for _ in range(3):
        assert len(store.commit([[event(2, device_id=99)], [event(3, device_id=99)]])) == 2
    assert len(kept(store)) == 2


def test_parameters_of_commands_are_not_kept(store: SqlStore) -> None:
    store.commit([[command(2, params=("s3cret", "more"), device_id=99)]])
    ((_, turn),) = kept(store)
    assert "s3cret" not in turn
    assert "TLGC" in turn


def test_only_the_newest_are_kept_and_no_more_than_a_page_of_each(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "MAX_TURNS", 3)
    for number in range(10, 16):
        store.commit([[event(number, device_id=99, text="x" * 2 * quarantine.MAX_TEXT)]])
    turns = [turn for _, turn in kept(store)]
    assert [turn.split("sequence=")[1][:2] for turn in turns] == ["13", "14", "15"]
    assert {len(turn) for turn in turns} == {quarantine.MAX_TEXT}


UNSTORABLE: dict[str, DurableEffect] = {
    "a number beyond 64 bits": event(2, received_at=2**63),
    "half of a surrogate pair": event(2, text="\ud800"),
    "a text where a number belongs": event(2, received_at="yesterday"),
    "nothing where something belongs": event(2, text=None),
    "a value of no known type": event(2, text=object()),
    "half of a surrogate pair in a parameter": command(2, params=("ok",), outcome="\udfff"),
    "a number beyond 64 bits in an alarm": alarm(2, event_count=-(2**70)),
}


@pytest.mark.parametrize("what", UNSTORABLE)
def test_a_value_that_no_database_holds_is_refused_alone(store: SqlStore, what: str) -> None:
    refused = store.commit([[event(3)], [UNSTORABLE[what]], [event(4)]])
    assert [turn.index for turn in refused] == [1]
    assert len(kept(store)) == 1
    assert store.load().last_event_sequence == 4


def test_a_character_that_only_postgresql_refuses_is_not_lost_silently(postgresql_url: str) -> None:
    store, reader = open_store(postgresql_url, "A", VAULT), open_reader(postgresql_url)
    store.commit([EVERYTHING])
    (refused,) = store.commit([[event(2, text="a\0b")]])
    assert "NUL" in refused.reason
    assert len(reader.events(EventFilter())) == 1
    store.close()
    reader.close()
