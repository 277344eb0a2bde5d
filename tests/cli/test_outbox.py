import pytest

from alarmd.cli import exits
from alarmd.cli import outbox as module
from tests.cli.conftest import Alarmd
from tests.running_house import RunningHouse
from tests.web.test_outbox import dead, give_up

__all__ = ["dead"]


def states(alarmd: Alarmd, *more: str) -> dict[int, str]:
    return {one["id"]: one["state"] for one in alarmd.fine("outbox", "list", "--json", *more).json["deliveries"]}


def test_an_empty_outbox_is_said_in_words(alarmd: Alarmd, house: RunningHouse) -> None:
    assert alarmd("outbox", "list").err == "Nothing waits, and nothing was given up.\n"


def test_messages_are_listed_the_newest_first_with_why_they_were_given_up(alarmd: Alarmd, dead: RunningHouse) -> None:
    headings, waiting, given_up = alarmd.fine("outbox", "list").out.splitlines()
    assert headings.split() == ["ID", "STATE", "TO", "SUBJECT", "ALARM", "CREATED", "ATTEMPTS", "LAST", "ERROR"]
    assert waiting.split()[:5] == ["2", "pending", "log", "raised", "2"]
    assert given_up.endswith("no such chat")
    assert states(alarmd, "--state", "dead") == {1: "dead"}
    assert states(alarmd, "--state", "all", "--limit", "1") == {2: "pending"}
    assert states(alarmd, "--destination", "phone") == {}


def test_a_message_is_retried_or_dropped(alarmd: Alarmd, dead: RunningHouse) -> None:
    assert alarmd.fine("outbox", "retry", "1").out == "Message 1 is pending: raised to log\n"
    assert states(alarmd) == {2: "pending", 1: "pending"}
    assert alarmd.fine("outbox", "drop", "1", "--yes").out == "Message 1 is dropped: raised to log\n"
    assert states(alarmd, "--state", "all") == {2: "pending", 1: "dropped"}
    (done,) = alarmd.fine("outbox", "drop", "2", "--yes", "--json").json["deliveries"]
    assert done["state"] == "dropped"


def test_all_that_were_given_up_are_retried_and_no_others(
    alarmd: Alarmd, dead: RunningHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_up(dead)
    assert alarmd.fine("outbox", "retry", "--all", "--destination", "phone", "--json").json["deliveries"] == []
    monkeypatch.setattr(module, "MAX_PAGE", 2)
    ended = alarmd("outbox", "retry", "--all")
    assert ended.code == exits.OK
    assert len(ended.out.splitlines()) == 2
    assert "say it again" in ended.err
    assert states(alarmd) == {2: "pending", 1: "pending"}


def test_one_that_is_refused_does_not_keep_the_others(alarmd: Alarmd, dead: RunningHouse) -> None:
    ended = alarmd("outbox", "retry", "99", "1")
    assert ended.code == exits.FAILED
    assert "no message 99 waits or was given up" in ended.err
    assert states(alarmd)[1] == "pending"


@pytest.mark.parametrize("words", [("retry",), ("drop", "1", "--all", "--yes"), ("retry", "1", "--destination", "x")])
def test_which_messages_has_to_be_said(alarmd: Alarmd, dead: RunningHouse, words: tuple[str, ...]) -> None:
    ended = alarmd("outbox", *words)
    assert ended.code == exits.WRONG_USAGE
    assert "by their ids, or say --all" in ended.err
