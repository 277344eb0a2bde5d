"""Signed frames for hypothesis: what may be sent, and what is nearly right."""

from typing import NamedTuple

from hypothesis import strategies as st

from lfcp import VERBS, Verb
from lfcp.authenticator import MAX_COUNTER
from lfcp.constants import KEY, MAX_NAME, SIGNED_MAX_FIELD

KEYS = st.binary(min_size=KEY, max_size=KEY)
LABELS = st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
COUNTERS = st.one_of(st.integers(1, 300), st.integers(1, MAX_COUNTER), st.just(MAX_COUNTER))
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", fullmatch=True).filter(lambda name: ".." not in name)
PRINTABLE = st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters=",")
NOISE = st.sampled_from([b",", b"\0", b"\n", b"\r\n", b"A", b"0", b"=", b"\xc3\xa9", b"x" * 64, b"y" * 130, b"z" * 513])


class Fields(NamedTuple):
    counter: int
    name: str
    verb: str
    params: tuple[str, ...]


def signed_limits(verb: str) -> dict[int, int]:
    """Bytes of each parameter of a signed frame as it travels."""
    entry = VERBS[verb]
    plain = {parameter.at: SIGNED_MAX_FIELD if entry.secret else parameter.limit for parameter in entry.params}
    signed = {parameter.at: parameter.limit for parameter in entry.signed_params}
    return {at: max(plain.get(at, 0), signed.get(at, 0)) for at in plain | signed}


@st.composite
def sendable_fields(draw: st.DrawFn) -> Fields:
    verb = draw(st.sampled_from(Verb))
    limits = signed_limits(verb)
    texts = [draw(st.just("0") | st.text(PRINTABLE, min_size=1, max_size=limits.get(at, 1))) for at in range(1, 5)]
    params = [text if at in limits else "0" for at, text in enumerate(texts, 1)]
    return Fields(draw(COUNTERS), draw(NAMES), verb, tuple(params[: draw(st.integers(0, 4))]))


@st.composite
def any_fields(draw: st.DrawFn) -> Fields:
    """Often with one thing that must not be sent."""
    name = draw(NAMES | st.sampled_from(["", "..", "a" * (MAX_NAME + 1), "*", "\xe9"]))
    verb = draw(st.sampled_from([*Verb, "", "HELO"]))
    param = st.text(PRINTABLE, max_size=140) | st.sampled_from(
        ["0", "", "x" * 128, "x" * 129, "a,b", "\n", "\x7f", "\xe9"]
    )
    return Fields(draw(st.just(0) | COUNTERS), name, verb, tuple(draw(st.lists(param, max_size=7))))


@st.composite
def nearly(draw: st.DrawFn, frames: st.SearchStrategy[bytes]) -> bytes:
    """A frame with a few bytes changed, lost or put in."""
    frame = draw(frames)
    for _ in range(draw(st.integers(0, 3))):
        begin = draw(st.integers(0, len(frame)))
        lost = draw(st.sampled_from([0, 1, 1, 5, 20]))
        frame = frame[:begin] + draw(st.just(b"") | NOISE | st.binary(max_size=2)) + frame[begin + lost :]
    return frame
