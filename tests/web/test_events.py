"""The API's events, and the stream of them."""

import json
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from alarmd.web.wakeups import MAX_SEATS
from tests.running_house import RunningHouse

LINE = "cam1,LOG,hello,0,0,0,0,0"


def texts(client: httpx.Client, **filters: Any) -> list[str]:
    return [event["text"] for event in client.get("/events", params=filters).json()["events"]]


def stream(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """The events of a stream; each has its row as `id` too."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        fields[name] = value
        if not line and "data" in fields:
            event = json.loads(fields["data"])
            assert (fields["event"], fields["id"]) == ("event", str(event["row"]))
            yield event
            fields = {}


def test_events_are_listed_newest_first_with_names(house: RunningHouse, client: httpx.Client) -> None:
    house.frame(LINE)
    newest = client.get("/events").json()["events"][0]
    assert (newest["kind"], newest["device"], newest["zone"]) == ("log", "cam1", "unassigned")
    assert newest["text"] == "hello"
    assert newest["origin"] == "A"


def test_events_are_found_by_device_kind_and_time(house: RunningHouse, client: httpx.Client) -> None:
    house.frame("cam1,LOG,first,0,0,0,0,0")
    house.frame("cam2,LOG,second,0,0,0,0,0", port=4001)
    house.frame("cam2,ERR,third,0,0,0,0,0", port=4001)
    assert texts(client, kind="log") == ["second", "first"]
    assert texts(client, device="cam2", kind="error") == ["third"]
    at = client.get("/events", params={"kind": "log", "limit": 1}).json()["events"][0]["received_at"]
    assert texts(client, kind="log", since=at) == ["second"]
    assert texts(client, kind="log", until=at) == ["first"]
    wall = round(datetime.fromisoformat(at).timestamp() * 1_000_000)
    assert texts(client, kind="log", since=wall) == ["second"]


def test_events_after_a_row_come_oldest_first(house: RunningHouse, client: httpx.Client) -> None:
    for word in ("one", "two", "three"):
        house.frame(f"cam1,LOG,{word},0,0,0,0,0")
    row = client.get("/events", params={"kind": "log", "limit": 3}).json()["events"][2]["row"]
    assert texts(client, after_row=row, kind="log") == ["two", "three"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "weather"),
        ("device", "cam1\0"),  # PostgreSQL cannot even look for it
        ("since", "yesterday"),
        ("since", "2026-11-21T12:00:00"),  # of which time zone?
        ("since", "9" * 30),
        ("limit", "0"),
        ("limit", "1001"),
        ("after_row", "-1"),
        ("after_row", "9223372036854775808"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_by_name(client: httpx.Client, name: str, value: str) -> None:
    refused = client.get("/events", params={name: value})
    assert (refused.status_code, refused.json()["field"]) == (422, name)


def test_a_follower_hears_what_is_stored_from_now_on(house: RunningHouse, client: httpx.Client) -> None:
    house.frame("cam1,LOG,before,0,0,0,0,0")
    with client.stream("GET", "/events/stream", params={"kind": "log"}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        following = stream(answer.iter_lines())
        heard = follow_in_thread(following, 2)
        send_until(heard, lambda: house.frame("cam1,LOG,after,0,0,0,0,0"))
    assert [event["text"] for event in heard.events] == ["after", "after"]


def test_a_follower_that_knows_a_row_misses_nothing(house: RunningHouse, client: httpx.Client) -> None:
    for word in ("one", "two"):
        house.frame(f"cam1,LOG,{word},0,0,0,0,0")
    with client.stream("GET", "/events/stream", params={"kind": "log", "after_row": 0}) as answer:
        following = stream(answer.iter_lines())
        first = next(following)
        assert [first["text"], next(following)["text"]] == ["one", "two"]
    with client.stream("GET", "/events/stream?kind=log", headers={"Last-Event-ID": str(first["row"])}) as answer:
        assert next(stream(answer.iter_lines()))["text"] == "two"


def test_a_stop_ends_the_streams(house: RunningHouse, client: httpx.Client) -> None:
    with client.stream("GET", "/events/stream", params={"after_row": 0}) as answer:
        lines = answer.iter_lines()
        next(lines)
        house.run(house.api.stop())
        assert not any(line.startswith("event: error") for line in lines)


def test_one_follower_too_many_is_refused(house: RunningHouse, client: httpx.Client) -> None:
    async def take() -> list[Any]:
        seats = [house.house.wakeups.seat() for _ in range(MAX_SEATS)]
        for seat in seats:
            seat.__enter__()
        return seats

    async def leave(seats: list[Any]) -> None:
        for seat in seats:
            seat.__exit__(None, None, None)

    seats = house.run(take())
    refused = client.get("/events/stream")
    assert (refused.status_code, refused.json()["reason"]) == (503, "too_many_followers")
    assert str(MAX_SEATS) in refused.json()["message"]
    house.run(leave(seats))
    with client.stream("GET", "/events/stream", params={"after_row": 0}) as answer:
        assert answer.status_code == 200


def test_a_database_that_is_away_for_a_while_does_not_end_a_stream(house: RunningHouse, client: httpx.Client) -> None:
    with client.stream("GET", "/events/stream", params={"kind": "log"}) as answer:
        heard = follow_in_thread(stream(answer.iter_lines()), 1)
        house.database_away = True
        house.frame(LINE)  # wakes the follower, who finds nothing
        house.database_away = False
        send_until(heard, lambda: house.frame(LINE))
    assert heard.events[0]["text"] == "hello"


class follow_in_thread(threading.Thread):  # noqa: N801  reads like a function where it is used
    def __init__(self, events: Iterator[dict[str, Any]], count: int) -> None:
        super().__init__(daemon=True)
        self.events: list[dict[str, Any]] = []
        self._source, self._count = events, count
        self.start()

    def run(self) -> None:
        while len(self.events) < self._count:
            self.events.append(next(self._source))


def send_until(heard: follow_in_thread, send: Any) -> None:
    """Until the follower has enough: it may not have begun to listen when the first is sent."""
    for _ in range(100):
        send()
        heard.join(0.3)
        if not heard.is_alive():
            return
    raise AssertionError("the follower heard nothing")
