"""What only databases can get wrong when a peer is told what it missed."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event as listening

from alarmd.adapters.peer.fields import KINDS
from alarmd.core.effects import CopyDelivery, CopyEvent, DurableEffect, SaveMark
from alarmd.core.records import Mark
from alarmd.storage.interface import StorageError, StorageUnavailableError, StorageUnusableError
from alarmd.storage.opening import open_reader, open_store
from alarmd.storage.sql_store import SqlStore
from alarmd.storage.tables import REPLICATED
from alarmd.storage.vault import Vault
from tests.contracts.records import DELIVERY, EVENT, VAULT, delivery, event
from tests.storage.test_postgresql_faults import END_ALL, administer


def statements(store: SqlStore, turn: list[DurableEffect]) -> list[str]:
    """The beginnings of those that a commit takes."""
    taken: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        taken.append(" ".join(statement.split()[:3]))

    listening.listen(store._database.engine, "before_cursor_execute", note)
    assert store.commit([turn]) == []
    listening.remove(store._database.engine, "before_cursor_execute", note)
    return [each for each in taken if not each.startswith("BEGIN")]


def test_the_wire_and_the_database_have_the_same_kinds_in_the_same_order() -> None:
    assert list(REPLICATED) == list(KINDS)


def test_a_server_without_a_peer_pays_nothing_for_it(store: SqlStore) -> None:
    assert statements(store, [event(2), delivery("x")]) == ["INSERT INTO events", "INSERT INTO outbox"]


def test_copies_and_marks_take_few_statements(store: SqlStore) -> None:
    turn: list[DurableEffect] = []
    for number in range(64):
        turn.append(CopyEvent(event(number, origin="B").event))
        turn += [CopyDelivery(delivery(str(number)).delivery), SaveMark(Mark(str(number), 1, "B", number))]
    expected = ["INSERT INTO events", "INSERT INTO marks", "INSERT INTO outbox", "UPDATE outbox SET"]
    assert statements(store, turn) == expected


def test_what_a_peer_is_told_takes_the_servers_key(store: SqlStore, url: str) -> None:
    for vault, error in ((None, StorageError), (Vault(b"2" * 32), StorageUnusableError)):
        reader = open_reader(url, vault)
        with pytest.raises(error, match=r"server\.key"):
            list(reader.changes({}, 10))
        assert reader.vector()["event", "A"] == EVENT.hlc
        reader.close()


def test_a_journal_is_written_back_after_a_catch_up_was_given_up(store: SqlStore, url: str, file: Path) -> None:
    reader = open_reader(url, VAULT)
    changes = reader.changes({}, 1)
    next(changes)
    store.commit([[event(2)]])
    with closing(sqlite3.connect(file)) as connection:
        checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)"
        connection.execute("PRAGMA busy_timeout = 0")
        assert connection.execute(checkpoint).fetchone()[0] == 1  # the snapshot needs it still
        changes.close()
        assert connection.execute(checkpoint).fetchone()[0] == 0
    reader.close()


def test_a_lost_connection_ends_a_catch_up_and_another_one_begins(postgresql_url: str) -> None:
    store, reader = open_store(postgresql_url, "A", VAULT), open_reader(postgresql_url, VAULT)
    store.commit([[CopyDelivery(DELIVERY), *(event(number, device_id=None, zone_id=None) for number in range(1, 50))]])
    changes = reader.changes({}, 5)
    next(changes)
    administer(postgresql_url, END_ALL)
    with pytest.raises(StorageUnavailableError):
        list(changes)
    assert sum(map(len, reader.changes({}, 5))) == 50
    store.close()
    reader.close()
