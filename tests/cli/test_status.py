import pytest

from alarmd import __version__
from alarmd.web import status as web_status
from alarmd.web.status import Outbox
from tests.cli.conftest import Alarmd
from tests.running_house import RunningHouse


def facts(alarmd: Alarmd) -> dict[str, str]:
    lines = alarmd.fine("status").out.splitlines()
    return {name: value.strip() for name, _, value in (line.partition("  ") for line in lines)}


def test_a_new_server_has_nothing_to_do(alarmd: Alarmd, house: RunningHouse) -> None:
    shown = facts(alarmd)
    assert shown["version"] == __version__
    assert shown["devices"] == "none yet"
    assert shown["to be told"] == "0"


def test_devices_and_alarms_are_counted(alarmd: Alarmd, house: RunningHouse) -> None:
    house.frame("cam1,HEARTBEAT,0,0,0,0,0,0")
    house.frame("cam1,MOAL,gate,0,0,0,0,0")
    shown = facts(alarmd)
    assert (shown["devices"], shown["open alarms"]) == ("1 new", "1")
    waiting, since = shown["to be told"].split(", the oldest since ")
    assert int(waiting) >= 1
    assert "ago)" in since
    assert alarmd.fine("status", "--json").json["open_alarms"] == 1


def test_messages_that_were_given_up_are_told(
    alarmd: Alarmd, house: RunningHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def given_up(_house: object) -> Outbox:
        return Outbox(pending=0, leased=0, dead=3, oldest_pending_at=None)

    monkeypatch.setattr(web_status, "_outbox", given_up)
    assert facts(alarmd)["to be told"] == "0, 3 given up"


def test_a_database_that_does_not_answer_is_told(alarmd: Alarmd, house: RunningHouse) -> None:
    house.database_away = True
    assert facts(alarmd)["to be told"] == "unknown: the database does not answer"
    ended = alarmd("alarms")
    assert ended.code == 1
    assert ended.err == "alarmd: the database is away\n"
