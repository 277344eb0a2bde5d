"""The API's cameras: what is set up, what stays secret, and asking for a picture."""

import hashlib
import re
from typing import Any

import httpx
import pytest

from alarmd.core.records import Trigger
from tests.frames.camera import answer
from tests.frames.pictures import jpeg
from tests.running_house import RunningHouse
from tests.served_camera import served_camera

URL = "http://anna:secret@192.0.2.7/capture?pwd=secret"


@pytest.fixture(autouse=True)
def _adopted(client: httpx.Client) -> None:
    client.post("/devices/cam1/adopt", json={})


def snapshot(client: httpx.Client, wait: float = 30) -> Any:
    asked = client.post("/cameras/cam1/snapshot")
    assert asked.status_code == 202
    assert asked.json()["state"] == "asked"
    return client.get("/cameras/cam1/snapshot", params={"upload": asked.json()["upload"], "wait": wait}).json()


def test_a_device_that_is_no_camera_yet_has_the_usual_settings(client: httpx.Client) -> None:
    assert client.get("/cameras").json() == {"cameras": [], "next": None}
    shown = client.get("/cameras/cam1").json()
    assert shown == {
        "device": "cam1",
        "source_networks": [],
        "by_address": False,
        "has_secret": False,
        "introduced": False,
        "info": "",
        "pulled": False,
        "every": 0,
        "on_alarm": True,
        "askable": False,
        "failing": "",
        "picture": None,
        "age": None,
    }


def test_settings_change_one_by_one_and_the_rest_stays(client: httpx.Client) -> None:
    client.patch("/cameras/cam1", json={"source_networks": ["192.0.2.0/24"], "by_address": True})
    shown = client.patch("/cameras/cam1", json={"every": 30, "on_alarm": False}).json()
    assert (shown["source_networks"], shown["by_address"]) == (["192.0.2.0/24"], True)
    assert (shown["every"], shown["on_alarm"]) == (30, False)
    assert client.get("/cameras").json()["cameras"] == [shown]
    assert (
        client.patch("/cameras/cam1", json={"source_networks": [], "by_address": False}).json()["by_address"] is False
    )


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({}, ""),
    ({"every": 4}, "every"),
    ({"every": 1.5}, "every"),
    ({"evry": 30}, "evry"),
    ({"source_networks": ["garden"]}, "source_networks"),
    ({"source_networks": ["192.0.2.1"] * 17}, "source_networks"),
    ({"pull_url": "ftp://192.0.2.1/"}, "pull_url"),
    ({"pull_url": "http://192.0.2.1/" + "x" * 2000}, "pull_url"),
    ({"by_address": True}, "by_address"),
)


def test_what_cannot_be_is_refused_by_name(client: httpx.Client) -> None:
    for body, field in WRONG:
        refused = client.patch("/cameras/cam1", json=body)
        assert (refused.status_code, refused.json()["field"]) == (422, field), body


def test_a_pull_url_is_written_and_never_shown(client: httpx.Client) -> None:
    answered = client.patch("/cameras/cam1", json={"pull_url": URL})
    assert (answered.json()["pulled"], answered.json()["askable"]) == (True, True)
    events = client.get("/events").text
    for text in (answered.text, client.get("/cameras").text, client.get("/cameras/cam1").text, events):
        assert "secret" not in re.sub("has_secret", "", text)
    assert "camera_changed" in events
    assert client.patch("/cameras/cam1", json={"pull_url": ""}).json()["pulled"] is False


def test_over_tcp_there_are_neither_pull_urls_nor_secrets(house: RunningHouse, client: httpx.Client) -> None:
    with house.tcp_client() as over_tcp:
        assert over_tcp.patch("/cameras/cam1", json={"every": 30}).status_code == 200
        refused = over_tcp.patch("/cameras/cam1", json={"every": 60, "pull_url": URL})
        assert (refused.status_code, refused.json()["field"]) == (403, "pull_url")
        assert over_tcp.post("/cameras/cam1/secret", json={}).status_code == 404
        assert over_tcp.delete("/cameras/cam1/secret").status_code == 404
    assert client.get("/cameras/cam1").json()["every"] == 30


def test_a_secret_is_given_once_and_kept_as_its_digest(house: RunningHouse, client: httpx.Client) -> None:
    made = client.post("/cameras/cam1/secret", json={})
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    secret = made.json()["secret"]
    assert re.fullmatch("[A-Za-z0-9]{20}", secret)
    assert list(house.engine.state.upload_digests) == [hashlib.sha256(secret.encode()).hexdigest()]
    assert secret not in client.get("/cameras/cam1").text + client.get("/events").text
    again = client.post("/cameras/cam1/secret", json={})
    assert (again.status_code, again.json()["reason"]) == (409, "has_secret")
    other = client.post("/cameras/cam1/secret", json={"renew": True}).json()["secret"]
    assert other != secret
    assert list(house.engine.state.upload_digests) == [hashlib.sha256(other.encode()).hexdigest()]
    assert client.delete("/cameras/cam1/secret").status_code == 204
    assert (house.engine.state.upload_digests, client.get("/cameras/cam1").json()["has_secret"]) == ({}, False)


def test_a_picture_is_asked_for_and_waited_for(house: RunningHouse, client: httpx.Client) -> None:
    with served_camera() as camera:
        client.patch("/cameras/cam1", json={"pull_url": camera.url()})
        taken = snapshot(client)
    assert taken["state"] == "taken"
    assert (taken["picture"]["trigger"], taken["picture"]["width"]) == ("command", 64)
    shown = client.get("/cameras/cam1").json()
    assert shown["picture"] == taken["picture"]
    assert 0 <= shown["age"] < 60


def test_a_picture_that_was_asked_for_is_shown_although_others_came_since(
    house: RunningHouse, client: httpx.Client
) -> None:
    with served_camera() as camera:
        client.patch("/cameras/cam1", json={"pull_url": camera.url()})
        taken = snapshot(client)
    house.picture("cam1", jpeg(32, 32))
    shown = client.get("/cameras/cam1/snapshot", params={"upload": taken["upload"]}).json()
    assert shown == taken
    assert client.get("/cameras/cam1").json()["picture"] != taken["picture"]


def test_a_picture_that_does_not_come_is_told_with_its_reason(house: RunningHouse, client: httpx.Client) -> None:
    with served_camera(lambda _head: answer(b"", "text/plain", "503 Busy")) as camera:
        client.patch("/cameras/cam1", json={"pull_url": camera.url()})
        for _ in range(2):
            failed = snapshot(client)
            assert (failed["state"], failed["reason"]) == ("failed", "it answers with HTTP status 503")
    assert client.get("/cameras/cam1").json()["failing"] == "it answers with HTTP status 503"
    house.picture("cam1")
    assert client.get("/cameras/cam1").json()["failing"] == ""


def test_nobody_waits_longer_than_asked(client: httpx.Client) -> None:
    with served_camera(lambda _head: None) as camera:
        client.patch("/cameras/cam1", json={"pull_url": camera.url()})
        assert snapshot(client, wait=0.01)["state"] == "asked"
        assert snapshot(client, wait=0)["state"] == "asked"


def test_a_picture_that_nobody_asked_for_does_not_come(client: httpx.Client) -> None:
    gone = client.get("/cameras/cam1/snapshot", params={"upload": "A.1"}).json()
    assert (gone["state"], "nobody asks" in gone["reason"]) == ("failed", True)


def test_a_device_that_cannot_be_asked_says_how_it_could(client: httpx.Client) -> None:
    refused = client.post("/cameras/cam1/snapshot")
    assert (refused.status_code, refused.json()["reason"]) == (409, "no_camera")
    assert "--pull URL" in refused.json()["message"]


def test_what_nobody_knows_is_not_found(client: httpx.Client) -> None:
    for told in (
        client.get("/cameras/nobody"),
        client.patch("/cameras/nobody", json={"every": 30}),
        client.post("/cameras/nobody/snapshot"),
        client.get("/cameras/nobody/snapshot", params={"upload": "A.1"}),
        client.post("/cameras/nobody/secret", json={}),
        client.delete("/cameras/nobody/secret"),
    ):
        assert (told.status_code, told.json()["reason"]) == (404, "unknown_device")


def test_long_lists_come_in_pages_by_name(house: RunningHouse, client: httpx.Client) -> None:
    names = [f"cam{number}" for number in range(5)]
    for name in reversed(names):
        client.post(f"/devices/{name}/adopt", json={})
        house.picture(name, trigger=Trigger.DEVICE)
    first = client.get("/cameras", params={"limit": 3}).json()
    second = client.get("/cameras", params={"limit": 3, "after": first["next"]}).json()
    assert [[one["device"] for one in page["cameras"]] for page in (first, second)] == [names[:3], names[3:]]
    assert second["next"] is None
