"""The C library answers as lfcp does: in every field, in every byte, and with the same reason."""

from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lfcp import ProtocolError, SequenceWindow, Verb, decode, encode, encode_signed
from lfcp.authenticator import MAX_COUNTER, Purpose, Way, derive, key_as_text, key_from_text, verified
from lfcp.constants import KEY, SETTINGS, SIGNED_MAX_FIELD, VERBS, WINDOW
from lfcp.sealing import seal, unseal
from lfcp.settings import digest
from lfcp.text import is_name
from tests.firmware.c_library import CLibrary, Read
from tests.protocol.signed_frames import (
    COUNTERS,
    KEYS,
    LABELS,
    NAMES,
    PRINTABLE,
    Fields,
    any_fields,
    nearly,
    sendable_fields,
)

TAG_KEY = bytes(range(KEY))
SEALED_TEXT = SIGNED_MAX_FIELD * 3 // 4 - 16  # characters that fit a field once they are sealed
SIGNED = sendable_fields().map(lambda fields: encode_signed(TAG_KEY, *fields[:3], *fields[3]))
UNSIGNED = st.builds(
    lambda name, verb, params: ",".join((name, verb, *params)).encode(),
    NAMES,
    st.sampled_from([*Verb, "", "HELO", "x" * 64]),
    st.lists(st.just("0") | st.text(PRINTABLE, max_size=66), min_size=4, max_size=8),
)
SECRET_PLACES = st.tuples(COUNTERS, NAMES, st.sampled_from([verb for verb, entry in VERBS.items() if entry.secret]))
T = TypeVar("T")
few = settings(deadline=None)  # the machine may be busy
many = settings(few, max_examples=600)


def answered(call: Callable[[], T]) -> T | str:
    """What lfcp answers, or the code of the reason why not."""
    try:
        return call()
    except ProtocolError as error:
        return str(error.reason)


def read(frame: bytes) -> Read:
    name, verb, params, _, signature = decode(frame)
    as_bytes = tuple(param.encode("ascii") for param in params)
    return Read(name.encode("ascii"), verb.encode("ascii"), as_bytes, signature.counter if signature else None)


def as_bytes(texts: tuple[str, ...]) -> list[bytes]:
    return [text.encode("utf-8") for text in texts]


@many
@given(frame=nearly(SIGNED) | nearly(UNSIGNED) | st.binary(max_size=200))
@example(b"")
@example(b"\n" * 70_000)
@example(b"x" * 70_000)
@example(b"," * 70_000)
def test_every_frame_is_read_alike(c_library: CLibrary, frame: bytes) -> None:
    assert c_library.decode(frame) == answered(lambda: read(frame))


@few
@given(frame=nearly(SIGNED).filter(lambda frame: isinstance(answered(lambda: decode(frame).signature), tuple)))
def test_every_tag_is_judged_alike(c_library: CLibrary, frame: bytes) -> None:
    content = frame.rstrip(b"\r\n\0")
    assert c_library.verify(TAG_KEY, frame) == ("ok" if verified(TAG_KEY, content) else "bad_tag")


@many
@given(fields=any_fields() | sendable_fields())
def test_the_same_fields_make_the_same_frame(c_library: CLibrary, fields: Fields) -> None:
    _, name, verb, params = fields
    expected = answered(lambda: encode(name, verb, *params))
    assert c_library.encode(name.encode("utf-8"), verb, as_bytes(params)) == expected


@many
@given(fields=any_fields() | sendable_fields(), tag_key=KEYS)
def test_the_same_fields_make_the_same_signed_frame(c_library: CLibrary, fields: Fields, tag_key: bytes) -> None:
    counter, name, verb, params = fields
    expected = answered(lambda: encode_signed(tag_key, counter, name, verb, *params))
    assert c_library.encode_signed(tag_key, counter, name.encode("utf-8"), verb, as_bytes(params)) == expected


@few
@given(fields=sendable_fields(), size=st.integers(0, 400))
def test_a_frame_never_leaves_its_buffer(c_library: CLibrary, fields: Fields, size: int) -> None:
    counter, name, verb, params = fields
    frame = encode_signed(TAG_KEY, counter, name, verb, *params)
    written = c_library.encode_signed(TAG_KEY, counter, name.encode("ascii"), verb, as_bytes(params), size)
    assert written == (frame if len(frame) <= size else "no_space")


@few
@given(key=KEYS, purpose=st.sampled_from(Purpose), way=st.sampled_from(Way), label=LABELS)
def test_the_same_sub_keys_are_derived(c_library: CLibrary, key: bytes, purpose: Purpose, way: Way, label: str) -> None:
    assert c_library.derive(key, purpose, way, label) == derive(key, purpose, way, label)


@few
@given(place=SECRET_PLACES, at=st.integers(1, 4), key=KEYS, text=st.text(PRINTABLE, max_size=SEALED_TEXT))
def test_the_same_texts_are_sealed_alike(
    c_library: CLibrary, place: tuple[int, str, str], at: int, key: bytes, text: str
) -> None:
    counter, name, verb = place
    sealed = seal(key, counter, name, verb, at, text)
    assert c_library.seal(key, counter, name.encode(), verb, at, text.encode()) == sealed.encode()
    assert c_library.unseal(key, counter, name.encode(), verb, at, sealed.encode()) == text.encode()


@pytest.mark.parametrize("text", ["a,b", "a\0b", "a\nb", "\x7f", "\x1b[2J"])
def test_a_sealed_text_that_is_no_parameter_is_refused_by_both(c_library: CLibrary, text: str) -> None:
    field = seal(TAG_KEY, 1, "cam1", "PRCC", 1, text)
    assert c_library.unseal(TAG_KEY, 1, b"cam1", "PRCC", 1, field.encode()) == "bad_seal"


def test_a_text_too_long_to_be_sealed_makes_no_frame_in_either(c_library: CLibrary) -> None:
    text = "s" * (SEALED_TEXT + 1)
    field = seal(TAG_KEY, 1, "cam1", "PRCC", 1, text)
    assert answered(lambda: encode_signed(TAG_KEY, 1, "cam1", "PRCC", field)) == "bad_parameter"
    assert c_library.seal(TAG_KEY, 1, b"cam1", "PRCC", 1, text.encode()) == "bad_parameter"


@many
@given(
    place=SECRET_PLACES,
    text=st.text(PRINTABLE, max_size=SEALED_TEXT + 5),
    at=st.integers(1, 4),
    elsewhere=st.integers(1, 4),
    data=st.data(),
)
def test_the_same_fields_are_opened_alike(
    c_library: CLibrary, place: tuple[int, str, str], text: str, at: int, elsewhere: int, data: st.DataObject
) -> None:
    counter, name, verb = place
    sealed = seal(TAG_KEY, counter, name, verb, at, text).encode("ascii")
    field = data.draw(nearly(st.just(sealed)) | st.binary(max_size=140))
    expected = answered(lambda: unseal(TAG_KEY, counter, name, verb, elsewhere, field.decode("latin-1")))
    opened = c_library.unseal(TAG_KEY, counter, name.encode("ascii"), verb, elsewhere, field)
    assert (opened.decode("ascii") if isinstance(opened, bytes) else opened) == expected


@many
@given(text=nearly(KEYS.map(lambda key: key_as_text(key).encode("ascii"))))
def test_the_same_texts_are_keys(c_library: CLibrary, text: bytes) -> None:
    assert c_library.key_from_text(text) == answered(lambda: key_from_text(text.decode("latin-1")))


@few
@given(text=nearly(NAMES.map(str.encode)) | st.binary(max_size=40))
def test_the_same_texts_are_names(c_library: CLibrary, text: bytes) -> None:
    assert c_library.is_name(text) is (is_name(text.decode("latin-1")) is not None)


@many
@given(
    highest=st.sampled_from([0, 0, 100, MAX_COUNTER - 100]),
    ahead=st.lists(st.integers(-10, 3 * WINDOW), max_size=60),
)
def test_the_same_counters_are_new(c_library: CLibrary, highest: int, ahead: list[int]) -> None:
    counters = [min(max(highest + step, 0), MAX_COUNTER) for step in ahead]
    window = SequenceWindow(highest)
    assert c_library.window(highest, counters) == [window.accept(counter) for counter in counters]


@few
@given(values=st.lists(st.none() | st.integers(-(2**31), 2**31 - 1), min_size=len(SETTINGS), max_size=len(SETTINGS)))
def test_the_same_settings_have_the_same_digest(c_library: CLibrary, values: list[int | None]) -> None:
    given_ones = {name: value for name, value in zip(SETTINGS, values, strict=True) if value is not None}
    assert c_library.digest(values) == digest(given_ones)
