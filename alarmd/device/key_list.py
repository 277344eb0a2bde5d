"""Keys in files that only their owner can read: one by itself, or NAME,KEY lines of simulated devices."""

import csv
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from lfcp import ProtocolError, check_name
from lfcp.authenticator import key_as_text, key_from_text
from lfcp.constants import KEY

OTHERS = stat.S_IRWXG | stat.S_IRWXO
LONGEST = 16 << 20  # bytes
KEY_LETTERS = len(key_as_text(bytes(KEY)))


class KeyListError(Exception):
    """The text says where and what, and never a key."""


def read_key(path: Path) -> bytes:
    """The one of a file that `alarmd operator add --key-file` made."""
    try:
        with path.open(encoding="ascii") as file:
            _check_file(path, file)
            return key_from_text(file.readline().strip())
    except OSError as error:
        raise KeyListError(f"cannot read {path}: {error.strerror}") from None
    except (UnicodeDecodeError, ProtocolError):
        raise KeyListError(f"{path} does not hold one key, {KEY_LETTERS} letters, digits, - or _") from None


def read_keys(path: Path) -> dict[str, bytes]:
    """Keys by the devices' names, in the file's order. Empty lines and those that begin with # say nothing."""
    try:
        with path.open(encoding="ascii", newline="") as file:
            _check_file(path, file)
            keys = _read(path, file)
    except OSError as error:
        raise KeyListError(f"cannot read {path}: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error):
        raise KeyListError(f"{path} has something else than lines of NAME,KEY") from None
    if not keys:
        raise KeyListError(f"{path} has no lines of NAME,KEY")
    return keys


def _check_file(path: Path, file: TextIO) -> None:
    found = os.fstat(file.fileno())
    if found.st_mode & OTHERS:
        raise KeyListError(f"others may read or change {path}: chmod 600 {path}")
    if found.st_size > LONGEST:
        raise KeyListError(f"{path} is too long")


def _read(path: Path, file: TextIO) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for line, fields in _lines(file):
        try:
            name, text = fields
            check_name(name)
            key = key_from_text(text)
        except ValueError:
            raise KeyListError(f"{path}, line {line}: write NAME,KEY") from None
        except ProtocolError as error:
            raise KeyListError(f"{path}, line {line}: {error.detail}") from None
        if name in keys:
            raise KeyListError(f"{path}, line {line}: {name} is there twice")
        keys[name] = key
    return keys


def _lines(file: TextIO) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(file, strict=True)
    for fields in reader:
        if fields and not fields[0].startswith("#"):
            yield reader.line_num, [field.strip() for field in fields]
