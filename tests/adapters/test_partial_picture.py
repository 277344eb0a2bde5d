"""The digest of a picture that breaks off and goes on anywhere, without all of it being hashed again."""

import hashlib
import random
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarmd.adapters.partial_picture import STEP, PartialPicture
from alarmd.adapters.tcp_connection import LineConnection
from lfcp import Part, Trigger, picture_digest

DATA = random.Random(5).randbytes(2 * STEP + 1000)
SHA256 = hashlib.sha256
CONNECTION = cast(LineConnection, object())  # it is only kept


def begun() -> PartialPicture:
    picture = PartialPicture(Part("9f3c.1", 0, len(DATA), picture_digest(DATA), Trigger.ALARM))
    picture.go_on(0, CONNECTION)
    return picture


@given(st.lists(st.tuples(st.integers(0, len(DATA)), st.integers(0, len(DATA))), max_size=4))
def test_it_is_whole_wherever_it_broke_off_and_went_on(breaks: list[tuple[int, int]]) -> None:
    picture = begun()
    for offset, wrong in breaks:
        offset = min(offset, len(picture) + STEP)
        picture.add(DATA[len(picture) : offset])
        picture.add(bytes(min(wrong, len(DATA) - len(picture))))
        picture.go_on(offset, CONNECTION)
    assert picture.add(DATA[len(picture) :]) or len(picture) == len(DATA)
    assert picture.hand_on() == DATA


@pytest.mark.parametrize("at", [0, STEP - 1, STEP, 2 * STEP, len(DATA) - 1])
def test_a_byte_that_is_wrong_is_found_wherever_it_is(at: int) -> None:
    picture = begun()
    wrong = bytearray(DATA)
    wrong[at] ^= 1
    assert picture.add(bytes(wrong))
    assert picture.hand_on() is None


class Counted:
    """SHA-256, and how many bytes went into all of them."""

    length = 0

    def __init__(self, data: bytes = b"") -> None:
        self._hash = SHA256(data)

    def update(self, data: bytes) -> None:
        Counted.length += len(data)
        self._hash.update(data)

    def copy(self) -> "Counted":
        copied = Counted()
        copied._hash = self._hash.copy()
        return copied

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def test_to_go_on_hashes_less_than_a_step_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashlib, "sha256", Counted)
    picture = begun()
    picture.add(DATA)
    Counted.length = 0
    for _ in range(100):
        picture.go_on(2 * STEP - 1, CONNECTION)
        assert Counted.length == 0
        picture.add(DATA[2 * STEP - 1 :])
        assert Counted.length == STEP, "the step that was broken, whole"
        Counted.length = 0
    assert picture.hand_on() == DATA
