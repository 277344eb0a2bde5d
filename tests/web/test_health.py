"""/healthz, /status, /metrics and the description of the API."""

import re
from dataclasses import replace
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from alarmd import __version__
from alarmd.frames.errors import ArchiveError
from tests.running_house import RunningHouse


def test_a_server_that_stores_is_healthy(house: RunningHouse) -> None:
    with house.tcp_client() as tcp:
        answer = tcp.get(f"http://127.0.0.1:{house.tcp_port}/healthz")
    assert answer.status_code == 200
    health = answer.json()
    assert (health["healthy"], health["problems"], health["database"]) == (True, [], True)
    assert (health["version"], health["label"]) == (__version__, "A")
    assert 0 <= health["uptime"] < 3600


def test_a_monitor_hears_that_the_database_is_away(house: RunningHouse, client: httpx.Client) -> None:
    house.database_away = True
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["problems"] == ["the database does not answer"]
    assert answer.json()["database"] is False


@pytest.mark.parametrize(
    ("condition", "words"),
    [({"storage_failing": True}, "commits fail"), ({"waiting": 100}, "too much waits")],
)
def test_a_monitor_hears_that_storing_is_behind(
    house: RunningHouse, client: httpx.Client, condition: dict[str, Any], words: str
) -> None:
    house.condition = replace(house.condition, **condition)
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert words in answer.json()["problems"][0]
    house.condition = replace(house.condition, storage_failing=False, waiting=0)


def test_a_monitor_hears_that_pictures_are_refused_and_why(house: RunningHouse, client: httpx.Client) -> None:
    place = house.directory / "archive"
    place.rename(house.directory / "unplugged")
    with pytest.raises(ArchiveError):
        house.picture("cam1")
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert "pictures are refused: cannot" in answer.json()["problems"][0]


def test_the_server_at_a_glance(house: RunningHouse, client: httpx.Client) -> None:
    house.frame("cam1,MOAL,gate,0,0,0,0,0")
    client.post("/commands", json={"target": "cam1", "verb": "TLGS"})
    status = client.get("/status").json()
    assert status["devices"] == {"new": 1, "online": 0, "late": 0, "lost": 0, "elsewhere": 0, "asleep": 0}
    assert (status["open_alarms"], status["open_commands"]) == (1, 1)
    assert status["unknown_devices"] == "admit"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", status["started_at"])
    assert status["backlog"] == 0
    assert (status["outbox"]["pending"], status["outbox"]["dead"]) == (1, 0)
    assert status["outbox"]["oldest_pending_at"] > status["started_at"]


def test_a_glance_without_the_database_shows_what_the_server_knows_by_itself(
    house: RunningHouse, client: httpx.Client
) -> None:
    house.frame("cam1,HEARTBEAT,0,0,0,0,0,0")
    house.database_away = True
    status = client.get("/status")
    assert status.status_code == 200
    assert (status.json()["outbox"], status.json()["devices"]["new"]) == (None, 1)


def test_metrics_are_those_of_the_registry_given(house: RunningHouse) -> None:
    house.frame("cam1,HEARTBEAT,0,0,0,0,0,0")
    with house.tcp_client() as tcp:
        page = tcp.get(f"http://127.0.0.1:{house.tcp_port}/metrics")
    assert page.headers["content-type"].startswith("text/plain")
    (family,) = text_string_to_metric_families(page.text)
    assert [(sample.name, sample.value) for sample in family.samples] == [("house_devices", 1.0)]


def test_every_operation_is_described(house: RunningHouse) -> None:
    with house.tcp_client() as tcp:
        described = tcp.get(f"http://127.0.0.1:{house.tcp_port}/openapi.json").json()
    operations = [operation for path in described["paths"].values() for operation in path.values()]
    assert len(operations) > 15
    assert all(operation.get("summary") and operation.get("tags") for operation in operations)
    assert all(_described_answer(operation) for operation in operations)
    assert "/healthz" in described["paths"]
    problem = described["paths"]["/api/v1/devices/{name}"]["get"]["responses"]["422"]
    assert problem["content"]["application/json"]["schema"]["$ref"].endswith("/Problem")


def test_a_path_or_method_that_does_not_exist_is_refused_in_the_same_form(client: httpx.Client) -> None:
    for answer, status in ((client.get("/device"), 404), (client.delete("/zones"), 405)):
        assert answer.status_code == status
        assert set(answer.json()) == {"reason", "field", "message", "errors"}


def test_a_request_that_the_database_cannot_serve_now_is_refused(house: RunningHouse, client: httpx.Client) -> None:
    house.database_away = True
    refused = client.get("/events")
    assert (refused.status_code, refused.json()["reason"]) == (503, "unavailable")
    assert "away" in refused.json()["message"]


def test_a_defect_tells_the_client_nothing_of_the_inside(house: RunningHouse, client: httpx.Client) -> None:
    house.engine.handle = lambda *_: 1 / 0  # type: ignore[assignment,method-assign]  # a rule with a defect
    refused = client.post("/devices/cam1/adopt", json={})
    assert (refused.status_code, refused.json()["reason"]) == (500, "defect")
    assert "division" not in refused.text


def _described_answer(operation: dict[str, Any]) -> bool:
    """The shape of what a success returns, one event's of a stream; a 204 has nothing to return."""
    responses = operation["responses"]
    (success,) = [code for code in responses if code.startswith("2")]
    shapes = [
        content.get("schema") or content.get("itemSchema") for content in responses[success].get("content", {}).values()
    ]
    return success == "204" or (len(shapes) == 1 and bool(shapes[0]))
