"""What runs again and again on a large database looks rows up; it never walks through the history."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event

from alarmd.core.effects import CopyDelivery, CopyEvent, DropDelivery, HushAlarm, RetryDelivery, SaveMark
from alarmd.core.records import Mark
from alarmd.storage.interface import DeliveryFilter, EventFilter, Expendable, PictureFilter, ReceivedFilter
from alarmd.storage.opening import open_reader
from alarmd.storage.read_queries import SqlReader
from alarmd.storage.sql_store import SqlStore
from tests.contracts.records import CLAIM, DELIVERY, EVENT, NOON, VAULT, device, picture

HISTORY = re.compile(r"SCAN (events|outbox|marks|commands|pictures)(?! USING (COVERING )?INDEX ix_\w+_(open|dead))")


@pytest.fixture
def reader(store: SqlStore, url: str) -> Iterator[SqlReader]:
    reader = open_reader(url, VAULT)
    yield reader
    reader.close()


def plans(user: SqlStore | SqlReader, call: Callable[[], object]) -> list[str]:
    """The steps of every plan of every statement that the call executes."""
    steps: list[str] = []

    def explain(
        connection: Connection, cursor: object, statement: str, parameters: tuple[object, ...], *_: object
    ) -> None:
        if statement.startswith(("SELECT", "WITH", "UPDATE", "DELETE")):
            raw = connection.connection.cursor()
            raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps.extend(row[3] for row in raw.fetchall())

    engine = user._database.engine
    event.listen(engine, "before_cursor_execute", explain)
    call()
    event.remove(engine, "before_cursor_execute", explain)
    assert steps
    return steps


def instructions(user: SqlStore, call: Callable[[], object]) -> int:
    """How many of its instructions SQLite takes for a call, in tens."""
    taken = 0

    def count() -> int:
        nonlocal taken
        taken += 1
        return 0

    def watch(connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        driver.set_progress_handler(count, 10)

    event.listen(user._database.engine, "begin", watch)
    call()
    event.remove(user._database.engine, "begin", watch)
    assert taken
    return taken


def test_claims_purges_and_settlements_look_up(store: SqlStore) -> None:
    calls: list[Callable[[], object]] = [
        lambda: store.claim_deliveries(CLAIM),
        lambda: store.retry_delivery("log:motion:cam1:A:1:raised", "me", NOON, "why"),
        lambda: store.purge(NOON + 10, 100),
        lambda: store.drop_pictures([1]),
        lambda: store.drop_attached(["cam1/1.jpg"], NOON, "why"),
        lambda: store.drop_delivery("log:motion:cam1:A:1:raised", "me", NOON, "why"),
        lambda: store.waiting_destinations(),
        lambda: store.commit([[RetryDelivery("x", NOON), DropDelivery("y", NOON)]]),
        lambda: store.commit([[CopyEvent(EVENT), CopyDelivery(DELIVERY), HushAlarm(1, NOON)]]),
        lambda: store.commit([[SaveMark(Mark(str(number), NOON, "B", number)) for number in range(500)]]),
    ]
    for call in calls:
        assert [step for step in plans(store, call) if HISTORY.search(step)] == []


def test_readers_look_up(reader: SqlReader) -> None:
    calls: list[Callable[[], object]] = [
        lambda: reader.events(EventFilter(after_row=1)),
        lambda: reader.expendable_pictures(Expendable(NOON, NOON)),
        lambda: reader.expendable_pictures(Expendable(NOON, 0, awaited=True)),
        lambda: reader.received_pictures(ReceivedFilter("cam1", NOON, NOON + 10)),
        lambda: reader.known_pictures(["cam1/1.jpg"]),
        lambda: reader.awaited(["cam1/1.jpg"]),
        lambda: reader.events(EventFilter(since=NOON, until=NOON + 1)),
        lambda: reader.events(EventFilter(device="cam1")),
        lambda: reader.alarms(),
        lambda: reader.commands(device="cam1"),
        lambda: reader.commands(command_id=1),
        lambda: reader.outbox(),
        lambda: reader.deliveries(DeliveryFilter()),
        lambda: reader.pictures(PictureFilter(device="cam1")),
        lambda: reader.pictures(PictureFilter(device="cam1", since=NOON, until=NOON + 1, after_id=3)),
        lambda: reader.pictures(PictureFilter(alarm_id=1)),
        lambda: reader.pictures(PictureFilter(picture_id=1)),
    ]
    for call in calls:
        assert [step for step in plans(reader, call) if HISTORY.search(step)] == []


def test_what_a_peer_does_not_have_is_looked_up(reader: SqlReader) -> None:
    since = {key: stamp - 1 for key, stamp in reader.vector().items()}
    steps = plans(reader, lambda: list(reader.changes(since, 500)))
    assert [step for step in steps if HISTORY.search(step) or "SCAN alarms" in step] == []
    for table in ("devices", "device_keys", "cameras", "alarms", "commands", "outbox"):
        assert any(f"INDEX ix_{table}_hlc (origin=? AND hlc>?)" in step for step in steps), table


def test_a_vector_is_looked_up(reader: SqlReader) -> None:
    steps = plans(reader, reader.vector)
    assert [step for step in steps if re.match(r"SCAN (?!sites|zones|high_water|origins)", step)] == []


def test_a_walk_would_be_noticed(reader: SqlReader) -> None:
    assert [step for step in plans(reader, lambda: reader.events(EventFilter(kind="log"))) if HISTORY.search(step)]


def test_a_start_does_not_walk_through_the_events(store: SqlStore) -> None:
    assert [step for step in plans(store, store.load) if "SCAN events" in step] == []


def test_a_start_reads_the_newest_of_many_pictures_only(store: SqlStore) -> None:
    """By what SQLite does: a plan calls it a scan too when the first row of an index is all that is read."""
    pictures = [picture(number, device_id=1 + number % 2) for number in range(2, 20_002)]
    store.commit([[device(2, name="cam2"), *pictures[:2_000]]])
    few = instructions(store, store.load)
    store.commit([pictures[2_000:]])
    assert [one.id for one in store.load().pictures] == [20_000, 20_001]
    assert instructions(store, store.load) < 2 * few, "ten times the pictures"
