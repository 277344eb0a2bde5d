import os
from pathlib import Path

import pytest

from alarmd.adapters import exit_codes
from alarmd.cli import exits
from alarmd.storage.interface import EventFilter
from alarmd.storage.opening import open_reader
from tests.cli.conftest import Alarmd
from tests.needs import need
from tests.running_house import RunningHouse


def texts(file: Path) -> list[str]:
    """Of the LOG events in a copy."""
    reader = open_reader(f"sqlite:///{file}")
    found = reader.events(EventFilter(kind="log"))
    reader.close()
    return [stored.event.text for stored in found]


def test_a_running_servers_database_is_copied_whole(alarmd: Alarmd, house: RunningHouse, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    house.frame("cam1,LOG,before,0,0,0,0,0")
    told = alarmd.fine("backup", str(copy)).out
    house.frame("cam1,LOG,after,0,0,0,0,0")
    assert told == f"The database is copied to {copy}, {copy.stat().st_size} bytes.\n"
    assert texts(copy) == ["before"]
    assert copy.stat().st_mode & 0o777 == 0o600


def test_a_stopped_servers_database_is_copied(alarmd: Alarmd, stopped: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    told = alarmd.fine("backup", str(copy), "--json").json
    assert told == {"file": str(copy), "bytes": copy.stat().st_size}
    assert texts(copy) == []


def test_nothing_is_overwritten_unless_forced(alarmd: Alarmd, stopped: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    copy.write_text("precious")
    ended = alarmd("backup", str(copy))
    assert ended.code == exits.FAILED
    assert "--force" in ended.err
    assert copy.read_text() == "precious"
    alarmd.fine("backup", "--force", str(copy))
    assert texts(copy) == []


def test_the_database_itself_is_no_target(alarmd: Alarmd, stopped: Path) -> None:
    ended = alarmd("backup", "--force", str(stopped / "alarmd.sqlite"))
    assert ended.code == exit_codes.STORAGE_FAILED
    assert "is the database itself" in ended.err


def test_a_missing_directory_is_told_before_anything_is_read(alarmd: Alarmd, stopped: Path, tmp_path: Path) -> None:
    ended = alarmd("backup", str(tmp_path / "nowhere" / "copy.sqlite"))
    assert ended.code == exit_codes.CANNOT_CREATE
    assert "make it first" in ended.err


def test_a_directory_that_cannot_be_written_is_told(alarmd: Alarmd, stopped: Path) -> None:
    need(Path("/proc/self").is_dir() and hasattr(os, "fork"), "/proc, where nobody can make a file")
    ended = alarmd("backup", "/proc/copy.sqlite")
    assert ended.code == exit_codes.STORAGE_FAILED
    assert "no backup at /proc/copy.sqlite" in ended.err


def test_without_a_database_there_is_nothing_to_copy(alarmd: Alarmd, tmp_path: Path) -> None:
    ended = alarmd("backup", str(tmp_path / "copy.sqlite"))
    assert ended.code == exits.NO_SERVER
    assert not (tmp_path / "copy.sqlite").exists()


def test_for_postgresql_its_own_tool_is_named(alarmd: Alarmd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALARMD_STORAGE_URL", "postgresql://anna:secret@db.example/alarmd")
    ended = alarmd("backup", str(tmp_path / "copy.sqlite"))
    assert ended.code == exits.FAILED
    assert "pg_dump" in ended.err
    assert "secret" not in ended.err
