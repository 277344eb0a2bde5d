"""What goes to the peer as it is committed."""

from collections.abc import Sequence

from alarmd.core.effects import DurableEffect, RecordEvent, SaveContacts
from alarmd.core.outflow import Outflow
from alarmd.core.records import Event, Told


def event(number: int) -> Event:
    return Event("A", number, number, 1, 1, None, None, "note", f"event {number}", None, None, None)


def told_of(durable: Sequence[DurableEffect]) -> list[Told]:
    return [Told(effect.event) for effect in durable if isinstance(effect, RecordEvent)]


def outflow(limit: int = 100) -> Outflow:
    return Outflow(told_of, limit)


def recorded(*numbers: int) -> tuple[RecordEvent, ...]:
    return tuple(RecordEvent(event(number)) for number in numbers)


def test_records_leave_in_the_order_of_their_commits() -> None:
    flow = outflow()
    flow.opened()
    positions = [flow.committed(recorded(1, 2)), flow.committed(recorded(3))]
    assert positions == [2, 3]
    assert flow.take(2) == (Told(event(1)), Told(event(2)))
    assert flow.take(2) == (Told(event(3)),)
    assert flow.take(2) == ()


def test_the_peer_has_what_it_acknowledged_and_nothing_else() -> None:
    flow = outflow()
    flow.opened()
    first, second = flow.committed(recorded(1)), flow.committed(recorded(2))
    flow.take(2)
    assert (flow.stored_position, len(flow)) == (0, 2)
    flow.acknowledged(1)
    assert flow.stored_position == first < second
    flow.acknowledged(1)
    assert (flow.stored_position, len(flow)) == (second, 0)


def test_what_stores_nothing_stands_behind_all_that_was_stored_before() -> None:
    flow = outflow()
    flow.opened()
    before = flow.committed(recorded(1))
    assert flow.committed(()) == flow.committed((SaveContacts(()),)) == before


def test_nothing_is_kept_while_nobody_is_there() -> None:
    flow = outflow()
    flow.committed(recorded(1))
    flow.opened()
    assert flow.take(10) == ()
    flow.committed(recorded(2))
    flow.closed()
    assert len(flow) == 0
    flow.acknowledged(1)  # the answer was on its way
    assert flow.stored_position == 0


def test_what_was_before_the_link_counts_as_stored_once_it_was_told_from_the_database() -> None:
    flow = outflow()
    before = flow.committed(recorded(1))
    flow.opened()
    assert flow.stored_position < before
    flow.acknowledged(0)
    assert flow.stored_position == before


def test_a_peer_that_is_too_slow_is_told_from_the_database_again() -> None:
    flow = outflow(limit=3)
    flow.opened()
    flow.committed(recorded(1, 2))
    flow.take(1)
    kept = flow.position
    lost = flow.committed(recorded(3, 4))
    assert flow.overflowed
    assert not flow.is_open
    assert (len(flow), flow.take(10)) == (0, ())
    flow.acknowledged(1)  # of the record that was under way: the peer has it, but not what was dropped
    assert flow.stored_position < kept < lost
    flow.opened()
    assert not flow.overflowed
    live = flow.committed(recorded(5))
    flow.acknowledged(0)
    assert lost <= flow.stored_position < live
    assert flow.take(10) == (Told(event(5)),)
