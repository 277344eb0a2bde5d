"""The API's commands."""

import asyncio
import socket
import threading
from collections.abc import Callable

import httpx
import pytest

from alarmd.web.errors import MAX_FIELD
from tests.running_house import RunningHouse

HEARTBEAT = "cam1,HEARTBEAT,0,0,0,0,0,0"
ACK = "cam1,ACK,0,0,0,0,0,0"
TOKEN = "123456:very-secret"
TLGC = {"target": "cam1", "verb": "TLGC", "params": [TOKEN, "42"], "in_clear": True}


@pytest.fixture(autouse=True)
def cam1(client: httpx.Client) -> None:
    client.post("/devices/cam1/adopt", json={})


def test_a_command_waits_for_a_heartbeat_and_has_an_outcome(house: RunningHouse, client: httpx.Client) -> None:
    queued = client.post("/commands", json={"target": "cam1", "verb": "TLGS"}, headers={"X-Operator": "jana"})
    assert queued.status_code == 202
    (command,) = queued.json()["commands"]
    assert (command["device"], command["state"], command["requested_by"]) == ("cam1", "queued", "jana")
    house.frame(HEARTBEAT)
    assert b"TLGS" in house.frame(HEARTBEAT)[0]
    assert client.get(f"/commands/{command['id']}").json()["state"] == "sent"
    house.frame(ACK)
    assert client.get(f"/commands/{command['id']}").json()["state"] == "acked"


def test_whoever_waits_hears_the_outcome_when_it_is_there(house: RunningHouse, client: httpx.Client) -> None:
    (command,) = client.post("/commands", json={"target": "cam1", "verb": "TLGS"}).json()["commands"]
    answers: list[str] = []

    def wait() -> None:
        with house.client() as another:
            answers.append(another.get(f"/commands/{command['id']}", params={"wait": 60}).json()["state"])

    waiting = threading.Thread(target=wait)
    waiting.start()
    house.frame(HEARTBEAT)
    house.frame(HEARTBEAT)
    house.frame(ACK)
    waiting.join(30)
    assert answers == ["acked"]


def test_whoever_waited_long_enough_hears_how_far_it_is(client: httpx.Client) -> None:
    (command,) = client.post("/commands", json={"target": "cam1", "verb": "TLGS"}).json()["commands"]
    assert client.get(f"/commands/{command['id']}", params={"wait": 0.2}).json()["state"] == "queued"


def test_whoever_knows_a_state_hears_of_the_next_one(house: RunningHouse, client: httpx.Client) -> None:
    (command,) = client.post("/commands", json={"target": "cam1", "verb": "TLGS"}).json()["commands"]
    path = f"/commands/{command['id']}"
    assert client.get(path, params={"wait": 0.2, "seen": "queued"}).json()["state"] == "queued"
    assert client.get(path, params={"wait": 60, "seen": "sent"}).json()["state"] == "queued"
    answers: list[str] = []

    def wait() -> None:
        with house.client() as another:
            answers.append(another.get(path, params={"wait": 60, "seen": "queued"}).json()["state"])

    waiting = threading.Thread(target=wait)
    waiting.start()
    house.frame(HEARTBEAT)
    house.frame(HEARTBEAT)
    waiting.join(30)
    assert answers == ["sent"]


def test_a_command_for_a_zone_or_for_all_is_one_for_each(client: httpx.Client) -> None:
    client.put("/zones/gate", json={"site": "home"})
    client.post("/devices/cam2/adopt", json={"zone": "gate"})
    for target, devices in (("@gate", ["cam2"]), ("*", ["cam1", "cam2"])):
        made = client.post("/commands", json={"target": target, "verb": "WCAM"}).json()["commands"]
        assert [command["device"] for command in made] == devices


def test_commands_are_listed_newest_first_and_by_device(client: httpx.Client) -> None:
    for verb in ("WCAM", "SCAM"):
        client.post("/commands", json={"target": "cam1", "verb": verb})
    verbs = [command["verb"] for command in client.get("/commands").json()["commands"]]
    assert verbs == ["SCAM", "WCAM"]
    assert client.get("/commands", params={"device": "cam2"}).json() == {"commands": []}


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"target": "nobody", "verb": "TLGS"}, 404, "device"),
        ({"target": "@nowhere", "verb": "TLGS"}, 404, "zone"),
        ({"target": "cam1", "verb": "MOAL"}, 422, "verb"),
        ({"target": "cam1", "verb": "TLGS", "params": ["x"]}, 422, "params"),
        ({"target": "cam1", "verb": "TLGS", "time_to_live": 0}, 422, "time_to_live"),
        ({"target": "cam1", "verb": "TLGS", "params": ["x"] * 7}, 422, "params"),
        ({"verb": "TLGS"}, 422, "target"),
        ({**TLGC, "in_clear": False}, 422, "in_clear"),
    ],
)
def test_a_command_that_cannot_be_queued_says_why(
    client: httpx.Client, body: dict[str, object], status: int, field: str
) -> None:
    refused = client.post("/commands", json=body)
    assert (refused.status_code, refused.json()["field"]) == (status, field)
    assert client.get("/commands").json() == {"commands": []}


def test_a_secret_goes_over_the_control_socket_and_is_never_shown(house: RunningHouse, client: httpx.Client) -> None:
    queued = client.post("/commands", json=TLGC)
    assert queued.status_code == 202
    assert queued.json()["commands"][0]["params"] == ["(hidden)", "(hidden)"]
    house.frame(HEARTBEAT)
    assert TOKEN.encode() in house.frame(HEARTBEAT)[0]
    shown = "".join(client.get(path).text for path in ("/commands", "/commands/1", "/events", "/devices/cam1"))
    assert TOKEN not in shown


def test_a_secret_does_not_go_over_tcp(house: RunningHouse, client: httpx.Client) -> None:
    with house.tcp_client() as tcp:
        refused = tcp.post("/commands", json=TLGC)
    assert (refused.status_code, refused.json()["reason"]) == (403, "forbidden")
    assert TOKEN not in refused.text
    assert client.get("/commands").json() == {"commands": []}


def test_a_body_that_cannot_be_read_is_not_repeated(client: httpx.Client) -> None:
    refused = client.post("/commands", json={**TLGC, "params": TOKEN})
    assert refused.status_code == 422
    assert TOKEN not in refused.text


def test_what_comes_over_tcp_is_marked_in_the_history(house: RunningHouse) -> None:
    with house.tcp_client() as tcp:
        made = tcp.post("/commands", json={"target": "cam1", "verb": "TLGS"}, headers={"X-Operator": "root"})
    assert made.json()["commands"][0]["requested_by"] == "root over http"


def test_a_command_nobody_queued_is_not_found(client: httpx.Client) -> None:
    refused = client.get("/commands/77", params={"wait": 5})
    assert (refused.status_code, refused.json()["reason"]) == (404, "unknown_command")


@pytest.mark.parametrize("number", ["-1", "9223372036854775808", "one"])
def test_a_command_number_that_is_none_is_refused(client: httpx.Client, number: str) -> None:
    refused = client.get(f"/commands/{number}")
    assert (refused.status_code, refused.json()["field"]) == (422, "command_id")


def test_whoever_waits_and_hangs_up_leaves_the_place_to_others(house: RunningHouse, client: httpx.Client) -> None:
    (command,) = client.post("/commands", json={"target": "cam1", "verb": "TLGS"}).json()["commands"]
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(house.control_socket))
    connection.sendall(f"GET /api/v1/commands/{command['id']}?wait=60 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    wakeups = house.house.wakeups
    house.run(until(lambda: wakeups.seats_taken == 1))
    connection.close()
    house.run(until(lambda: wakeups.seats_taken == 0))


def test_a_body_that_is_no_json_is_refused_as_a_whole(client: httpx.Client) -> None:
    refused = client.post("/commands", content=b'{"target', headers={"content-type": "application/json"})
    assert (refused.status_code, refused.json()["field"]) == (422, "")


def test_a_mistake_is_told_once_and_at_no_great_length(client: httpx.Client) -> None:
    twice = client.get("/commands/1", params={"wait": "nan"}).json()  # two functions ask for it
    assert [mistake["field"] for mistake in twice["errors"]] == ["wait"]
    long = client.post("/commands", json={"target": "cam1", "verb": "TLGS", "x" * 10_000: 1})
    assert len(long.json()["field"]) == MAX_FIELD


async def until(condition: Callable[[], bool]) -> None:
    """On the house's loop; house.run gives up some day."""
    while not condition():
        await asyncio.sleep(0.01)
