"""The API's sites and zones."""

import httpx

from tests.running_house import RunningHouse


def test_a_new_installation_has_a_site_and_two_armed_zones(client: httpx.Client) -> None:
    sites = client.get("/sites").json()
    zones = client.get("/zones").json()["zones"]
    assert sites == {"sites": [{"name": "home", "time_zone": "UTC"}], "next": None}
    assert [(zone["name"], zone["site"], zone["live"]["armed"]) for zone in zones] == [
        ("home", "home", True),
        ("unassigned", "home", True),
    ]


def test_a_site_is_made_shown_and_changed(client: httpx.Client) -> None:
    made = client.put("/sites/cottage", json={"time_zone": "Europe/Prague"})
    assert made.json() == {"name": "cottage", "time_zone": "Europe/Prague"}
    client.put("/sites/cottage", json={"time_zone": "Asia/Tokyo"})
    assert client.get("/sites/cottage").json()["time_zone"] == "Asia/Tokyo"


def test_a_site_in_no_time_zone_is_refused(client: httpx.Client) -> None:
    refused = client.put("/sites/moon", json={"time_zone": "Moon/Sea"})
    assert (refused.status_code, refused.json()["field"]) == (422, "time_zone")
    assert client.get("/sites/moon").status_code == 404


def test_a_zone_is_made_in_a_site_and_moves_to_another(client: httpx.Client) -> None:
    client.put("/sites/cottage", json={"time_zone": "Europe/Prague"})
    assert client.put("/zones/gate", json={"site": "home"}).json()["site"] == "home"
    moved = client.put("/zones/gate", json={"site": "cottage"}).json()
    assert (moved["site"], moved["time_zone"]) == ("cottage", "Europe/Prague")


def test_a_zone_in_an_unknown_site_is_refused(client: httpx.Client) -> None:
    refused = client.put("/zones/gate", json={"site": "nowhere"})
    assert (refused.status_code, refused.json()["reason"]) == (404, "unknown_site")


def test_a_zone_is_disarmed_and_its_motion_told_nobody(house: RunningHouse, client: httpx.Client) -> None:
    client.post("/devices/cam1/adopt", json={})
    (zone,) = client.post("/zones/home/arming", json={"arming": "disarmed"}).json()["zones"]
    assert (zone["arming"], zone["live"]["armed"]) == ("disarmed", False)
    house.frame("cam1,MOAL,gate,0,0,0,0,0")
    (alarm,) = client.get("/alarms").json()["alarms"]
    assert alarm["told"] is False


def test_a_zone_follows_its_schedule(client: httpx.Client) -> None:
    body = {"arming": "schedule", "schedule": "mo-su 00:00-24:00"}
    (zone,) = client.post("/zones/home/arming", json=body).json()["zones"]
    assert (zone["arming"], zone["schedule"], zone["live"]["armed"]) == ("schedule", "mo-su 00:00-24:00", True)


def test_a_schedule_that_cannot_be_read_is_refused_with_an_example(client: httpx.Client) -> None:
    refused = client.post("/zones/home/arming", json={"arming": "schedule", "schedule": "at night"})
    assert (refused.status_code, refused.json()["field"]) == (422, "schedule")
    assert "mo-fr 22:00-06:00" in refused.json()["message"]


def test_a_star_arms_every_zone(client: httpx.Client) -> None:
    zones = client.post("/zones/*/arming", json={"arming": "disarmed"}).json()["zones"]
    assert [(zone["name"], zone["live"]["armed"]) for zone in zones] == [("home", False), ("unassigned", False)]


def test_zones_and_sites_come_in_pages(client: httpx.Client) -> None:
    client.put("/sites/cottage", json={"time_zone": "UTC"})
    assert client.get("/sites", params={"limit": 1}).json()["next"] == "cottage"
    assert client.get("/zones", params={"after": "home"}).json()["zones"][0]["name"] == "unassigned"
