"""Signed frames: golden ones, and what must hold for all of them."""

from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from lfcp import STRICT, TOLERANT, VERBS, Message, ProtocolError, Reason, Verb, decode, encode, encode_signed
from lfcp.authenticator import (
    MAX_COUNTER,
    Purpose,
    Way,
    derive,
    key_as_text,
    key_from_text,
    signature_of,
    verified,
)
from lfcp.constants import (
    KEY,
    MAX_NAME,
    PARAMETERS,
    SEND_MAX_FRAME,
    SIGNED_MAX_FIELD,
    SIGNED_MAX_FRAME,
    TAG,
)
from lfcp.sealing import seal
from tests.protocol.signed_frames import KEYS, LABELS, Fields, nearly, sendable_fields, signed_limits
from tests.protocol.vectors import Vector, each_of, frame_of, load

SUB_KEY = bytes(range(KEY))
UNSIGNED = "unsigned"  # the server's word for a frame without a signature; no reason of the parser


def tag_key_of(vector: Vector) -> bytes:
    return derive(key_from_text(vector["key"]), Purpose.TAG, Way(vector["way"]), vector["label"])


def judged(tag_key: bytes, frame: bytes) -> str:
    """The reason of refusal, or ''."""
    try:
        message = decode(frame)
    except ProtocolError as error:
        return error.reason
    if message.signature is None:
        return UNSIGNED
    content = frame.rstrip(b"\r\n\0")
    return "" if verified(tag_key, content) else Reason.BAD_TAG


@each_of("signed", "sub_keys")
def test_a_sub_key_is_for_one_purpose_one_way_and_one_label(vector: Vector) -> None:
    key = key_from_text(vector["key"])
    assert derive(key, Purpose(vector["purpose"]), Way(vector["way"]), vector["label"]).hex() == vector["sub_key"]


@given(KEYS, st.sampled_from(Purpose), st.sampled_from(Way), LABELS)
def test_sub_keys_are_those_of_another_implementation_of_hkdf(
    key: bytes, purpose: Purpose, way: Way, label: str
) -> None:
    info = f"LFCP2,{purpose},{way},{label}".encode("ascii")
    assert derive(key, purpose, way, label) == HKDF(SHA256(), KEY, None, info).derive(key)


@pytest.mark.parametrize("label", ["", "a", "AA", "1", "A\n", "\u00c9"])
def test_a_label_is_one_letter(label: str) -> None:
    with pytest.raises(ValueError, match="one letter"):
        derive(SUB_KEY, Purpose.TAG, Way.UP, label)


@pytest.mark.parametrize("key", [b"", bytes(KEY - 1), bytes(KEY + 1)])
def test_a_key_of_another_length_makes_no_sub_key(key: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        derive(key, Purpose.TAG, Way.UP, "A")


@each_of("signed", "key_texts")
def test_a_key_has_one_text(vector: Vector) -> None:
    if "key" in vector:
        assert key_from_text(vector["text"]).hex() == vector["key"]
        assert key_as_text(bytes.fromhex(vector["key"])) == vector["text"]
        return
    with pytest.raises(ProtocolError) as refused:
        key_from_text(vector["text"])
    assert refused.value.reason == vector["reason"]


def test_a_refused_key_is_not_repeated_in_the_error() -> None:
    almost = key_as_text(SUB_KEY) + "="
    with pytest.raises(ProtocolError) as refused:
        key_from_text(almost)
    assert almost[:8] not in str(refused.value)


@given(KEYS)
def test_every_key_is_read_again_from_its_text(key: bytes) -> None:
    assert key_from_text(key_as_text(key)) == key


@each_of("signed")
def test_a_signed_frame_is_written_as_in_the_vectors(vector: Vector) -> None:
    fields = (vector["name"], vector["verb"], *vector["params"])
    assert encode_signed(tag_key_of(vector), int(vector["counter"], 16), *fields) == frame_of(vector)


@each_of("signed")
def test_a_signed_frame_is_read_as_in_the_vectors(vector: Vector) -> None:
    frame = frame_of(vector)
    assert judged(tag_key_of(vector), frame) == ""
    for leniencies in (STRICT, TOLERANT):
        message = decode(frame, leniencies)
        assert (message.name, message.verb) == (vector["name"], vector["verb"])
        assert message.params[:4] == (*vector["params"], *("0",) * (4 - len(vector["params"])))
        assert message.signature == (int(vector["counter"], 16), frame[-TAG:].decode("ascii"))
        assert message.leniencies == frozenset()


@each_of("signed", "only_read")
def test_a_right_tag_is_right_whatever_is_signed(vector: Vector) -> None:
    assert judged(tag_key_of(vector), frame_of(vector)) == ""


@each_of("signed", "refused")
def test_a_frame_with_something_wrong_about_its_signature_is_refused(vector: Vector) -> None:
    assert judged(tag_key_of(vector), frame_of(vector)) == vector["reason"]


@each_of("signed", "not_sent")
def test_what_must_not_be_sent_is_not_signed(vector: Vector) -> None:
    fields = (vector["name"], vector["verb"], *vector["params"])
    with pytest.raises(ProtocolError) as refused:
        encode_signed(tag_key_of(vector), int(vector["counter"], 16), *fields)
    assert refused.value.reason == vector["reason"]


def test_every_verb_has_a_signed_vector() -> None:
    assert {vector["verb"] for vector in load("signed")} == set(Verb)


@pytest.mark.parametrize("counter", [-1, 0, MAX_COUNTER + 1])
def test_a_counter_out_of_range_is_not_signed(counter: int) -> None:
    with pytest.raises(ProtocolError) as refused:
        encode_signed(SUB_KEY, counter, "cam1", "RST")
    assert refused.value.reason == Reason.BAD_PARAMETER


@given(KEYS, sendable_fields(), st.sampled_from([b"", b"\0", b"\n", b"\r\n", b"\r\n\0"]))
def test_what_is_signed_is_read_again_as_it_was_meant(tag_key: bytes, fields: Fields, end: bytes) -> None:
    counter, name, verb, params = fields
    frame = encode_signed(tag_key, counter, name, verb, *params)
    signature = signature_of(f"{counter:x}", frame[-TAG:].decode("ascii"))
    padded = (*params, *("0",) * (4 - len(params)), f"{counter:x}", frame[-TAG:].decode("ascii"))
    assert decode(frame + end) == Message(name, verb, padded, STRICT, signature)
    assert verified(tag_key, frame)


@given(nearly(sendable_fields().map(lambda fields: encode_signed(SUB_KEY, *fields[:3], *fields[3]))))
def test_any_bytes_near_a_signed_frame_are_a_message_or_a_protocol_error(frame: bytes) -> None:
    for leniencies in (STRICT, TOLERANT):
        with suppress(ProtocolError):
            message = decode(frame, leniencies)
            assert len(message.params) == PARAMETERS
            assert len(frame.rstrip(b"\r\n\0")) <= SIGNED_MAX_FRAME
            assert message.signature is None or message.leniencies == frozenset()


@given(KEYS, sendable_fields(), st.data())
def test_no_other_key_signs_the_same(tag_key: bytes, fields: Fields, data: st.DataObject) -> None:
    other = data.draw(KEYS.filter(lambda key: key != tag_key))
    frame = encode_signed(tag_key, fields.counter, fields.name, fields.verb, *fields.params)
    assert not verified(other, frame)


@each_of("signed")
def test_every_flipped_bit_of_a_signed_frame_is_noticed(vector: Vector) -> None:
    tag_key, frame = tag_key_of(vector), frame_of(vector)
    for bit in range(8 * len(frame)):
        flipped = bytearray(frame)
        flipped[bit // 8] ^= 1 << bit % 8
        assert judged(tag_key, bytes(flipped)), f"bit {bit % 8} of byte {bit // 8}"


@pytest.mark.parametrize("verb", Verb)
def test_the_longest_parameters_of_every_verb_fit_a_frame(verb: Verb) -> None:
    """The C library relies on it: it has no answer for a frame of sendable fields that is too long."""
    name, limits = "n" * MAX_NAME, signed_limits(verb)
    signed = encode_signed(SUB_KEY, MAX_COUNTER, name, verb, *("x" * limits.get(at, 0) or "0" for at in range(1, 5)))
    assert len(signed) <= SIGNED_MAX_FRAME
    assert max(limits.values(), default=0) <= SIGNED_MAX_FIELD
    plain = {parameter.at: parameter.limit for parameter in VERBS[verb].params}
    unsigned = encode(name, verb, *("x" * plain.get(at, 0) or "0" for at in range(1, PARAMETERS + 1)))
    assert len(unsigned) <= SEND_MAX_FRAME


@pytest.mark.parametrize("verb", [verb for verb, entry in VERBS.items() if entry.secret])
def test_the_longest_secrets_fit_a_field_once_they_are_sealed(verb: str) -> None:
    name = "n" * MAX_NAME
    limits = {parameter.at: parameter.limit for parameter in VERBS[verb].params}
    sealed = {at: seal(SUB_KEY, MAX_COUNTER, name, verb, at, "s" * limit) for at, limit in limits.items()}
    assert all(len(field) <= SIGNED_MAX_FIELD for field in sealed.values())
    of_commands = {parameter.at: "x" * parameter.limit for parameter in VERBS[verb].signed_params}
    params = sealed | of_commands
    frame = encode_signed(SUB_KEY, MAX_COUNTER, name, verb, *(params.get(at, "0") for at in range(1, 5)))
    assert len(frame) <= SIGNED_MAX_FRAME
