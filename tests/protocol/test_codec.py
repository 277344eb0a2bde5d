"""Any bytes make a message or a ProtocolError; what is written is read again as it was meant."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lfcp import STRICT, TOLERANT, VERBS, Leniency, Message, ProtocolError, Reason, Verb, decode, encode
from lfcp.constants import FIELDS, MAX_FIELD, MAX_FRAME, MAX_NAME, PARAMETERS, SEND_MAX_FIELD, SEND_MAX_FRAME

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", fullmatch=True).filter(lambda name: ".." not in name)
LENIENCIES = st.frozensets(st.sampled_from(Leniency))
GRAMMAR = re.compile(
    rb"(?P<content>(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]{0,31}),(?P<verb>[\x20-\x2b\x2d-\x7e]{1,63})"
    rb"(?:,[\x20-\x2b\x2d-\x7e]{1,63}){6})[\r\n]*(?:\0[\r\n]*)?"
)
PRINTABLE = st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters=",")
FRAME_LIKE = st.lists(
    st.one_of(NAMES, st.sampled_from([*VERBS, "", "0", "2"]), st.text(max_size=70)), min_size=1, max_size=20
).map(lambda fields: ",".join(fields).encode("utf-8"))


def texts(limit: int) -> st.SearchStrategy[str]:
    return st.one_of(st.just("0"), st.text(PRINTABLE, min_size=1, max_size=limit))


def read(frame: bytes, leniencies: frozenset[Leniency]) -> Message | ProtocolError:
    try:
        return decode(frame, leniencies)
    except ProtocolError as error:
        return error


@st.composite
def sendable_frames(draw: st.DrawFn) -> tuple[str, str, tuple[str, ...]]:
    verb = draw(st.sampled_from(Verb))
    limits = {parameter.at: parameter.limit for parameter in VERBS[verb].params}
    params = [draw(texts(limits[at])) if at in limits else "0" for at in range(1, PARAMETERS + 1)]
    return draw(NAMES), verb, tuple(params)


@given(st.one_of(st.binary(max_size=200), FRAME_LIKE), LENIENCIES)
@example(b"", STRICT)
@example(b"," * 128, TOLERANT)
def test_any_bytes_are_a_message_or_a_protocol_error(frame: bytes, leniencies: frozenset[Leniency]) -> None:
    message = read(frame, leniencies)
    if isinstance(message, ProtocolError):
        assert message.reason in Reason
        assert str(message).isprintable()
        return
    assert message.leniencies <= leniencies
    assert len(message.params) == PARAMETERS
    assert all(field.isprintable() and "," not in field for field in (message.name, message.verb, *message.params))
    assert 1 <= len(message.name) <= MAX_NAME


@given(st.one_of(st.binary(max_size=140), FRAME_LIKE))
def test_more_leniencies_never_read_a_frame_otherwise(frame: bytes) -> None:
    tolerant, strict = read(frame, TOLERANT), read(frame, STRICT)
    if isinstance(tolerant, ProtocolError):
        assert isinstance(strict, ProtocolError)
        return
    assert read(frame, tolerant.leniencies) == tolerant
    assert isinstance(strict, ProtocolError) is bool(tolerant.leniencies)


@given(sendable_frames(), st.sampled_from([b"", b"\0", b"\n", b"\r\n", b"\r\n\0"]))
def test_a_frame_that_is_sent_is_read_by_the_book(fields: tuple[str, str, tuple[str, ...]], ending: bytes) -> None:
    name, verb, params = fields
    frame = encode(name, verb, *params)
    assert decode(frame + ending) == Message(name, verb, params, STRICT)
    assert len(frame) <= SEND_MAX_FRAME
    assert frame.count(b",") == FIELDS - 1


@st.composite
def nearly_right_frames(draw: st.DrawFn) -> bytes:
    name, verb, params = draw(sendable_frames())
    frame = encode(name, verb, *params)
    start = draw(st.integers(0, len(frame)))
    stop = draw(st.integers(start, min(start + 3, len(frame))))
    return frame[:start] + draw(st.binary(max_size=3) | st.sampled_from([b",", b"..", b"\0", b"\r\n"])) + frame[stop:]


@given(nearly_right_frames())
def test_a_strict_receiver_takes_exactly_what_the_grammar_of_the_document_makes(frame: bytes) -> None:
    found = GRAMMAR.fullmatch(frame)
    right = (
        found is not None
        and b".." not in found["name"]
        and found["verb"].decode() in VERBS
        and len(found["content"]) <= MAX_FRAME
    )
    assert isinstance(read(frame, STRICT), Message) is right


@pytest.mark.parametrize("verb", Verb)
def test_the_longest_frame_of_every_verb_may_be_sent(verb: Verb) -> None:
    params = ["0"] * PARAMETERS
    for parameter in VERBS[verb].params:
        assert parameter.limit <= SEND_MAX_FIELD
        params[parameter.at - 1] = "x" * parameter.limit
    encode("n" * MAX_NAME, verb, *params)


@given(st.text(max_size=80))
def test_an_error_never_quotes_a_parameter(secret: str) -> None:
    marked = f"SECRET{secret}"
    with pytest.raises(ProtocolError) as refused:
        encode("cam1", "TLGC", marked + "," * 2, "1")
    assert "SECRET" not in str(refused.value)


def test_a_long_field_is_refused_in_a_short_frame_too() -> None:
    frame = b"a,LOG," + b"x" * (MAX_FIELD + 1) + b",0,0,0,0,0"
    assert len(frame) < MAX_FRAME
    with pytest.raises(ProtocolError) as refused:
        decode(frame)
    assert refused.value.reason is Reason.LONG_FIELD
