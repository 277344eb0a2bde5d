"""The API's devices."""

import httpx
import pytest

from tests.running_house import RunningHouse

HEARTBEAT = "cam1,HEARTBEAT,0,0,0,0,0,0"


def test_a_device_that_was_heard_is_listed_with_its_presence_and_address(
    house: RunningHouse, client: httpx.Client
) -> None:
    house.frame(HEARTBEAT)
    answer = client.get("/devices").json()
    (device,) = answer["devices"]
    assert answer["unknown_devices"] == "admit"
    assert answer["next"] is None
    assert device["name"] == "cam1"
    assert device["zone"] == "unassigned"
    assert device["standing"] == "admitted"
    assert device["presence"] == "new"
    assert device["address"] == "udp:192.0.2.1:4000"
    assert device["last_contact"].endswith("Z")
    assert device["live"]["armed"] is True


def test_a_device_that_was_adopted_but_never_seen_has_no_presence(client: httpx.Client) -> None:
    device = client.post("/devices/cam1/adopt", json={}).json()
    assert (device["standing"], device["zone"]) == ("adopted", "home")
    assert (device["presence"], device["last_contact"], device["address"]) == (None, None, "")


def test_settings_change_one_by_one_and_the_rest_stays(client: httpx.Client) -> None:
    client.post("/devices/cam1/adopt", json={})
    first = client.patch("/devices/cam1", json={"dialect": "seed", "arming_answers": True}).json()
    second = client.patch("/devices/cam1", json={"report_within": 60}).json()
    assert first["report_within"] == 90
    assert (second["dialect"], second["arming_answers"], second["report_within"]) == ("seed", True, 60)
    assert client.get("/devices/cam1").json() == second


def test_a_setting_that_does_not_exist_is_refused_by_name(client: httpx.Client) -> None:
    client.post("/devices/cam1/adopt", json={})
    refused = client.patch("/devices/cam1", json={"report_witin": 60, "dialect": "latin"})
    assert refused.status_code == 422
    problem = refused.json()
    assert problem["reason"] == "invalid"
    assert [mistake["field"] for mistake in problem["errors"]] == ["dialect", "report_witin"]
    assert client.get("/devices/cam1").json()["report_within"] == 90


@pytest.mark.parametrize("nothing", [{}, {"zone": None, "dialect": None}])
def test_a_change_of_nothing_is_refused(client: httpx.Client, nothing: dict[str, None]) -> None:
    client.post("/devices/cam1/adopt", json={})
    refused = client.patch("/devices/cam1", json=nothing)
    assert refused.status_code == 422
    assert "report_within" in refused.json()["message"]


def test_the_rules_own_refusal_names_reason_field_and_limit(client: httpx.Client) -> None:
    client.post("/devices/cam1/adopt", json={})
    refused = client.patch("/devices/cam1", json={"report_within": 1})
    assert refused.status_code == 422
    assert refused.json()["field"] == "report_within"
    assert "20 to" in refused.json()["message"]


def test_a_device_nobody_knows_is_not_found(client: httpx.Client) -> None:
    for answer in (
        client.get("/devices/nobody"),
        client.patch("/devices/nobody", json={"dialect": "seed"}),
        client.delete("/devices/nobody"),
    ):
        assert answer.status_code == 404
        assert answer.json()["reason"] == "unknown_device"


def test_a_forgotten_device_is_gone_and_its_name_free(house: RunningHouse, client: httpx.Client) -> None:
    house.frame(HEARTBEAT)
    assert client.delete("/devices/cam1").status_code == 204
    assert client.get("/devices").json()["devices"] == []
    house.frame(HEARTBEAT)
    assert client.get("/devices/cam1").json()["standing"] == "admitted"


def test_long_lists_come_in_pages_by_name(client: httpx.Client) -> None:
    names = [f"cam{number}" for number in range(7)]
    for name in reversed(names):
        client.post(f"/devices/{name}/adopt", json={})
    pages, after = [], ""
    while after is not None:
        answer = client.get("/devices", params={"after": after, "limit": 3}).json()
        pages.append([device["name"] for device in answer["devices"]])
        after = answer["next"]
    assert pages == [names[:3], names[3:6], names[6:]]


def test_the_last_full_page_says_that_it_is_the_last(client: httpx.Client) -> None:
    for name in ("a", "b"):
        client.post(f"/devices/{name}/adopt", json={})
    assert client.get("/devices", params={"limit": 2}).json()["next"] is None
