"""The API's messages on their way. The house of these tests has nobody who would tell them, so the test does."""

import httpx
import pytest

from alarmd.adapters.reactor_clock import now
from alarmd.storage.interface import Claim
from tests.running_house import RunningHouse

ME = "a worker"


def give_up(house: RunningHouse, reason: str = "no such chat") -> None:
    """The oldest message."""

    async def abandon() -> None:
        (lease,) = house.store.claim_deliveries(Claim(ME, "log", now(), 60.0, 1, 1))
        house.store.abandon_delivery(lease.delivery.identity, ME, now().wall, reason)

    house.run(abandon())


@pytest.fixture
def dead(house: RunningHouse) -> RunningHouse:
    """Messages 1, which was given up, and 2, which waits."""
    house.frame("cam1,MOAL,gate,0,0,0,0,0")
    give_up(house)
    house.frame("cam2,MOAL,gate,0,0,0,0,0")
    return house


def test_what_waits_and_what_was_given_up_is_listed(dead: RunningHouse, client: httpx.Client) -> None:
    waiting, given_up = client.get("/outbox").json()["deliveries"]
    assert (waiting["id"], waiting["state"], waiting["settled_at"]) == (2, "pending", None)
    assert (given_up["state"], given_up["attempts"], given_up["last_error"]) == ("dead", 1, "no such chat")
    assert (given_up["destination"], given_up["recipient"], given_up["subject"]) == ("log", "", "raised")
    assert [one["id"] for one in client.get("/outbox?state=dead").json()["deliveries"]] == [1]
    assert client.get("/outbox?destination=phone").json()["deliveries"] == []
    assert client.get("/outbox?state=delivered&state=dropped").json()["deliveries"] == []
    assert client.get("/outbox?state=lost").status_code == 422


def test_a_message_is_tried_again_and_the_history_says_who_wanted_it(dead: RunningHouse, client: httpx.Client) -> None:
    again = client.post("/outbox/1/retry", headers={"X-Operator": "ann"}).json()
    assert (again["state"], again["attempts"], again["settled_at"]) == ("pending", 0, None)
    (event,) = client.get("/events?kind=delivery_retried").json()["events"]
    assert event["text"].endswith(" by ann")


def test_a_message_is_dropped_once(dead: RunningHouse, client: httpx.Client) -> None:
    assert client.post("/outbox/2/drop").json()["state"] == "dropped"
    for number, action in ((2, "drop"), (2, "retry"), (99, "drop"), (2**70, "retry")):
        refused = client.post(f"/outbox/{number}/{action}")
        assert (refused.status_code, refused.json()["reason"]) == (404, "unknown_delivery")


def test_it_is_on_the_control_socket_only(dead: RunningHouse) -> None:
    with dead.tcp_client() as client:
        assert client.get("/outbox").status_code == 404
        assert client.post("/outbox/1/retry").status_code == 404
