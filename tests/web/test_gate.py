"""Who may ask over TCP: programs on this machine, and no web page in a browser on it."""

import httpx
import pytest

from alarmd.web.gate import MAX_BODY
from tests.running_house import RunningHouse

DISARM = {"arming": "disarmed"}


def disarm(house: RunningHouse, **headers: str) -> httpx.Response:
    with house.tcp_client() as tcp:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return tcp.post("/zones/home/arming", json=DISARM, headers=given)


def armed(house: RunningHouse) -> bool:
    with house.client() as client:
        zones = client.get("/zones").json()["zones"]
    return bool(zones[0]["live"]["armed"])


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8080", "127.0.0.1", "[::1]:8080", "[::1]", "alarm.example", "alarm.example:443"]
)
def test_the_names_of_loopback_and_the_configured_ones_are_served(house: RunningHouse, host: str) -> None:
    assert disarm(house, host=host).status_code == 200
    assert not armed(house)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.", "alarm.example:x", "*"])
def test_a_name_that_was_pointed_at_loopback_is_not(house: RunningHouse, host: str) -> None:
    refused = disarm(house, host=host)
    assert (refused.status_code, refused.json()["reason"]) == (403, "forbidden")
    assert armed(house)


def test_a_page_of_the_same_origin_may_ask(house: RunningHouse) -> None:
    own = f"http://127.0.0.1:{house.tcp_port}"
    assert disarm(house, origin=own, sec_fetch_site="same-origin").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:3000"},  # another program's page on this machine
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_a_page_of_another_origin_may_not(house: RunningHouse, headers: dict[str, str]) -> None:
    assert disarm(house, **headers).status_code == 403
    assert armed(house)


def test_a_form_of_a_page_is_no_request_even_without_an_origin(house: RunningHouse) -> None:
    with house.tcp_client() as tcp:
        text = tcp.post("/zones/home/arming", content='{"arming":"disarmed"}', headers={"content-type": "text/plain"})
    assert text.status_code == 422
    assert armed(house)


def test_metrics_and_health_are_behind_the_same_gate(house: RunningHouse) -> None:
    with house.tcp_client() as tcp:
        for path in ("/metrics", "/healthz", "/openapi.json"):
            url = f"http://127.0.0.1:{house.tcp_port}{path}"
            assert tcp.get(url, headers={"host": "evil.example"}).status_code == 403


def test_nobody_asks_for_a_host_on_the_control_socket(house: RunningHouse) -> None:
    with house.client() as client:
        assert client.get("/zones", headers={"host": "whatever", "origin": "http://evil.example"}).status_code == 200


def test_a_body_that_is_too_long_is_not_read(house: RunningHouse) -> None:
    with house.client() as client:
        refused = client.post("/zones/home/arming", content=b" " * (MAX_BODY + 1))
    assert (refused.status_code, refused.json()["reason"]) == (413, "too_long")


def test_a_body_that_does_not_say_how_long_it_is_is_not_read(house: RunningHouse) -> None:
    with house.client() as client:
        refused = client.post("/zones/home/arming", content=iter([b"{"]))
    assert (refused.status_code, refused.json()["reason"]) == (413, "too_long")
