"""The API's pictures: lists, the files, and never an old one as if it were new."""

from datetime import timedelta

import httpx
import pytest

from alarmd.adapters.reactor_clock import now
from alarmd.core.instant import SECOND
from alarmd.core.records import Trigger
from alarmd.frames.keys import thumbnail_key
from alarmd.web.times import to_datetime
from tests.frames.pictures import jpeg
from tests.running_house import RunningHouse

HOUR = 3600 * SECOND
FIRST, SECOND_ONE, THIRD = jpeg(64, 48), jpeg(48, 64), jpeg(480, 360)


@pytest.fixture
def wall(house: RunningHouse, client: httpx.Client) -> int:
    """Three pictures: of three hours ago, of one, and of the other camera, now. What time it is."""
    for name in ("cam1", "cam2"):
        client.post(f"/devices/{name}/adopt", json={})
    wall = now().wall
    house.picture("cam1", FIRST, captured_at=wall - 3 * HOUR)
    house.picture("cam1", SECOND_ONE, captured_at=wall - HOUR)
    house.picture("cam2", THIRD, trigger=Trigger.SCHEDULE)
    return wall


def ids(client: httpx.Client, **wanted: object) -> list[int]:
    return [one["id"] for one in client.get("/pictures", params=wanted).json()["pictures"]]  # type: ignore[arg-type]


def test_pictures_are_listed_the_newest_first_and_filtered(wall: int, client: httpx.Client) -> None:
    assert ids(client) == [3, 2, 1]
    assert ids(client, device="cam1") == [2, 1]
    assert ids(client, limit=1) == [3]
    assert ids(client, since=wall - 2 * HOUR) == [3, 2]
    assert ids(client, until=wall - 2 * HOUR) == [1]
    assert ids(client, alarm=7) == []


def test_with_after_they_come_in_pages_the_oldest_first(wall: int, client: httpx.Client) -> None:
    assert ids(client, after=0, limit=2) == [1, 2]
    assert ids(client, after=2, limit=2) == [3]


def test_those_of_an_alarm_are_found(house: RunningHouse, client: httpx.Client) -> None:
    client.post("/devices/cam1/adopt", json={})
    house.frame("cam1,HEARTBEAT,0,0,0,0,0,0")
    house.frame("cam1,MOAL,garden_gate,0,0,0,0,0")
    house.picture("cam1", trigger=Trigger.ALARM)
    (picture,) = client.get("/pictures", params={"alarm": 1}).json()["pictures"]
    assert (picture["alarm_id"], picture["trigger"]) == (1, "alarm")


def test_all_that_is_known_of_one_is_shown(wall: int, client: httpx.Client) -> None:
    shown = client.get("/pictures/1").json()
    assert (shown["device"], shown["sequence"], shown["trigger"]) == ("cam1", 1, "device")
    assert (shown["width"], shown["height"], shown["size"], shown["repair"]) == (64, 48, len(FIRST), "")
    assert shown["captured_at"] < shown["received_at"]
    assert shown["key"].startswith("cam1/2")
    for path in ("/pictures/99", "/pictures/99.jpg", "/pictures/99/thumbnail.jpg"):
        assert (client.get(path).status_code, client.get(path).json()["reason"]) == (404, "unknown_picture")


def test_a_picture_comes_as_it_is_in_the_archive_and_is_kept_by_browsers(wall: int, client: httpx.Client) -> None:
    got = client.get("/pictures/1.jpg")
    assert (got.status_code, got.headers["Content-Type"], got.content) == (200, "image/jpeg", FIRST)
    assert got.headers["ETag"] == f'"{client.get("/pictures/1").json()["digest"]}"'
    assert "private" in got.headers["Cache-Control"]
    assert "immutable" in got.headers["Cache-Control"]
    taken = to_datetime(wall - 3 * HOUR)
    assert got.headers["Last-Modified"] == f"{taken:%a, %d %b %Y %H:%M:%S} GMT"
    for said in (got.headers["ETag"], f'"other", W/{got.headers["ETag"]}', "*"):
        again = client.get("/pictures/1.jpg", headers={"If-None-Match": said})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", got.headers["ETag"])
    assert client.get("/pictures/1.jpg", headers={"If-None-Match": '"other"'}).content == FIRST


def test_a_thumbnail_is_small_and_has_a_tag_of_its_own(wall: int, client: httpx.Client) -> None:
    got = client.get("/pictures/3/thumbnail.jpg")
    assert (got.status_code, got.headers["Content-Type"]) == (200, "image/jpeg")
    assert got.content.startswith(b"\xff\xd8")
    assert got.content != THIRD
    assert got.headers["ETag"] != client.get("/pictures/3.jpg").headers["ETag"]


def test_a_picture_whose_file_is_gone_says_so(wall: int, house: RunningHouse, client: httpx.Client) -> None:
    key = client.get("/pictures/2").json()["key"]
    house.archive.delete(key)
    for path in ("/pictures/2.jpg", "/devices/cam1/picture.jpg"):
        gone = client.get(path)
        assert (gone.status_code, gone.json()["reason"]) == (410, "gone")
        assert key in gone.json()["message"]
    house.archive.delete(thumbnail_key(key))
    assert client.get("/pictures/2/thumbnail.jpg").status_code == 410
    assert client.get("/pictures/2").status_code == 200


def test_an_archive_that_cannot_be_read_is_no_missing_picture(
    wall: int, house: RunningHouse, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_path: object) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("pathlib.Path.read_bytes", broken)
    failed = client.get("/pictures/1.jpg")
    assert (failed.status_code, "Input/output error" in failed.json()["message"]) == (503, True)


def test_the_newest_picture_tells_how_old_it_is(wall: int, client: httpx.Client) -> None:
    got = client.get("/devices/cam1/picture.jpg")
    assert (got.status_code, got.content) == (200, SECOND_ONE)
    assert 3600 <= int(got.headers["Age"]) <= 3660
    assert got.headers["X-Captured-At"] == to_datetime(wall - HOUR).isoformat()
    assert got.headers["Cache-Control"] == "private, no-cache"
    again = client.get("/devices/cam1/picture.jpg", headers={"If-None-Match": got.headers["ETag"]})
    assert (again.status_code, "Age" in again.headers) == (304, True)


def test_an_old_picture_is_never_given_to_who_wants_a_fresh_one(wall: int, client: httpx.Client) -> None:
    old = client.get("/devices/cam1/picture.jpg", params={"max_age": 1800})
    assert (old.status_code, old.json()["reason"], old.json()["field"]) == (404, "no_fresh_picture", "max_age")
    assert "older than 1800 s" in old.json()["message"]
    assert client.get("/devices/cam1/picture.jpg", params={"max_age": 4000}).content == SECOND_ONE
    assert client.get("/devices/cam2/picture.jpg", params={"max_age": 600}).content == THIRD


def test_a_clock_that_is_ahead_makes_no_picture_young(house: RunningHouse, client: httpx.Client) -> None:
    client.post("/devices/cam1/adopt", json={})
    house.picture("cam1", captured_at=now().wall + 365 * 24 * HOUR)
    got = client.get("/devices/cam1/picture.jpg")
    assert 0 <= int(got.headers["Age"]) < 600
    refused = client.get("/devices/cam1/picture.jpg", params={"max_age": 0})
    assert refused.json()["reason"] == "no_fresh_picture"


def test_without_a_picture_there_is_none(client: httpx.Client) -> None:
    client.post("/devices/cam1/adopt", json={})
    for name, reason in (("cam1", "no_picture"), ("nobody", "unknown_device")):
        none = client.get(f"/devices/{name}/picture.jpg")
        assert (none.status_code, none.json()["reason"]) == (404, reason)


def test_a_device_shows_when_its_newest_picture_was_taken(wall: int, client: httpx.Client) -> None:
    taken = client.get("/devices/cam1").json()["live"]["picture_at"]
    assert taken.startswith((to_datetime(wall) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S"))


def test_pictures_are_read_over_tcp_too(wall: int, house: RunningHouse) -> None:
    with house.tcp_client() as over_tcp:
        assert over_tcp.get("/pictures/1.jpg").content == FIRST
