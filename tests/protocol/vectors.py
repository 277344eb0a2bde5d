"""The golden frames of protocol/vectors, as the tests read them; the C device's tests read the same files."""

import json
from pathlib import Path
from typing import Any

import pytest

from lfcp import Message

FOLDER = Path(__file__).parents[2] / "protocol" / "vectors"

Vector = dict[str, Any]


def load(name: str, section: str = "vectors") -> list[Vector]:
    vectors: list[Vector] = json.loads((FOLDER / f"{name}.json").read_text(encoding="ascii"))[section]
    return vectors


def each_of(name: str, section: str = "vectors") -> pytest.MarkDecorator:
    """Run the test once for every vector of the file's section."""
    vectors = load(name, section)
    return pytest.mark.parametrize("vector", vectors, ids=[vector["why"] for vector in vectors])


def frame_of(vector: Vector) -> bytes:
    frame: str = vector["frame"]
    return frame.encode("latin-1") * int(vector.get("times", 1))


def message_of(vector: Vector) -> tuple[str, str, tuple[str, ...]]:
    said = vector["message"]
    return said["name"], said["verb"], tuple(said["params"])


def said_by(message: Message) -> tuple[str, str, tuple[str, ...]]:
    return message.name, message.verb, message.params
