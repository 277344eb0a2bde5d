"""A file of keys: lines of NAME,KEY for its owner alone, and errors that give no key away."""

from pathlib import Path

import pytest

from alarmd.device import key_list
from alarmd.device.key_list import KeyListError, read_keys
from lfcp.authenticator import key_as_text

KEYS = [bytes([number] * 32) for number in range(3)]
TEXTS = [key_as_text(key) for key in KEYS]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "keys.csv"
    path.touch(0o600)
    return path


def test_keys_are_read_in_the_order_of_the_file(path: Path) -> None:
    path.write_text(f'# of the shed\nroof,{TEXTS[1]}\r\n\ngate , {TEXTS[0]}\n"cam.1","{TEXTS[2]}"')
    assert list(read_keys(path).items()) == [("roof", KEYS[1]), ("gate", KEYS[0]), ("cam.1", KEYS[2])]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_file_that_is_not_its_owners_alone_is_refused(path: Path, mode: int) -> None:
    path.write_text(f"roof,{TEXTS[1]}")
    path.chmod(mode)
    with pytest.raises(KeyListError, match="chmod 600"):
        read_keys(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "no lines"),
        ("# nothing\n", "no lines"),
        (f"{TEXTS[1]}", "line 1: write NAME,KEY"),
        (f"roof,{TEXTS[1]}\ngate,{TEXTS[1]},x", "line 2: write NAME,KEY"),
        (f"*,{TEXTS[1]}", "line 1: a name has"),
        (f"roof,{TEXTS[1][:-1]}", "line 1: a key has 43"),
        (f"roof,{TEXTS[1]}\nroof,{TEXTS[2]}", "line 2: roof is there twice"),
        (f'roof,"{TEXTS[1]}', "something else"),
        (f"röof,{TEXTS[1]}", "something else"),
    ],
)
def test_what_is_wrong_is_told_without_a_key(path: Path, content: str, told: str) -> None:
    path.write_text(content, encoding="utf-8")
    with pytest.raises(KeyListError, match=told) as refused:
        read_keys(path)
    assert not any(text[:-1] in str(refused.value) for text in TEXTS)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyListError, match="No such file"):
        read_keys(tmp_path / "nothing")


def test_a_file_that_is_much_too_long_is_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_list, "LONGEST", 10)
    path.write_text(f"roof,{TEXTS[1]}")
    with pytest.raises(KeyListError, match="too long"):
        read_keys(path)
