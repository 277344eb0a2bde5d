"""Two transactions that claim at the same time on PostgreSQL, as the last claim of a server that dies and the first of
the one that follows it do."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection, create_engine, text

from alarmd.storage import outbox_queries
from alarmd.storage.database_url import parse
from alarmd.storage.opening import open_store
from tests.contracts.records import CLAIM, EVERYTHING, PICTURE, VAULT, delivery


@pytest.fixture
def together(postgresql_url: str) -> Iterator[tuple[Connection, Connection]]:
    """Two transactions on an outbox with three pictures on their way."""
    store = open_store(postgresql_url, "A", VAULT)
    sent = [delivery(name, alarm_id=None, attachment=PICTURE.key) for name in "abc"]
    assert store.commit([EVERYTHING[:-1], sent]) == []
    store.close()
    engine = create_engine(parse(postgresql_url))
    with engine.begin() as one, engine.begin() as other:
        for connection in (one, other):
            connection.execute(text("SET LOCAL lock_timeout = '10s'"))
        yield one, other
    engine.dispose()


def claimed(connection: Connection, owner: str, limit: int = 10) -> list[str]:
    leases = outbox_queries.claim(connection, replace(CLAIM, owner=owner, limit=limit))
    assert all(lease.picture is not None and lease.picture.picture == PICTURE for lease in leases)
    return [lease.delivery.identity for lease in leases]


def test_neither_takes_what_the_other_has_nor_waits_for_it(together: tuple[Connection, Connection]) -> None:
    one, other = together
    assert claimed(one, "incarnation 1", limit=2) == ["a", "b"]
    assert claimed(other, "incarnation 2") == ["c"]
    assert claimed(one, "incarnation 1") == []


def test_what_was_claimed_but_not_committed_is_free_again(together: tuple[Connection, Connection]) -> None:
    one, other = together
    assert claimed(one, "incarnation 1") == ["a", "b", "c"]
    assert claimed(other, "incarnation 2") == []
    one.rollback()
    assert claimed(other, "incarnation 2") == ["a", "b", "c"]
