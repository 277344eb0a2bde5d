"""What is sealed opens with the same key and in the same place, unchanged, or not at all."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from alarmd.storage.vault import NONCE, SERVER_KEY, CannotOpenError, Vault

KEYS = st.binary(min_size=SERVER_KEY, max_size=SERVER_KEY)
SECRETS = st.binary(max_size=64)
PLACES = st.binary(max_size=40)


@given(KEYS, SECRETS, PLACES)
def test_what_was_sealed_opens(key: bytes, secret: bytes, place: bytes) -> None:
    assert Vault(key).open(Vault(key).seal(secret, place), place) == secret


@given(KEYS, KEYS, SECRETS, PLACES)
def test_another_key_opens_nothing(key: bytes, other: bytes, secret: bytes, place: bytes) -> None:
    assume(key != other)
    with pytest.raises(CannotOpenError):
        Vault(other).open(Vault(key).seal(secret, place), place)


@given(KEYS, SECRETS, PLACES, PLACES)
def test_nothing_opens_in_another_place(key: bytes, secret: bytes, place: bytes, other: bytes) -> None:
    assume(place != other)
    vault = Vault(key)
    with pytest.raises(CannotOpenError):
        vault.open(vault.seal(secret, place), other)


@given(KEYS, SECRETS, PLACES, st.data())
def test_nothing_opens_with_one_bit_changed(key: bytes, secret: bytes, place: bytes, data: st.DataObject) -> None:
    vault = Vault(key)
    sealed = bytearray(vault.seal(secret, place))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(CannotOpenError):
        vault.open(bytes(sealed), place)


@given(KEYS, SECRETS, PLACES, st.data())
def test_no_part_opens(key: bytes, secret: bytes, place: bytes, data: st.DataObject) -> None:
    vault = Vault(key)
    sealed = vault.seal(secret, place)
    with pytest.raises(CannotOpenError):
        vault.open(sealed[: data.draw(st.integers(0, len(sealed) - 1))], place)


def test_a_secret_sealed_again_looks_different() -> None:
    vault = Vault(bytes(SERVER_KEY))
    nonces = {vault.seal(b"secret", b"place")[:NONCE] for _ in range(1000)}
    assert len(nonces) == 1000


@pytest.mark.parametrize("length", [0, SERVER_KEY - 1, SERVER_KEY + 1])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Vault(bytes(length))
