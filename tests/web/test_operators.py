"""Operators' machines: added and removed on control.sock only, and no devices."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import Response

from alarmd.adapters.reactor_clock import now
from alarmd.core.engine import Engine
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.settings import Settings
from alarmd.core.snapshot import Snapshot
from alarmd.web import operators
from alarmd.web.bodies import SecretBody
from lfcp.authenticator import key_from_text
from tests.running_house import RunningHouse
from tests.signed_camera import SignedCamera

PATH = "/operators/anna/key"


def machine_of(answer: httpx.Response) -> SignedCamera:
    return SignedCamera("anna", key_from_text(answer.json()["key"]))


def beat(house: RunningHouse, machine: SignedCamera) -> list[str]:
    """The verbs of the answers to a heartbeat, each verified."""
    return [machine.read(frame).verb for frame in house.frame(machine.heartbeat().payload.decode())]


def the_one(client: httpx.Client) -> dict[str, object]:
    (one,) = client.get("/operators").json()["operators"]
    assert isinstance(one, dict)
    return one


def test_an_operator_is_added_with_a_key_and_is_no_device(house: RunningHouse, client: httpx.Client) -> None:
    answer = client.post(PATH, json={})
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    assert answer.json() == {"operator": "anna", "key": answer.json()["key"], "label": "A"}
    assert the_one(client) | {"first_seen": "then"} == {
        "name": "anna", "last_contact": None, "address": "", "key_epochs": [1], "path_proven": False,
        "first_seen": "then",
    }  # fmt: skip
    assert client.get("/devices").json()["devices"] == []
    assert client.get("/devices/anna").status_code == 404


def test_its_heartbeats_prove_its_path(house: RunningHouse, client: httpx.Client) -> None:
    machine = machine_of(client.post(PATH, json={}))
    assert beat(house, machine) == beat(house, machine) == ["ACK"]
    one = the_one(client)
    assert (one["path_proven"], one["address"]) == (True, "udp:192.0.2.1:4000")


def test_an_old_key_is_good_until_the_new_one_is_used(house: RunningHouse, client: httpx.Client) -> None:
    old = machine_of(client.post(PATH, json={}))
    new = machine_of(client.post(PATH, json={"renew": True}))
    assert the_one(client)["key_epochs"] == [1, 2]
    assert beat(house, old) == ["ACK"]
    new.counter = old.counter
    assert beat(house, new) == ["ACK"]
    assert the_one(client)["key_epochs"] == [2]
    assert beat(house, old) == []


def test_the_key_of_one_that_is_removed_opens_nothing(house: RunningHouse, client: httpx.Client) -> None:
    machine = machine_of(client.post(PATH, json={}))
    beat(house, machine)
    assert client.delete("/operators/anna").status_code == 204
    assert client.get("/operators").json() == {"operators": []}
    assert beat(house, machine) == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "reason", "words"),
    [
        ("POST", PATH, {}, 409, "is_operator", "`alarmd operator rekey anna`"),
        ("POST", "/operators/cam1/key", {}, 409, "is_device", "another name"),
        ("POST", "/operators/cam1/key", {"renew": True}, 404, "unknown_operator", "`alarmd operator add cam1`"),
        ("POST", "/operators/no name/key", {}, 422, "invalid", "letters"),
        ("POST", "/devices/anna/key", {}, 409, "is_operator", "`alarmd operator list`"),
        ("DELETE", "/operators/cam1", None, 409, "is_device", "is a device"),
        ("DELETE", "/operators/nobody", None, 404, "unknown_operator", "`alarmd operator list`"),
    ],
)
def test_what_cannot_be_done_says_why(
    client: httpx.Client, method: str, path: str, body: dict[str, object] | None, status: int, reason: str, words: str
) -> None:
    client.post(PATH, json={})
    client.post("/devices/cam1/key", json={})
    refused = client.request(method, path, json=body)
    assert (refused.status_code, refused.json()["reason"]) == (status, reason)
    assert words in refused.json()["message"]
    assert the_one(client)["key_epochs"] == [1]


def test_over_tcp_there_are_no_operators(house: RunningHouse) -> None:
    with house.tcp_client() as tcp:
        asked = (tcp.get("/operators"), tcp.post(PATH, json={}), tcp.delete("/operators/anna"))
        assert [answer.json()["reason"] for answer in asked] == ["no_such_path"] * 3


def test_a_machine_that_another_member_hears_is_listed_and_gets_a_key_here(
    house: RunningHouse, client: httpx.Client
) -> None:
    first = client.post(PATH, json={}).json()["key"]
    nobody = Engine(Settings(), Snapshot(), ZoneInfo, now()).state
    here = replace(house.house, state=nobody, stored_devices=lambda _after, _limit: [])
    (one,) = house.run(operators.list_operators(here)).operators
    assert (one.name, one.key_epochs, one.path_proven) == ("anna", None, None)
    renewed = house.run(operators.give_key(here, "ben", "anna", SecretBody(renew=True), Response()))
    assert renewed.key != first
    with pytest.raises(RequestRefusedError, match="no operator 'cam1'"):
        house.run(operators.give_key(here, "ben", "cam1", SecretBody(renew=True), Response()))
