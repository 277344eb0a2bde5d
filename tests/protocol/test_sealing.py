"""Sealed parameters: golden ones, and that none can be read or moved by anybody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfcp import ProtocolError, Reason
from lfcp.authenticator import MAX_COUNTER, Purpose, Way, derive, key_from_text
from lfcp.constants import SIGNED_MAX_FIELD
from lfcp.sealing import SEAL_TAG, seal, unseal
from tests.protocol.signed_frames import COUNTERS, KEYS, NAMES, PRINTABLE
from tests.protocol.vectors import Vector, each_of

LONGEST = SIGNED_MAX_FIELD * 3 // 4 - SEAL_TAG  # characters that fit a field once they are sealed
TEXTS = st.text(PRINTABLE, max_size=LONGEST)
SECRETS = st.sampled_from(["TLGC", "PRCC"])
KEY = bytes(range(32))


def place_of(vector: Vector) -> tuple[bytes, int, str, str, int]:
    seal_key = derive(key_from_text(vector["key"]), Purpose.SEAL, Way(vector["way"]), vector["label"])
    return seal_key, int(vector["counter"], 16), vector["name"], vector["verb"], vector["at"]


@each_of("sealed")
def test_a_parameter_is_sealed_and_opened_as_in_the_vectors(vector: Vector) -> None:
    assert seal(*place_of(vector), vector["text"]) == vector["field"]
    assert unseal(*place_of(vector), vector["field"]) == vector["text"]


@each_of("sealed", "refused")
def test_a_field_that_is_not_sealed_for_its_place_cannot_be_opened(vector: Vector) -> None:
    with pytest.raises(ProtocolError) as refused:
        unseal(*place_of(vector), vector["field"])
    assert refused.value.reason == vector["reason"]


@given(KEYS, COUNTERS, NAMES, SECRETS, st.integers(1, 4), TEXTS)
def test_what_is_sealed_is_opened_again(key: bytes, counter: int, name: str, verb: str, at: int, text: str) -> None:
    field = seal(key, counter, name, verb, at, text)
    assert len(field) <= SIGNED_MAX_FIELD
    assert unseal(key, counter, name, verb, at, field) == text


@pytest.mark.parametrize("text", ["a,b", "a\0b", "a\nb", "\x7f", "\x1b[2J"])
def test_a_sealed_text_that_is_no_parameter_cannot_be_opened(text: str) -> None:
    field = seal(KEY, 7, "cam1", "TLGC", 1, text)
    with pytest.raises(ProtocolError) as refused:
        unseal(KEY, 7, "cam1", "TLGC", 1, field)
    assert refused.value.reason == Reason.BAD_SEAL


@given(st.binary(max_size=140).map(lambda field: field.decode("latin-1")))
def test_any_other_field_is_a_protocol_error(field: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        unseal(KEY, MAX_COUNTER, "cam1", "TLGC", 1, field)
    assert refused.value.reason == Reason.BAD_SEAL


def test_every_change_of_one_character_of_a_sealed_field_is_noticed() -> None:
    field = seal(KEY, 7, "cam1", "TLGC", 1, "123456:secret")
    for at in range(len(field)):
        changed = field[:at] + ("A" if field[at] != "A" else "B") + field[at + 1 :]
        with pytest.raises(ProtocolError):
            unseal(KEY, 7, "cam1", "TLGC", 1, changed)


def test_the_error_shows_neither_the_field_nor_the_text() -> None:
    field = seal(KEY, 7, "cam1", "TLGC", 1, "123456:secret")
    with pytest.raises(ProtocolError) as refused:
        unseal(KEY, 8, "cam1", "TLGC", 1, field)
    assert field not in str(refused.value)
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None
