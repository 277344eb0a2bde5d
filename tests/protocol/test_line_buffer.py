"""Lines come out of a stream alike however it was cut, and memory stays bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfcp import LineBuffer, ProtocolError, Reason

LIMIT = 8
STREAMS = st.lists(st.sampled_from([b"a", b"bb", b"\n", b"\r\n", b"\r", b"12345678", b"\0"]), max_size=12).map(b"".join)


def read_all(chunks: list[bytes]) -> tuple[list[bytes], bool]:
    """The lines, and whether the stream ended in an overrun."""
    buffer = LineBuffer(LIMIT)
    lines: list[bytes] = []
    for chunk in chunks:
        try:
            lines += buffer.feed(chunk)
            if buffer.overrun:
                buffer.feed(b"")
        except ProtocolError:
            return lines, True
    return lines, False


def by_hand(stream: bytes) -> tuple[list[bytes], bool]:
    *complete, rest = stream.split(b"\n")
    lines: list[bytes] = []
    for line in complete:
        if len(line.removesuffix(b"\r")) > LIMIT:
            return lines, True
        lines.append(line.removesuffix(b"\r"))
    return lines, len(rest.removesuffix(b"\r")) > LIMIT


@given(STREAMS, st.data())
def test_how_a_stream_is_cut_makes_no_difference(stream: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert read_all(chunks) == read_all([stream]) == by_hand(stream)


def test_lines_before_one_that_is_too_long_are_handed_out_first() -> None:
    buffer = LineBuffer(LIMIT)
    assert buffer.feed(b"one\ntwo\nfar too long\nthree\n") == [b"one", b"two"]
    assert buffer.overrun
    for more in (b"", b"four\n"):
        with pytest.raises(ProtocolError):
            buffer.feed(more)


def test_a_line_without_an_end_is_given_up_as_soon_as_it_is_too_long() -> None:
    buffer = LineBuffer(LIMIT)
    assert buffer.feed(b"x" * LIMIT) == []
    with pytest.raises(ProtocolError) as given_up:
        buffer.feed(b"x")
    assert given_up.value.reason is Reason.LINE_TOO_LONG


def test_the_end_of_a_full_line_may_come_in_two_parts() -> None:
    buffer = LineBuffer(LIMIT)
    assert buffer.feed(b"x" * LIMIT + b"\r") == []
    assert buffer.feed(b"\n") == [b"x" * LIMIT]


def announced(line: bytes) -> int:
    """Bytes behind a line that is a number."""
    return int(line) if line.isdigit() else 0


def read_with_bodies(chunks: list[bytes]) -> list[bytes]:
    """Lines, and bodies with a `>` before them, as far as they came."""
    buffer = LineBuffer(LIMIT, announced)
    read: list[bytes] = []
    body = b""
    for chunk in chunks:
        more = chunk
        while True:
            if buffer.awaited:
                body += buffer.body(more)
                if not buffer.awaited:
                    read.append(b">" + body)
                    body = b""
            else:
                read += buffer.feed(more)
            more = b""
            if not buffer.pending:
                break
    return read


@given(
    st.lists(st.sampled_from([b"a\n", b"3\nabc", b"3\n\n\n\n", b"7\r\n1234567", b"2\r\n12", b"\n"]), max_size=8),
    st.data(),
)
def test_how_a_stream_with_bodies_is_cut_makes_no_difference(pieces: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    expected: list[bytes] = []
    for piece in pieces:
        line, _, body = piece.partition(b"\n")
        expected += [line.removesuffix(b"\r"), *([b">" + body] if body else [])]
    assert read_with_bodies(chunks) == expected


def test_a_body_that_is_longer_than_a_line_may_be_is_no_overrun() -> None:
    assert read_with_bodies([b"99\n" + b"x" * 99 + b"a\n"]) == [b"99", b">" + b"x" * 99, b"a"]


def test_a_line_behind_a_body_is_held_to_the_limit() -> None:
    buffer = LineBuffer(LIMIT, announced)
    assert buffer.feed(b"2\nab" + b"x" * 99) == [b"2"]
    assert buffer.body(b"") == b"ab"
    assert buffer.pending
    with pytest.raises(ProtocolError):
        buffer.feed(b"")


def test_a_line_has_begun_until_its_end_and_a_body_is_no_line() -> None:
    buffer = LineBuffer(LIMIT, announced)
    begun = []
    for chunk in (b"3", b"\na"):
        buffer.feed(chunk)
        begun.append(buffer.begun)
    assert begun == [True, False]
