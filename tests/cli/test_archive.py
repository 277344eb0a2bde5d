"""`alarmd archive`: what there is, whether it is whole, and the index made again; with a server and without."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from alarmd.adapters import exit_codes
from alarmd.adapters.reactor_clock import now
from alarmd.cli import exits
from alarmd.frames.archive import DirectoryArchive
from alarmd.frames.keys import day_of, parse_picture
from alarmd.frames.manifests import delete_for_good, seal
from tests.cli.conftest import Alarmd
from tests.cli.test_output import on_terminal
from tests.cli.test_stopped import SAID
from tests.frames.pictures import jpeg
from tests.running_house import RunningHouse, running_house


def take(house: RunningHouse, name: str = "cam1", quality: int = 60) -> str:
    data = jpeg(64, 48, quality=quality)
    return house.picture(name, data, captured_at=1_700_000_000_000_000).key


@pytest.fixture
def two(alarmd: Alarmd, state: Path) -> list[str]:
    """Keys of cam1's pictures, left by a server that was stopped."""
    with running_house(state) as house:
        alarmd.fine("device", "adopt", "cam1")
        return [take(house, quality=quality) for quality in (60, 70)]


@pytest.fixture
def archive(state: Path) -> DirectoryArchive:
    return DirectoryArchive(state / "archive", 0)


def seal_all(archive: DirectoryArchive) -> None:
    seal(archive, "cam1", day_of(now().wall) + timedelta(days=1), lambda _day: [])


def test_the_archive_is_shown_by_the_server(alarmd: Alarmd, house: RunningHouse) -> None:
    assert alarmd.fine("archive", "status", "--json").json["pictures"] == 0
    alarmd.fine("device", "adopt", "cam1")
    keys = [take(house, quality=quality) for quality in (60, 70)]
    found = alarmd.fine("archive", "status", "--json").json
    sizes = sum(len(house.archive.read(key)) for key in keys)
    assert (found["pictures"], found["bytes"]) == (2, sizes)
    (camera,) = found["cameras"]
    assert (camera["device"], camera["pictures"], camera["oldest"]) == ("cam1", 2, found["oldest"])
    assert found["free"] > 0
    text = alarmd.fine("archive", "status").out
    assert "bytes on its disk" in text
    assert "cam1" in text


def test_without_a_server_it_is_shown_from_the_database(alarmd: Alarmd, two: list[str], state: Path) -> None:
    ended = alarmd("archive", "status", "--json")
    assert (ended.code, ended.err) == (0, SAID)
    assert (ended.json["pictures"], ended.json["reserve"]) == (2, 500_000_000)
    assert alarmd("archive", "status", "--socket", str(state / "none.sock")).code == exits.NO_SERVER


def test_a_whole_archive_is_verified_beside_a_server(alarmd: Alarmd, house: RunningHouse) -> None:
    alarmd.fine("device", "adopt", "cam1")
    take(house)
    partial = house.archive.path("x").parent / ".partial" / "on its way"
    partial.write_bytes(b"half")
    (summary,) = alarmd.fine("archive", "verify", "--json").out.splitlines()
    assert '"device": "cam1"' in summary
    assert '"open": 1' in summary
    assert alarmd.fine("archive", "verify", "cam1").out.startswith("cam1: faults: 0; ")
    assert partial.exists()


def test_what_is_wrong_is_told_and_ends_with_1(alarmd: Alarmd, two: list[str], archive: DirectoryArchive) -> None:
    seal_all(archive)
    archive.delete(two[0])
    archive.write(two[1], b"another picture")
    ended = alarmd("archive", "verify", "cam1")
    assert ended.code == exits.FAILED
    assert f"missing: {two[0]}: " in ended.out
    assert f"altered: {two[1]}: " in ended.out
    assert "cam1: faults: 2; " in ended.out
    found = [json.loads(line) for line in alarmd("archive", "verify", "--json").out.splitlines()]
    assert {(one["fault"], one["key"]) for one in found[:2]} == {("missing", two[0]), ("altered", two[1])}
    assert found[2]["faults"] == 2


def test_on_a_terminal_nothing_of_the_bar_is_left(alarmd: Alarmd, two: list[str]) -> None:
    code, seen = on_terminal("archive", "verify")
    assert code == exits.OK, seen
    assert "cam1: faults: 0;" in seen


def test_a_device_without_pictures_is_told(alarmd: Alarmd, two: list[str]) -> None:
    ended = alarmd("archive", "verify", "cam9", "--json")
    assert (ended.code, ended.error["reason"]) == (exits.FAILED, "unknown_device")


def test_a_lost_database_knows_the_pictures_again(alarmd: Alarmd, two: list[str], state: Path) -> None:
    for file in state.glob("alarmd.sqlite*"):
        file.unlink()
    assert alarmd("archive", "rebuild").code == exits.NO_SERVER
    with running_house(state):
        assert alarmd.fine("archive", "status", "--json").json["pictures"] == 0
    told = alarmd.fine("archive", "rebuild", "--dry-run", "--json").json
    assert told == {"dry_run": True, "added": 2, "dropped": 0, "skipped": 0, "introduced": ["cam1"]}
    assert alarmd.fine("archive", "rebuild").out == (
        "Pictures known again: 2; forgotten, for their files are gone: 0; left out: 0.\n"
        "Devices introduced: cam1; `alarmd device adopt` makes them yours.\n"
    )
    with running_house(state) as house:
        assert alarmd.fine("archive", "status", "--json").json["pictures"] == 2
        alarmd.fine("device", "adopt", "cam1")
        take(house, quality=80)
        numbers = [one["id"] for one in alarmd.fine("pictures", "--json").json["pictures"]]
        assert numbers == [3, 2, 1]
    assert alarmd.fine("archive", "rebuild", "--json").json["added"] == 0


def test_a_picture_that_cannot_be_known_again_is_told(
    alarmd: Alarmd, two: list[str], archive: DirectoryArchive
) -> None:
    parsed = parse_picture(two[0])
    assert parsed is not None
    alien = two[0].replace(parsed.digest_prefix, "0" * 16)
    archive.write(alien, b"whatever")
    ended = alarmd("archive", "rebuild", "--json")
    assert (ended.code, ended.json["skipped"]) == (exits.OK, 1)
    assert f"alarmd: {alien} is left out" in ended.err


def test_a_running_server_keeps_its_index(alarmd: Alarmd, house: RunningHouse) -> None:
    ended = alarmd("archive", "rebuild", "--json")
    assert (ended.code, ended.error["reason"]) == (exit_codes.STORAGE_FAILED, "unavailable")


def test_an_archive_that_is_not_mounted_empties_no_database(
    alarmd: Alarmd, two: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALARMD_ARCHIVE_DIRECTORY", str(tmp_path / "elsewhere"))
    ended = alarmd("archive", "rebuild", "--json")
    assert (ended.code, ended.error["reason"]) == (exits.FAILED, "archive")
    assert "is its disk mounted" in ended.error["message"]
    monkeypatch.delenv("ALARMD_ARCHIVE_DIRECTORY")
    assert alarmd("archive", "status", "--json").json["pictures"] == 2


def test_a_file_that_is_no_database_is_told(alarmd: Alarmd, state: Path) -> None:
    (state / "alarmd.sqlite").write_bytes(b"this is no database" * 1000)
    ended = alarmd("archive", "rebuild", "--json")
    assert (ended.code, ended.error["reason"]) == (exit_codes.UNUSABLE_DATA, "unusable_data")


def test_a_server_key_that_cannot_be_read_is_told(alarmd: Alarmd, two: list[str], state: Path) -> None:
    (state / "server.key").write_text("no key\n")
    assert alarmd("archive", "rebuild", "--json").error["reason"] == "server_key"


def test_a_database_that_no_server_ever_used_is_told(alarmd: Alarmd, two: list[str], state: Path) -> None:
    for file in state.glob("alarmd.sqlite*"):
        file.unlink()
    (state / "alarmd.sqlite").touch()
    ended = alarmd("archive", "rebuild", "--json")
    assert (ended.code, ended.error["reason"]) == (exits.FAILED, "no_zones")


def test_what_was_deleted_on_record_is_no_fault(alarmd: Alarmd, two: list[str], archive: DirectoryArchive) -> None:
    seal_all(archive)
    delete_for_good(archive, "cam1", two[:1], now().wall)
    assert "deleted on record: 1" in alarmd.fine("archive", "verify").out
