import pytest

from alarmd.cli import alarms as module
from alarmd.cli import exits
from tests.cli.conftest import Alarmd
from tests.running_house import RunningHouse


@pytest.fixture
def moved(house: RunningHouse) -> RunningHouse:
    """Two devices saw something: alarms 1 and 2."""
    for name in ("cam1", "cam2"):
        house.frame(f"{name},HEARTBEAT,0,0,0,0,0,0")
        house.frame(f"{name},MOAL,garden_gate,0,0,0,0,0")
    return house


def states(alarmd: Alarmd, *more: str) -> dict[int, str]:
    return {alarm["id"]: alarm["state"] for alarm in alarmd.fine("alarms", "--json", *more).json["alarms"]}


def test_no_alarm_is_said_in_words(alarmd: Alarmd, house: RunningHouse) -> None:
    assert alarmd("alarms").err == "No open alarms.\n"
    assert alarmd("alarms", "--all").err == "No alarms.\n"


def test_open_alarms_are_listed_the_newest_first(alarmd: Alarmd, moved: RunningHouse) -> None:
    headings, second, first = alarmd.fine("alarms").out.splitlines()
    assert headings.split() == ["ID", "KIND", "STATE", "DEVICE", "ZONE", "RAISED", "EVENTS", "TEXT"]
    assert second.split()[:4] == ["2", "motion", "raised", "cam2"]
    assert first.endswith("garden_gate")


def test_only_one_devices_alarms_are_listed(alarmd: Alarmd, moved: RunningHouse) -> None:
    assert states(alarmd, "--device", "cam1") == {1: "raised"}
    assert states(alarmd, "--limit", "1") == {2: "raised"}


def test_an_alarm_is_acknowledged_and_cleared(alarmd: Alarmd, moved: RunningHouse) -> None:
    assert alarmd.fine("alarms", "ack", "1").out == "Alarm 1 is acknowledged: motion cam1 garden_gate\n"
    assert states(alarmd) == {1: "acknowledged", 2: "raised"}
    assert alarmd.fine("alarms", "clear", "1").out == "Alarm 1 is cleared: motion cam1 garden_gate\n"
    assert states(alarmd) == {2: "raised"}
    assert states(alarmd, "--all") == {1: "cleared", 2: "raised"}


def test_all_alarms_are_acknowledged_and_cleared(alarmd: Alarmd, moved: RunningHouse) -> None:
    alarmd.fine("alarms", "ack", "1")
    assert [alarm["id"] for alarm in alarmd.fine("alarms", "ack", "--all", "--json").json["alarms"]] == [2]
    assert len(alarmd.fine("alarms", "clear", "--all").out.splitlines()) == 2
    assert states(alarmd) == {}


def test_an_alarm_that_is_refused_does_not_keep_the_others(alarmd: Alarmd, moved: RunningHouse) -> None:
    ended = alarmd("alarms", "ack", "1", "99", "2")
    assert ended.code == exits.FAILED
    assert "no open alarm 99" in ended.err
    assert states(alarmd) == {1: "acknowledged", 2: "acknowledged"}
    ended = alarmd("alarms", "clear", "99", "2", "--json")
    assert ended.error["reason"] == "unknown_alarm"
    assert [alarm["id"] for alarm in ended.json["alarms"]] == [2]


@pytest.mark.parametrize("words", [(), ("1", "--all")])
def test_ids_and_all_exclude_each_other(alarmd: Alarmd, house: RunningHouse, words: tuple[str, ...]) -> None:
    ended = alarmd("alarms", "ack", *words)
    assert ended.code == exits.WRONG_USAGE
    assert "--all" in ended.err


def test_a_stopped_server_acknowledges_nothing(alarmd: Alarmd) -> None:
    assert alarmd("alarms", "ack", "1").code == exits.NO_SERVER


def test_a_server_that_stops_in_between_ends_it(
    alarmd: Alarmd, moved: RunningHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped_meanwhile(*_what: object) -> list[int]:
        moved.run(moved.api.stop())
        return [1, 2]

    monkeypatch.setattr(module, "_open_ids", stopped_meanwhile)
    ended = alarmd("alarms", "ack", "--all")
    assert (ended.code, ended.err.count("\n")) == (exits.NO_SERVER, 1)


def test_more_alarms_than_one_answer_holds_are_mentioned(
    alarmd: Alarmd, moved: RunningHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PAGE", 1)
    ended = alarmd("alarms", "clear", "--all")
    assert ended.err == "alarmd: these are the newest 1; say it again for the others\n"
    assert states(alarmd) == {1: "raised"}


def test_an_alarm_that_nobody_was_told_of_is_marked(alarmd: Alarmd, house: RunningHouse) -> None:
    alarmd.fine("disarm", "*")
    house.frame("cam1,HEARTBEAT,0,0,0,0,0,0")
    house.frame("cam1,MOAL,garden_gate,0,0,0,0,0")
    assert "raised (untold)" in alarmd.fine("alarms").out


def test_text_from_the_wire_is_escaped(alarmd: Alarmd, house: RunningHouse) -> None:
    house.frame("cam1,HEARTBEAT,0,0,0,0,0,0")
    house.frame("cam1,MOAL,\u202egnp\u009b,0,0,0,0,0")
    for words in (("alarms",), ("events",), ("alarms", "--json"), ("alarms", "ack", "1")):
        assert alarmd.fine(*words).out.isascii()
