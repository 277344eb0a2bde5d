"""`alarmd drop-keys`: after server.key was lost, everything but the keys is still there."""

from pathlib import Path

import pytest

from alarmd.adapters import exit_codes
from alarmd.cli import exits
from tests.cli.conftest import Alarmd
from tests.cli.test_output import on_terminal
from tests.running_house import RunningHouse, running_house


@pytest.fixture
def keyed(alarmd: Alarmd, state: Path) -> Path:
    """The state directory of a stopped server that has two devices with a key and one without."""
    with running_house(state):
        alarmd.fine("device", "add", "cam1")
        alarmd.fine("device", "add", "cam2", "--mixed")
        alarmd.fine("device", "adopt", "cam3")
    return state


def key_counts(alarmd: Alarmd, state: Path) -> list[int]:
    with running_house(state):
        return [len(one["live"]["key_epochs"]) for one in alarmd.fine("devices", "--json").json["devices"]]


def test_the_keys_of_all_devices_are_removed_and_the_devices_stay(alarmd: Alarmd, keyed: Path) -> None:
    assert alarmd.fine("drop-keys", "--yes").out.startswith("Keys removed: 2.")
    assert key_counts(alarmd, keyed) == [0, 0, 0]


def test_without_its_key_a_device_does_not_become_one_that_anybody_may_speak_for(alarmd: Alarmd, keyed: Path) -> None:
    alarmd.fine("drop-keys", "--yes")
    with running_house(keyed) as house:
        assert house.frame("cam1,HEARTBEAT,0,0,0,0,0,0") == []
        assert house.frame("cam1,MOAL,gate,0,0,0,0,0") == []
        assert alarmd.fine("device", "show", "cam1", "--json").json["signing"] == "signed"


def test_a_device_gets_a_new_key_afterwards(alarmd: Alarmd, keyed: Path) -> None:
    alarmd.fine("drop-keys", "--yes")
    with running_house(keyed):
        assert alarmd.fine("device", "add", "cam1", "--json").json["signing"] == "signed"
    assert key_counts(alarmd, keyed) == [1, 0, 0]


def test_a_program_hears_how_many_there_were(alarmd: Alarmd, keyed: Path) -> None:
    assert alarmd.fine("drop-keys", "--yes", "--json").json == {"dropped": 2}
    assert alarmd.fine("drop-keys", "--yes", "--json").json == {"dropped": 0}


@pytest.mark.parametrize(("typed", "left"), [("y\n", [0, 0, 0]), ("n\n", [1, 1, 0])])
def test_a_person_is_asked(alarmd: Alarmd, keyed: Path, typed: str, left: list[int]) -> None:
    _, seen = on_terminal("drop-keys", typed=typed)
    assert "Remove the keys of all devices from" in seen
    assert key_counts(alarmd, keyed) == left


def test_a_script_must_say_yes(alarmd: Alarmd, keyed: Path) -> None:
    ended = alarmd("drop-keys")
    assert (ended.code, "--yes" in ended.err) == (exits.WRONG_USAGE, True)
    assert key_counts(alarmd, keyed) == [1, 1, 0]


def test_a_running_server_keeps_its_keys(alarmd: Alarmd, house: RunningHouse) -> None:
    alarmd.fine("device", "add", "cam1")
    ended = alarmd("drop-keys", "--yes", "--json")
    assert (ended.code, ended.error["reason"]) == (exit_codes.STORAGE_FAILED, "unavailable")
    assert alarmd.fine("device", "show", "cam1", "--json").json["live"]["key_epochs"] == [1]


def test_a_file_that_is_no_database_is_told(alarmd: Alarmd, state: Path) -> None:
    (state / "alarmd.sqlite").write_bytes(b"this is no database" * 1000)
    ended = alarmd("drop-keys", "--yes", "--json")
    assert (ended.code, ended.error["reason"]) == (exit_codes.UNUSABLE_DATA, "unusable_data")


def test_before_the_first_start_there_is_nothing_to_drop(alarmd: Alarmd, state: Path) -> None:
    assert alarmd("drop-keys", "--yes").code == exits.NO_SERVER
    assert list(state.iterdir()) == []
