"""`alarmd pictures`: lists, and files."""

import errno
import os
import sys
from pathlib import Path

import pytest

from alarmd.adapters import exit_codes
from alarmd.cli import exits
from alarmd.cli.main import run
from tests.cli.conftest import Alarmd
from tests.cli.test_stopped import SAID
from tests.frames.pictures import jpeg
from tests.running_house import RunningHouse, running_house

FIRST, SECOND = jpeg(64, 48), jpeg(48, 64)


@pytest.fixture
def pictured(state: Path) -> Path:
    """The state directory of a server that was stopped, with two pictures."""
    with running_house(state) as house:
        _fill(house)
    return state


def _fill(house: RunningHouse) -> None:
    for name, data in (("cam1", FIRST + b"\r\n"), ("cam2", SECOND)):
        house.frame(f"{name},HEARTBEAT,0,0,0,0,0,0")
        house.picture(name, data)


def test_without_pictures_that_is_said_in_words(alarmd: Alarmd, house: RunningHouse) -> None:
    assert alarmd("pictures").err == "No such pictures.\n"


def test_pictures_are_listed_the_newest_first(alarmd: Alarmd, house: RunningHouse) -> None:
    _fill(house)
    headings, newest, oldest = alarmd.fine("pictures").out.splitlines()
    assert headings.split()[:3] == ["ID", "DEVICE", "TAKEN"]
    assert newest.split()[:2] == ["2", "cam2"]
    assert "64x48" in oldest
    assert oldest.endswith("2 bytes after the end removed")


def filtered(alarmd: Alarmd, *words: str) -> list[int]:
    return [one["id"] for one in alarmd("pictures", "--json", *words).json["pictures"]]


def test_the_server_and_its_database_are_filtered_alike(alarmd: Alarmd, state: Path) -> None:
    with running_house(state) as house:
        _fill(house)
        live = [filtered(alarmd, *words) for words in FILTERS]
    assert live == [[2, 1], [1], [2], [], [2, 1], [], []]
    assert [filtered(alarmd, *words) for words in FILTERS] == live


FILTERS = (
    (),
    ("--device", "cam1"),
    ("--limit", "1"),
    ("--alarm", "7"),
    ("--since", "1h"),
    ("--until", "1h"),
    ("--device", "nobody"),
)


def test_a_picture_is_saved_as_it_is_in_the_archive(alarmd: Alarmd, house: RunningHouse, tmp_path: Path) -> None:
    _fill(house)
    assert f"{len(FIRST)} bytes are in one.jpg" in alarmd("pictures", "save", "1", "one.jpg").err
    assert (tmp_path / "one.jpg").read_bytes() == FIRST
    kept = alarmd("pictures", "save", "2", "one.jpg", "--json")
    assert (kept.code, kept.error["reason"]) == (exits.FAILED, "exists")
    assert (tmp_path / "one.jpg").read_bytes() == FIRST
    assert alarmd("pictures", "save", "2", "one.jpg", "--force").code == 0
    assert (tmp_path / "one.jpg").read_bytes() == SECOND
    ended = alarmd("pictures", "save", "9", "nine.jpg", "--json")
    assert (ended.code, ended.error["reason"]) == (exits.FAILED, "unknown_picture")
    assert not (tmp_path / "nine.jpg").exists()


def test_a_picture_goes_to_another_program(
    alarmd: Alarmd, house: RunningHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(house)
    written: list[bytes] = []

    class Out:
        buffer = type("Buffer", (), {"write": staticmethod(written.append)})

    monkeypatch.setattr(sys, "stdout", Out)
    assert run(["pictures", "save", "1", "-"]) == 0
    assert written == [FIRST]


def test_a_stopped_servers_pictures_are_read_from_its_archive(alarmd: Alarmd, pictured: Path, tmp_path: Path) -> None:
    ended = alarmd("pictures", "save", "2", "two.jpg")
    assert ended.err.startswith(SAID)
    assert (tmp_path / "two.jpg").read_bytes() == SECOND
    assert alarmd("pictures", "save", "9", "nine.jpg", "--json").error["reason"] == "unknown_picture"
    for file in (pictured / "archive").rglob("*.jpg"):
        file.unlink()
    gone = alarmd("pictures", "save", "2", "gone.jpg", "--json")
    assert (gone.code, gone.error["reason"]) == (exits.FAILED, "gone")


def test_a_file_that_cannot_be_written_has_a_code_of_its_own(
    alarmd: Alarmd, house: RunningHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(house)
    ended = alarmd("pictures", "save", "1", "no/such/directory.jpg")
    assert ended.code == exit_codes.CANNOT_CREATE
    assert os.strerror(errno.ENOENT) in ended.err
