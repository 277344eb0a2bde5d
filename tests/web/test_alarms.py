"""The API's alarms."""

import httpx

from tests.running_house import RunningHouse

MOTION = "cam1,MOAL,gate,0,0,0,0,0"


def test_motion_is_an_alarm_until_somebody_clears_it(house: RunningHouse, client: httpx.Client) -> None:
    house.frame(MOTION)
    (raised,) = client.get("/alarms").json()["alarms"]
    assert (raised["kind"], raised["state"], raised["device"]) == ("motion", "raised", "cam1")
    assert raised["zone"] == "unassigned"
    cleared = client.post(f"/alarms/{raised['id']}/clear", headers={"X-Operator": "jana"}).json()
    assert (cleared["state"], cleared["cleared_by"]) == ("cleared", "jana")
    assert client.get("/alarms").json()["alarms"] == []
    assert client.get("/alarms", params={"all": True}).json()["alarms"] == [cleared]


def test_an_acknowledged_alarm_says_who_knows(house: RunningHouse, client: httpx.Client) -> None:
    house.frame(MOTION)
    (raised,) = client.get("/alarms").json()["alarms"]
    known = client.post(f"/alarms/{raised['id']}/acknowledge").json()
    assert (known["state"], known["acknowledged_by"]) == ("acknowledged", "api")
    assert client.get("/alarms").json()["alarms"] == [known]


def test_an_operator_with_an_odd_name_is_not_believed(house: RunningHouse, client: httpx.Client) -> None:
    house.frame(MOTION)
    answer = client.post("/alarms/1/acknowledge", headers={"X-Operator": "<b>jana</b>"})
    assert answer.json()["acknowledged_by"] == "api"


def test_alarms_of_one_device(house: RunningHouse, client: httpx.Client) -> None:
    house.frame(MOTION)
    house.frame("cam2,MOAL,door,0,0,0,0,0", port=4001)
    alarms = client.get("/alarms", params={"device": "cam2"}).json()["alarms"]
    assert [alarm["device"] for alarm in alarms] == ["cam2"]


def test_no_more_alarms_than_asked_for(house: RunningHouse, client: httpx.Client) -> None:
    house.frame(MOTION)
    house.frame("cam2,MOAL,door,0,0,0,0,0", port=4001)
    assert [alarm["device"] for alarm in client.get("/alarms", params={"limit": 1}).json()["alarms"]] == ["cam2"]


def test_an_alarm_nobody_raised_is_not_found(client: httpx.Client) -> None:
    for verb in ("acknowledge", "clear"):
        refused = client.post(f"/alarms/7/{verb}")
        assert (refused.status_code, refused.json()["reason"]) == (404, "unknown_alarm")


def test_an_alarm_number_that_is_none_is_refused(client: httpx.Client) -> None:
    refused = client.post("/alarms/seven/clear")
    assert (refused.status_code, refused.json()["field"]) == (422, "alarm_id")
