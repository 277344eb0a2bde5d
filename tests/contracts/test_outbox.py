"""Deliveries: who may try which when, and what becomes of them."""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest

from alarmd.core.effects import DropDelivery, QueueDelivery, RetryDelivery
from alarmd.core.instant import Instant
from alarmd.storage.interface import (
    FRESH,
    Claim,
    DeliveryFilter,
    DeliveryState,
    Lease,
    Message,
    OutboxState,
    Reader,
    Store,
    StoredAlarm,
)
from tests.contracts import records
from tests.contracts.conftest import Storage
from tests.contracts.records import ALARM, DELIVERY, EVERYTHING, NOON, alarm

ME, OTHER = "incarnation 1", "incarnation 2"
LONG = 3600.0  # s: a lease that does not end in a test; one of 0 s ends at once, also on PostgreSQL's own clock


_alarm_of: defaultdict[str, int] = defaultdict(itertools.count(2).__next__)


@pytest.fixture(autouse=True)
def place(store: Store) -> None:
    store.commit([EVERYTHING[:-1], [alarm(number) for number in range(2, 200)]])


def delivery(identity: str, **changes: Any) -> QueueDelivery:
    """Each about an alarm of its own, for those of one alarm wait for each other."""
    return records.delivery(identity, **{"alarm_id": _alarm_of[identity]} | changes)


def queue(store: Store, *deliveries: QueueDelivery) -> None:
    assert store.commit([[each] for each in deliveries]) == []


def claim(
    store: Store,
    owner: str = ME,
    *,
    destination: str = "log",
    wall: int = NOON,
    mono: float = 50.0,
    seconds: float = LONG,
    limit: int = 10,
    calm: int = 10,
) -> list[Lease]:
    return store.claim_deliveries(Claim(owner, destination, Instant(wall, mono), seconds, limit, calm))


def names(leases: Sequence[Lease]) -> list[str]:
    return [lease.delivery.identity for lease in leases]


def test_a_due_delivery_is_leased_as_it_was_queued(storage: Storage) -> None:
    queue(storage.store, QueueDelivery(DELIVERY))
    storage.restart()
    assert claim(storage.store) == [Lease(DELIVERY, 1, StoredAlarm(ALARM, "cam1", "garden"))]


def test_urgent_ones_go_first_then_by_due_time_then_as_they_came(store: Store) -> None:
    queue(
        store,
        delivery("calm late", urgent=False, due_at=NOON),
        delivery("calm early", urgent=False, due_at=NOON - 5),
        delivery("urgent b", due_at=NOON),
        delivery("urgent a", due_at=NOON),
        delivery("urgent early", due_at=NOON - 1),
    )
    assert names(claim(store)) == ["urgent early", "urgent b", "urgent a", "calm early", "calm late"]


def test_an_alarm_of_now_goes_before_ten_that_waited_for_an_hour(store: Store) -> None:
    old = [delivery(f"old {number}", created_at=NOON - FRESH - number, due_at=NOON - FRESH) for number in range(10)]
    queue(store, *old, delivery("calm of now", urgent=False), delivery("now"))
    assert names(claim(store, limit=3)) == ["now", "old 0", "old 1"]


def test_one_that_was_just_tried_in_vain_is_not_new(store: Store) -> None:
    queue(store, delivery("old", created_at=NOON - FRESH, due_at=NOON - 1), delivery("now"))
    assert names(claim(store)) == ["now", "old"]


def test_only_so_many_calm_ones_are_leased_and_leave_room_for_urgent_ones(store: Store) -> None:
    queue(store, *(delivery(f"calm {number}", urgent=False) for number in range(3)))
    assert names(claim(store, limit=3, calm=1)) == ["calm 0"]
    assert names(claim(store, limit=3, calm=0)) == []
    assert names(claim(store, limit=3, calm=-1)) == []
    queue(store, delivery("urgent"))
    assert names(claim(store, limit=2, calm=5)) == ["urgent", "calm 1"]


def test_one_destination_is_asked_for_at_a_time(store: Store) -> None:
    queue(store, delivery("a"), delivery("b", destination="phone"))
    assert store.waiting_destinations() == ["log", "phone"]
    assert names(claim(store, destination="phone")) == ["b"]
    assert names(claim(store)) == ["a"]
    store.finish_delivery("a", ME, NOON)
    assert store.waiting_destinations() == ["phone"], "also while it is being tried"


def test_what_comes_of_an_alarm_waits_for_what_came_before_it(store: Store) -> None:
    raised, over = (delivery(name, alarm_id=1, urgent=name == "raised") for name in ("raised", "over"))
    queue(store, raised, over, delivery("elsewhere", alarm_id=1, destination="phone"))
    assert names(claim(store)) == ["raised"]
    assert names(claim(store)) == [], "also while it is being tried"
    assert names(claim(store, destination="phone")) == ["elsewhere"]
    store.retry_delivery("raised", ME, NOON + 7, "no route to host")
    assert names(claim(store)) == [], "and while it waits for another try"
    claim(store, wall=NOON + 7)
    store.finish_delivery("raised", ME, NOON + 7)
    assert names(claim(store)) == ["over"]


def test_recipients_do_not_wait_for_each_other(store: Store) -> None:
    queue(store, *(delivery(name, alarm_id=1, recipient=name) for name in ("ann", "bob")))
    assert names(claim(store)) == ["ann", "bob"]


def test_recipients_that_are_busy_are_left_alone_and_some_only_by_what_is_calm(store: Store) -> None:
    urgent = [delivery(name, recipient=name) for name in ("ann", "bob")]
    calm = [delivery(f"calm {name}", recipient=name, urgent=False) for name in ("ann", "bob", "eve")]
    queue(store, *urgent, *calm)
    wish = Claim(ME, "log", Instant(NOON, 50.0), LONG, 10, 10, frozenset({"ann"}), frozenset({"bob"}))
    assert names(store.claim_deliveries(wish)) == ["bob", "calm eve"]


def test_pictures_of_an_alarm_wait_for_what_came_before_them_and_not_for_each_other(store: Store) -> None:
    names_of = {"raised": "raised", "first": "picture", "second": "picture", "over": "cleared", "third": "picture"}
    queue(store, *(delivery(name, alarm_id=1, subject=subject) for name, subject in names_of.items()))
    assert names(claim(store)) == ["raised"]
    store.finish_delivery("raised", ME, NOON)
    assert names(claim(store)) == ["first", "second"]
    store.finish_delivery("second", ME, NOON)
    assert names(claim(store)) == []
    store.finish_delivery("first", ME, NOON)
    assert names(claim(store)) == ["over"]
    store.finish_delivery("over", ME, NOON)
    assert names(claim(store)) == ["third"]


def test_a_recipient_that_something_is_uploaded_to_gets_only_what_needs_no_upload(store: Store) -> None:
    calm = [delivery(f"text {name}", recipient=name, urgent=False) for name in ("ann", "bob")]
    pictures = [
        delivery(f"picture {name}", recipient=name, urgent=False, attachment="a.jpg") for name in ("ann", "bob")
    ]
    queue(store, *pictures, *calm)
    wish = Claim(ME, "log", Instant(NOON, 50.0), LONG, 10, 10, upload_busy=frozenset({"ann"}))
    assert names(store.claim_deliveries(wish)) == ["picture bob", "text ann", "text bob"]


def test_what_was_not_tried_after_all_does_not_count_as_an_attempt(store: Store) -> None:
    queue(store, delivery("1"))
    claim(store)
    store.postpone_delivery("1", ME, NOON + 7)
    assert claim(store, wall=NOON + 6) == []
    (lease,) = claim(store, wall=NOON + 7)
    assert (lease.attempt, lease.uncertain) == (1, False)
    store.postpone_delivery("1", OTHER, NOON)
    store.postpone_delivery("unknown", ME, NOON)
    assert claim(store, wall=NOON * 2) == []


def test_an_attempt_of_which_nobody_knows_makes_all_later_ones_uncertain(store: Store) -> None:
    queue(store, delivery("died"), delivery("answer lost"), delivery("sure"))
    claim(store, OTHER)
    assert {lease.delivery.identity: lease.uncertain for lease in claim(store)} == {
        "died": True,
        "answer lost": True,
        "sure": True,
    }
    queue(store, delivery("a"), delivery("b"))
    assert [lease.uncertain for lease in claim(store)] == [False, False]
    store.retry_delivery("a", ME, NOON, "no answer", uncertain=True)
    store.retry_delivery("b", ME, NOON, "refused")
    assert [lease.uncertain for lease in claim(store)] == [True, False]
    store.retry_delivery("a", ME, NOON, "refused")
    assert [lease.uncertain for lease in claim(store)] == [True]


def test_a_message_is_found_again_by_what_comes_of_its_alarms(storage: Storage) -> None:
    store = storage.store
    together = [delivery(name, alarm_id=number, recipient="ann") for number, name in ((1, "one"), (2, "two"))]
    queue(store, *together, delivery("apart", alarm_id=2, recipient="bob"))
    for lease in claim(store):
        assert lease.message is None
        store.finish_delivery(lease.delivery.identity, ME, NOON, reference="17")
    queue(store, delivery("over", alarm_id=2, recipient="ann"), delivery("other", alarm_id=3, recipient="ann"))
    queue(store, delivery("bob's", alarm_id=2, recipient="bob"))
    storage.restart()
    found = {lease.delivery.identity: lease.message for lease in claim(storage.store)}
    about = {number: StoredAlarm(stored.alarm, stored.device, stored.zone) for number, stored in kept(storage)}
    assert found == {
        "over": Message("17", (about[1], about[2])),
        "bob's": Message("17", (about[2],)),
        "other": None,
    }


def kept(storage: Storage) -> list[tuple[int, StoredAlarm]]:
    return [(stored.alarm.id, stored) for stored in storage.reader.alarms(limit=1000)]


def test_a_newer_message_takes_the_place_of_the_one_that_told_of_an_alarm(store: Store) -> None:
    for number, reference in enumerate(("17", "18", "")):
        queue(store, delivery(f"m{number}", alarm_id=1))
        claim(store)
        store.finish_delivery(f"m{number}", ME, NOON, reference)
    queue(store, delivery("last", alarm_id=1))
    (lease,) = claim(store)
    assert lease.message is not None
    assert lease.message.reference == "18"


def test_a_recipient_that_moved_is_found_where_it_is(storage: Storage) -> None:
    queue(storage.store, delivery("1", recipient="ann"))
    claim(storage.store)
    storage.store.finish_delivery("1", ME, NOON, "17", moved_to="elsewhere")
    storage.restart()
    assert (storage.reader.moved("log"), storage.reader.moved("phone")) == ({"ann": "elsewhere"}, {})
    queue(storage.store, delivery("2", recipient="ann"))
    claim(storage.store)
    storage.store.finish_delivery("2", ME, NOON, moved_to="on again")
    assert storage.reader.moved("log") == {"ann": "on again"}


def test_what_is_told_by_somebody_who_lost_the_lease_is_not_remembered(store: Store, reader: Reader) -> None:
    queue(store, delivery("1"))
    claim(store)
    store.finish_delivery("1", OTHER, NOON, "17", moved_to="elsewhere")
    assert reader.moved("log") == {}
    store.finish_delivery("1", ME, NOON)
    queue(store, delivery("2", alarm_id=_alarm_of["1"]))
    assert [lease.message for lease in claim(store)] == [None]


def states(reader: Reader, **wanted: Any) -> dict[str, tuple[str, int, str]]:
    found = reader.deliveries(DeliveryFilter(**{"states": tuple(DeliveryState)} | wanted))
    return {one.delivery.identity: (one.state, one.attempts, one.last_error) for one in found}


@pytest.fixture
def various(store: Store) -> None:
    """One of each state: told, dead, dropped, waiting for another try, and new."""
    for number, name in enumerate(("told", "dead", "dropped", "failed", "new")):
        queue(store, delivery(name, destination="phone" if name == "dead" else "log", created_at=NOON + number))
        if name != "new":
            claim(store, destination="phone" if name == "dead" else "log")
    store.finish_delivery("told", ME, NOON)
    store.abandon_delivery("dead", ME, NOON, "no such chat")
    store.commit([[DropDelivery("dropped", NOON)]])
    store.retry_delivery("failed", ME, NOON + 60, "no answer")


def test_what_waits_and_what_was_given_up_is_found_the_newest_first(various: None, reader: Reader) -> None:
    assert states(reader) == {
        "new": ("pending", 0, ""),
        "failed": ("pending", 1, "no answer"),
        "dropped": ("dropped", 1, ""),
        "dead": ("dead", 1, "no such chat"),
        "told": ("delivered", 1, ""),
    }
    usual = reader.deliveries(DeliveryFilter())
    assert [one.delivery.identity for one in usual] == ["new", "failed", "dead"]
    assert [one.settled_at for one in usual] == [None, None, NOON]
    assert list(states(reader, limit=2)) == ["new", "failed"]
    assert list(states(reader, destination="phone")) == ["dead"]
    assert list(states(reader, row=usual[-1].row)) == ["dead"]
    assert list(states(reader, states=(DeliveryState.DEAD,), row=usual[0].row)) == []


def test_what_was_given_up_is_tried_again_as_if_for_the_first_time(various: None, store: Store, reader: Reader) -> None:
    again = RetryDelivery("dead", NOON + 5)
    assert store.commit([[again]]) == []
    assert store.commit([[again]]) == [], "to commit twice is harmless"
    assert states(reader)["dead"] == ("pending", 0, "no such chat")
    assert names(claim(store, destination="phone", wall=NOON + 4)) == []
    (lease,) = claim(store, destination="phone", wall=NOON + 5)
    assert lease.attempt == 1
    assert reader.outbox().dead == 0


def test_what_waits_for_another_try_is_due_at_once(various: None, store: Store) -> None:
    store.commit([[RetryDelivery("failed", NOON)]])
    assert "failed" in names(claim(store))


def test_what_is_being_tried_is_not_tried_again_beside_it(various: None, store: Store, reader: Reader) -> None:
    claim(store)
    store.commit([[RetryDelivery("new", NOON)]])
    assert claim(store) == []
    assert states(reader)["new"][1] == 1


def test_what_was_told_or_dropped_stays_so(various: None, store: Store, reader: Reader) -> None:
    before = states(reader)
    store.commit([[RetryDelivery(name, NOON) for name in ("told", "dropped", "unknown")]])
    store.commit([[DropDelivery(name, NOON + 9) for name in ("told", "dropped", "unknown")]])
    assert states(reader) == before


def test_what_is_dropped_is_never_told_also_while_it_is_being_tried(
    various: None, store: Store, reader: Reader
) -> None:
    claim(store)
    store.commit([[DropDelivery(name, NOON + 1) for name in ("new", "failed", "dead")]])
    store.retry_delivery("new", ME, NOON, "too late")
    assert {name: state for name, (state, *_) in states(reader).items()} == {
        "new": "dropped",
        "failed": "dropped",
        "dropped": "dropped",
        "dead": "dropped",
        "told": "delivered",
    }
    assert claim(store, OTHER, wall=NOON * 2) == claim(store, OTHER, destination="phone", wall=NOON * 2) == []
    assert reader.outbox() == OutboxState(0, 0, 0, None)
    assert store.purge(NOON + 2, 100) >= 5


def test_the_alarm_is_told_as_it_is_when_it_is_told(store: Store) -> None:
    queue(store, QueueDelivery(DELIVERY))
    store.commit([[records.cleared_alarm(1, NOON + 5, identity=ALARM.identity)]])
    assert [lease.alarm.alarm.cleared_at for lease in claim(store)] == [NOON + 5]


def test_what_is_not_due_waits(store: Store) -> None:
    queue(store, delivery("now"), delivery("later", due_at=NOON + 1))
    assert names(claim(store)) == ["now"]
    assert names(claim(store, wall=NOON + 1)) == ["later"]


@pytest.mark.parametrize(("limit", "claimed"), [(2, ["1", "2"]), (0, []), (-1, [])])
def test_no_more_than_asked_for_are_leased(store: Store, limit: int, claimed: list[str]) -> None:
    queue(store, delivery("1"), delivery("2"), delivery("3"))
    assert names(claim(store, limit=limit)) == claimed


def test_a_leased_delivery_is_not_given_out_again(store: Store) -> None:
    queue(store, delivery("1"))
    claim(store)
    assert claim(store, mono=51.0) == []


def test_a_lease_that_ran_out_counts_as_an_attempt(store: Store) -> None:
    queue(store, delivery("1"))
    claim(store, seconds=0.0)
    assert [lease.attempt for lease in claim(store)] == [2]


def test_a_restarted_server_takes_over_its_old_leases_at_once(storage: Storage) -> None:
    queue(storage.store, delivery("1"))
    claim(storage.store, ME)
    storage.restart()
    assert [lease.attempt for lease in claim(storage.store, OTHER)] == [2]


def test_a_finished_delivery_is_done_for_good(store: Store) -> None:
    queue(store, delivery("1"))
    claim(store)
    store.finish_delivery("1", ME, NOON)
    queue(store, delivery("1"))
    assert claim(store, OTHER, wall=NOON * 2) == []


def test_a_failed_attempt_is_tried_again_when_it_is_due(store: Store) -> None:
    queue(store, delivery("1"))
    claim(store)
    store.retry_delivery("1", ME, NOON + 7, "no route to host")
    assert claim(store, wall=NOON + 6) == []
    (lease,) = claim(store, wall=NOON + 7)
    assert (lease.attempt, lease.delivery.due_at) == (2, NOON + 7)


def test_an_abandoned_delivery_is_never_tried_again(store: Store) -> None:
    queue(store, delivery("1"))
    claim(store)
    store.abandon_delivery("1", ME, NOON, "the chat does not exist")
    queue(store, delivery("1"))
    assert claim(store, OTHER, wall=NOON * 2) == []


def test_a_lost_lease_changes_nothing(store: Store, reader: Reader) -> None:
    queue(store, delivery("1"))
    claim(store, ME)
    claim(store, OTHER)
    store.finish_delivery("1", ME, NOON)
    store.retry_delivery("1", ME, NOON + 7, "late")
    store.abandon_delivery("1", ME, NOON, "late")
    assert reader.outbox() == OutboxState(pending=0, leased=1, dead=0, oldest_pending_at=NOON)
    store.finish_delivery("1", OTHER, NOON)
    assert reader.outbox() == OutboxState(pending=0, leased=0, dead=0, oldest_pending_at=None)


def test_settling_twice_or_what_is_not_there_changes_nothing(store: Store, reader: Reader) -> None:
    queue(store, delivery("1"))
    claim(store)
    store.abandon_delivery("1", ME, NOON, "refused")
    store.finish_delivery("1", ME, NOON)
    store.finish_delivery("unknown", ME, NOON)
    assert reader.outbox().dead == 1


def test_the_words_of_a_destination_never_stop_the_outbox(store: Store) -> None:
    queue(store, delivery("1"))
    claim(store)
    store.retry_delivery("1", ME, NOON, "\0 \ud800 é " + "x" * 100_000)
    assert names(claim(store)) == ["1"]


def test_the_state_counts_what_waits_what_is_tried_and_what_is_dead(store: Store, reader: Reader) -> None:
    queue(store, *(delivery(str(number), created_at=NOON - number, due_at=NOON - number) for number in range(6)))
    claim(store, limit=3)  # 5, 4, 3
    store.finish_delivery("5", ME, NOON)
    store.abandon_delivery("4", ME, NOON, "refused")
    assert reader.outbox() == OutboxState(pending=3, leased=1, dead=1, oldest_pending_at=NOON - 3)
