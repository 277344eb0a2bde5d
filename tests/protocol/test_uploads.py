"""The line before a picture: read as in the vectors, written as it is read, and cut off its stream alike."""

from hypothesis import given
from hypothesis import strategies as st

from lfcp import Part, Trigger, body_length, decode, encode, part_parameters, picture_digest, read_part
from lfcp.constants import MAX_PICTURE, PICTURE_DIGEST, UPLOAD_ID
from tests.protocol.vectors import Vector, each_of

UPLOADS = st.from_regex(r"[A-Z]\.[1-9a-f][0-9a-f]{0,15}|[0-9a-f]{1,16}\.[1-9a-f][0-9a-f]{0,7}", fullmatch=True)
DIGESTS = st.from_regex(rf"[0-9a-f]{{{PICTURE_DIGEST}}}", fullmatch=True)


@st.composite
def parts(draw: st.DrawFn) -> Part:
    total = draw(st.integers(1, MAX_PICTURE))
    return Part(draw(UPLOADS), draw(st.integers(0, total)), total, draw(DIGESTS), draw(st.sampled_from(Trigger)))


@each_of("uploads")
def test_a_line_announces_what_the_vectors_say(vector: Vector) -> None:
    part = read_part(decode(vector["line"].encode()))
    assert (part and part._asdict()) == vector["part"]
    assert body_length(vector["line"].encode()) == vector["length"]


@given(parts())
def test_what_is_announced_is_what_is_read(part: Part) -> None:
    line = encode("cam1", "FRAM", *part_parameters(part))
    assert read_part(decode(line)) == part
    assert body_length(line) == part.length
    assert len(part.upload) <= UPLOAD_ID


@given(st.binary(max_size=200))
def test_no_bytes_follow_a_line_of_noise(line: bytes) -> None:
    assert body_length(line) == 0


def test_bytes_follow_no_other_verb() -> None:
    assert body_length(b"cam1,LOG,9f3c.1,0:9,0,0,0,0") == 0


def test_a_digest_is_the_first_half_of_sha_256() -> None:
    assert picture_digest(b"abc") == "ba7816bf8f01cfea414140de5dae2223"
