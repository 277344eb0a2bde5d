"""What a device keeps in a file, for as long as there is a disk."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from alarmd.device.memory_file import FIRST_COUNTERS, MemoryFile, MemoryFileError
from lfcp.client import HIGHEST_COUNTER, Kept
from lfcp.constants import COMMAND_MEMORY

FULL = Kept(1024, ("A.1", "B.ff"), {"quality": 12, "brightness": -2})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory"


def reopened(path: Path) -> Kept:
    memory = MemoryFile(path)
    try:
        return memory.load()
    finally:
        memory.close()


def test_what_was_saved_is_found_again(path: Path) -> None:
    memory = MemoryFile(path)
    memory.save(Kept(1))
    memory.save(FULL)
    memory.close()
    assert reopened(path) == FULL


def test_a_new_device_begins_at_random(path: Path) -> None:
    begun = {reopened(path).counter for _ in range(5)}
    assert len(begun) == 5
    assert all(0 <= counter < FIRST_COUNTERS for counter in begun)
    assert not path.exists()


def test_only_the_owner_can_read_it(path: Path) -> None:
    before = os.umask(0)
    try:
        memory = MemoryFile(path)
        memory.save(FULL)
        memory.close()
    finally:
        os.umask(before)
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_two_programs_cannot_be_one_device(path: Path) -> None:
    first = MemoryFile(path)
    with pytest.raises(MemoryFileError, match="in use"):
        MemoryFile(path)
    first.close()
    MemoryFile(path).close()


def test_a_write_that_fails_leaves_what_was_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = MemoryFile(path)
    memory.save(FULL)

    def full(_descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        memory.save(Kept(5000))
    monkeypatch.undo()
    memory.close()
    assert reopened(path) == FULL


def test_it_is_on_the_disk_before_it_has_its_name(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is synced too, or a power loss could undo the new name."""
    steps: list[str] = []
    replace = Path.replace

    def synced(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")

    def named(made: Path, name: Path) -> Path:
        steps.append("named")
        return replace(made, name)

    monkeypatch.setattr("os.fsync", synced)
    monkeypatch.setattr(Path, "replace", named)
    memory = MemoryFile(path)
    memory.save(FULL)
    memory.close()
    assert steps == ["file", "named", "folder"]


def but(**wrong: Any) -> str:
    return json.dumps({"counter": 7, "commands": [], "settings": {}, **wrong})


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "null",
        "{}",
        but(counter=-1),
        but(counter=HIGHEST_COUNTER + 1),
        but(counter=True),
        but(counter="7"),
        but(commands=None),
        but(commands=["A.0"]),
        but(commands=[7]),
        but(commands=[f"A.{number}" for number in range(1, COMMAND_MEMORY + 2)]),
        but(settings=[]),
        but(settings={"quality": 64}),
        but(settings={"colour": 1}),
    ],
)
def test_anything_else_is_told_and_not_guessed(path: Path, content: str) -> None:
    path.write_text(content, encoding="ascii")
    with pytest.raises(MemoryFileError, match="remove it"):
        reopened(path)


def test_bytes_that_are_no_text_are_told(path: Path) -> None:
    path.write_bytes(b"\xff\x00")
    with pytest.raises(MemoryFileError, match="remove it"):
        reopened(path)


def test_a_folder_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        MemoryFile(tmp_path / "nowhere" / "memory")
