"""`alarmd operator …`."""

import stat
from pathlib import Path

from alarmd.cli import exits
from lfcp.authenticator import key_from_text
from tests.cli.conftest import Alarmd
from tests.cli.test_keys import beat, key_in
from tests.met_parties import MetParties
from tests.running_house import RunningHouse
from tests.signed_camera import SignedCamera


def test_an_operator_is_added_and_told_how_to_connect(alarmd: Alarmd, house: RunningHouse) -> None:
    shown = alarmd.fine("operator", "add", "anna").out
    assert "--name anna --key-file anna.key" in shown
    assert "Whoever has it can connect" in shown
    machine = SignedCamera("anna", key_from_text(key_in(shown)))
    beat(house, machine)
    beat(house, machine)
    (row,) = alarmd.fine("operator", "list").out.splitlines()[1:]
    assert row.split()[:2] == ["anna", "yes"]
    assert row.split()[-2:] == ["udp:192.0.2.1:4000", "1"]


def test_a_key_goes_into_a_file_and_is_not_shown(alarmd: Alarmd, house: RunningHouse, tmp_path: Path) -> None:
    ended = alarmd.fine("operator", "add", "anna", "--key-file", "anna.key", "--json")
    assert ended.json.keys() == {"operator", "label", "server", "key_file"}
    file = tmp_path / "anna.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    beat(house, SignedCamera("anna", key_from_text(file.read_text().strip())))


def test_another_key_is_given_on_demand(alarmd: Alarmd, house: RunningHouse) -> None:
    first = key_in(alarmd.fine("operator", "add", "anna").out)
    shown = alarmd.fine("operator", "rekey", "anna").out
    assert "stays good until" in shown
    assert key_in(shown) != first
    assert alarmd.fine("operator", "list", "--json").json["operators"][0]["key_epochs"] == [1, 2]


def test_who_is_removed_is_gone(alarmd: Alarmd, house: RunningHouse) -> None:
    alarmd.fine("operator", "add", "anna")
    assert alarmd.fine("operator", "remove", "anna", "--yes").out == "anna is removed.\n"
    assert alarmd("operator", "list").err.startswith("No operators yet")
    assert alarmd("operator", "remove", "anna", "--json").error["reason"] == "unknown_operator"


def test_a_program_is_told_in_json_who_is_removed(alarmd: Alarmd, house: RunningHouse) -> None:
    alarmd.fine("operator", "add", "anna")
    assert alarmd.fine("operator", "remove", "anna", "--json").json == {"removed": "anna"}


def test_only_a_running_server_knows_operators(alarmd: Alarmd, stopped: Path) -> None:
    for words in (("add", "anna"), ("rekey", "anna"), ("remove", "anna"), ("list",), ("connections",)):
        assert alarmd("operator", *words).code == exits.NO_SERVER


def test_a_device_has_no_operators_key(alarmd: Alarmd, house: RunningHouse) -> None:
    alarmd.fine("device", "add", "cam1")
    assert alarmd("operator", "rekey", "cam1", "--json").error["reason"] == "unknown_operator"


def test_who_is_connected_is_listed(alarmd: Alarmd, house: RunningHouse) -> None:
    with house.client() as client:
        parties = MetParties(house, client)
        assert alarmd("operator", "connections").err == "Nobody is connected.\n"
        parties.ask(0)
        assert alarmd.fine("operator", "connections").out.split()[-1] == "invited"
        parties.take()
        (row,) = alarmd.fine("operator", "connections").out.splitlines()[1:]
        assert row.split()[:3] == ["anna", "cam1", "LFCP"]
        assert row.split()[-3:] == ["0.0", "kB", "met"]
        assert alarmd.fine("operator", "connections", "--json").json["connections"][0]["operator"] == "anna"
