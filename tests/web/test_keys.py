"""Keys of devices: made here, given away once, on control.sock only."""

import httpx
import pytest

from alarmd.core.records import Signing
from alarmd.web.place_schemas import MadeKey
from lfcp.authenticator import key_from_text
from tests.running_house import RunningHouse
from tests.signed_camera import SignedCamera

PATH = "/devices/cam1/key"


def camera_of(answer: httpx.Response) -> SignedCamera:
    return SignedCamera("cam1", key_from_text(answer.json()["key"]))


def beat(house: RunningHouse, camera: SignedCamera) -> list[str]:
    """The verbs of the answers to a heartbeat, each verified."""
    return [camera.read(frame).verb for frame in house.frame(camera.heartbeat().payload.decode())]


def epochs(client: httpx.Client) -> list[int]:
    found: list[int] = client.get("/devices/cam1").json()["live"]["key_epochs"]
    return found


@pytest.mark.parametrize(("mixed", "signing"), [(False, "signed"), (True, "mixed")])
def test_a_device_is_adopted_with_its_first_key(client: httpx.Client, mixed: bool, signing: str) -> None:
    answer = client.post(PATH, json={"mixed": mixed})
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    assert answer.json() == {"device": "cam1", "key": answer.json()["key"], "label": "A", "signing": signing}
    device = client.get("/devices/cam1").json()
    assert (device["standing"], device["zone"], device["signing"]) == ("adopted", "home", signing)
    assert (device["live"]["key_epochs"], device["live"]["path_proven"]) == ([1], False)


def test_frames_signed_with_the_key_count_and_others_do_not(house: RunningHouse, client: httpx.Client) -> None:
    camera = camera_of(client.post(PATH, json={}))
    assert beat(house, camera) == beat(house, camera) == ["ACK"]
    assert client.get("/devices/cam1").json()["live"]["path_proven"] is True
    assert house.frame("cam1,HEARTBEAT,0,0,0,0,0,0") == []


def test_no_two_keys_are_alike(client: httpx.Client) -> None:
    keys = {client.post(f"/devices/cam{number}/key", json={}).json()["key"] for number in range(20)}
    assert len(keys) == 20


def test_the_zone_of_a_new_device_may_be_named(client: httpx.Client) -> None:
    client.put("/zones/gate", json={"site": "home"})
    client.post(PATH, json={"zone": "gate"})
    assert client.get("/devices/cam1").json()["zone"] == "gate"


def test_an_old_key_is_good_until_the_new_one_is_used(house: RunningHouse, client: httpx.Client) -> None:
    old = camera_of(client.post(PATH, json={}))
    new = camera_of(client.post(PATH, json={"renew": True}))
    assert epochs(client) == [1, 2]
    assert beat(house, old) == ["ACK"]
    new.counter = old.counter
    assert beat(house, new) == ["ACK"]
    assert epochs(client) == [2]
    assert beat(house, old) == []


@pytest.mark.parametrize(
    ("path", "body", "status", "reason", "words"),
    [
        (PATH, {}, 409, "has_key", "`alarmd device rekey cam1`"),
        ("/devices/cam2/key", {"renew": True}, 409, "no_key", "`alarmd device add cam2`"),
        ("/devices/cam9/key", {"renew": True}, 404, "unknown_device", "`alarmd devices`"),
        ("/devices/cam9/key", {"zone": "nowhere"}, 404, "unknown_zone", "nowhere"),
        ("/devices/no name/key", {}, 422, "invalid", "letters"),
        (PATH, {"renew": True, "zone": "home"}, 422, "invalid", "for a first key"),
        (PATH, {"renew": True, "mixed": True}, 422, "invalid", "for a first key"),
        (PATH, {"key": "mine"}, 422, "invalid", "key"),
    ],
)
def test_a_key_that_cannot_be_given_says_why(
    client: httpx.Client, path: str, body: dict[str, object], status: int, reason: str, words: str
) -> None:
    client.post(PATH, json={})
    client.post("/devices/cam2/adopt", json={})
    refused = client.post(path, json=body)
    assert (refused.status_code, refused.json()["reason"]) == (status, reason)
    assert words in refused.json()["message"]
    assert epochs(client) == [1]


def test_over_tcp_there_is_no_such_path(house: RunningHouse, client: httpx.Client) -> None:
    with house.tcp_client() as tcp:
        refused = tcp.post(PATH, json={})
        described = tcp.get(f"http://127.0.0.1:{house.tcp_port}/openapi.json").json()
    assert (refused.status_code, refused.json()["reason"]) == (404, "no_such_path")
    assert client.get("/devices").json()["devices"] == []
    assert "/api/v1/devices/{name}/adopt" in described["paths"]
    assert "/api/v1/devices/{name}/key" not in described["paths"]
    assert "MadeKey" not in described["components"]["schemas"]


def test_on_the_control_socket_the_path_is_described_without_an_example_of_a_key(client: httpx.Client) -> None:
    described = client.get("http://alarmd/openapi.json").json()
    operation = described["paths"]["/api/v1/devices/{name}/key"]["post"]
    assert operation["summary"]
    assert operation["tags"]
    assert "201" in operation["responses"]
    assert not {"example", "examples", "default"} & set(
        described["components"]["schemas"]["MadeKey"]["properties"]["key"]
    )


def test_a_key_is_not_in_the_repr_of_the_answer() -> None:
    made = MadeKey(device="cam1", key="k" * 43, label="A", signing=Signing.SIGNED)
    assert "k" * 43 not in f"{made} {made!r}"


def test_who_has_a_key_may_migrate_and_come_back(house: RunningHouse, client: httpx.Client) -> None:
    client.post(PATH, json={})
    motion = "cam1,MOAL,gate,0,0,0,0,0"
    assert house.frame(motion) == []
    assert client.patch("/devices/cam1", json={"signing": "mixed"}).json()["signing"] == "mixed"
    assert house.frame(motion) == [b"cam1,ACK,0,0,0,0,0,0"]
    assert client.patch("/devices/cam1", json={"signing": "signed"}).json()["signing"] == "signed"
    assert house.frame(motion) == []


@pytest.mark.parametrize(("path", "signing"), [("cam1", "open"), ("cam2", "mixed"), ("cam2", "signed")])
def test_signing_is_for_who_has_a_key(client: httpx.Client, path: str, signing: str) -> None:
    client.post(PATH, json={})
    client.post("/devices/cam2/adopt", json={})
    refused = client.patch(f"/devices/{path}", json={"signing": signing})
    assert (refused.status_code, refused.json()["field"]) == (422, "signing")


def test_what_is_wanted_of_a_camera_is_shown(client: httpx.Client) -> None:
    client.post(PATH, json={})
    device = client.get("/devices/cam1").json()
    assert (device["camera_wish"], device["settings"]) == (None, [])
    for verb, params in (("SCAM", []), ("CONF", ["quality", "12"]), ("CONF", ["brightness", "-2"])):
        assert client.post("/commands", json={"target": "cam1", "verb": verb, "params": params}).status_code == 202
    device = client.get("/devices/cam1").json()
    assert (device["camera_wish"], device["settings"]) == (False, ["quality=12", "brightness=-2"])


@pytest.mark.parametrize(
    ("name", "params", "status", "reason"),
    [("cam2", ["quality", "12"], 409, "no_key"), ("cam1", ["quality", "99"], 422, "invalid")],
)
def test_a_setting_that_cannot_be_kept_is_refused(
    client: httpx.Client, name: str, params: list[str], status: int, reason: str
) -> None:
    client.post(PATH, json={})
    client.post("/devices/cam2/adopt", json={})
    refused = client.post("/commands", json={"target": name, "verb": "CONF", "params": params})
    assert (refused.status_code, refused.json()["reason"]) == (status, reason)


def test_a_secret_for_a_device_with_a_key_needs_no_consent_and_travels_sealed(
    house: RunningHouse, client: httpx.Client
) -> None:
    camera = camera_of(client.post(PATH, json={}))
    beat(house, camera)
    token = {"target": "cam1", "verb": "PRCC", "params": ["very-secret"]}
    assert client.post("/commands", json=token).status_code == 202
    (frame,) = house.frame(camera.heartbeat().payload.decode())
    assert b"very-secret" not in frame
    assert camera.open(camera.read(frame), 1) == "very-secret"
