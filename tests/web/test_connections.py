"""Who is connected with what, as the API shows it."""

import httpx

from tests.met_parties import MetParties
from tests.running_house import RunningHouse


def test_a_connection_is_shown_from_the_request_to_its_end(house: RunningHouse, client: httpx.Client) -> None:
    parties = MetParties(house, client)
    assert client.get("/connections").json() == {"connections": []}
    parties.ask(5004)
    (one,) = client.get("/connections").json()["connections"]
    assert one | {"session": "", "since": ""} == {
        "session": "", "operator": "anna", "device": "cam1", "port": 5004, "since": "", "established": False,
        "relayed_bytes": 0,
    }  # fmt: skip
    assert int(one["session"], 16) > 0
    parties.take()
    (one,) = client.get("/connections").json()["connections"]
    assert one["established"]
    client.delete("/operators/anna").raise_for_status()
    assert client.get("/connections").json() == {"connections": []}


def test_programs_may_ask_over_tcp(house: RunningHouse) -> None:
    with house.tcp_client() as tcp:
        assert tcp.get("/connections").json() == {"connections": []}
