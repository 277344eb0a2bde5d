"""MJPEG streams as cameras write them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarmd.frames.errors import PictureFault, PictureRefusedError
from alarmd.frames.mjpeg import MAX_FALSE, FirstPicture
from tests.frames.pictures import inspect, jpeg, start_of_scan

LIMIT = 1_000_000
PICTURE = jpeg(64, 48)
OTHER = jpeg(48, 64)
WITH_THUMBNAIL = PICTURE[:2] + b"\xff\xe1" + (len(OTHER) + 2).to_bytes(2, "big") + OTHER + PICTURE[2:]
EXIF_RESTARTS_PROGRESSIVE = jpeg(96, 96, progressive=True, restart_marker_blocks=2)
LENGTH = f"Content-Length: {len(PICTURE)}\r\n".encode()

# The bytes of the HTTP body before a picture and after it.
HABITS = {
    "esp32-cam": (b"\r\n--123456789000000000000987654321\r\nContent-Type: image/jpeg\r\n" + LENGTH + b"\r\n", b""),
    "ustreamer": (
        b"--boundarydonotcross\r\nContent-Type: image/jpeg\r\n" + LENGTH + b"X-Timestamp: 1.2\r\n\r\n",
        b"\r\n--boundarydonotcross\r\n",
    ),
    "motion": (b"--BoundaryString\r\nContent-type: image/jpeg\r\nContent-Length:   9999999\r\n\r\n", b"\r\n"),
    "ffmpeg, without lengths": (b"--ffmpeg\r\nContent-type: image/jpeg\r\n\r\n", b"\r\n--ffmpeg\r\n"),
    "tasmota, without a first boundary": (b"Content-Type: image/jpeg\r\n" + LENGTH + b"\r\n", b"\r\n--e8b8\r\n"),
    "line feeds alone": (b"--myboundary\nContent-type: image/jpeg\n\n", b"\n--myboundary\n"),
    "without a blank line": (b"--myboundary\r\nContent-Type: image/jpeg\r\n", b"--myboundary\r\n"),
    "text before the first picture": (
        b"--v\r\nContent-Type: text/xml\r\n\r\n<state>started</state>\r\n--v\r\nContent-Type: image/jpeg\r\n\r\n",
        b"\r\n--v--\r\n",
    ),
    "padded": (b"--p\r\n" + b"X-Fill: " + b"\0" * 300 + b"\xff\xff\xff\r\n\r\n", b"\0" * 30),
    "nothing between pictures": (b"", b""),
}


def first_of(stream: bytes, cuts: list[int] | None = None, limit: int = LIMIT) -> bytes | None:
    """cuts: where the stream is cut into pieces."""
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts or ()), len(stream)]
    walk = FirstPicture(limit)
    found = None
    for start, end in pairwise(places):
        found = found or walk.feed(stream[start:end])
    return found


@pytest.mark.parametrize("habit", HABITS)
def test_the_first_picture_is_found_in_the_streams_of_all_cameras(habit: str) -> None:
    before, after = HABITS[habit]
    assert first_of(before + PICTURE + after + before + OTHER) == PICTURE


@pytest.mark.parametrize("picture", [WITH_THUMBNAIL, EXIF_RESTARTS_PROGRESSIVE], ids=["thumbnail", "progressive"])
def test_what_looks_like_an_end_inside_a_picture_is_none(picture: bytes) -> None:
    assert first_of(b"--b\r\n\r\n" + picture + b"\r\n--b\r\n") == picture
    inspect(picture)


@given(st.sampled_from(sorted(HABITS)), st.lists(st.integers(0, 100_000), max_size=40))
def test_how_the_stream_is_cut_does_not_matter(habit: str, cuts: list[int]) -> None:
    before, after = HABITS[habit]
    stream = before + PICTURE[:-40] + after + before + WITH_THUMBNAIL + after + before + OTHER
    assert first_of(stream, cuts) == WITH_THUMBNAIL


def test_a_stream_may_come_byte_by_byte() -> None:
    before, after = HABITS["ustreamer"]
    assert first_of(before + PICTURE + after, list(range(len(PICTURE) + 300))) == PICTURE


@pytest.mark.parametrize(
    "broken",
    [
        PICTURE[:-2],
        PICTURE[: start_of_scan(PICTURE) + 50],
        PICTURE[:2] + b"\xff\xfe\x00\x01",
        PICTURE[:2] + b"\xff\x00",
        PICTURE[:2] + b"\xff\xff\xd9",
        PICTURE[:20] + b"what is this" + PICTURE[20:],
    ],
    ids=["no end", "cut in the scan", "no length", "no marker", "empty", "no segment"],
)
def test_a_broken_picture_is_passed_over_for_the_next(broken: bytes) -> None:
    before, after = HABITS["ffmpeg, without lengths"]
    padded = broken + after + before
    assert first_of(padded + PICTURE + after + before + PICTURE) == PICTURE


def test_a_stream_without_an_end_is_given_up() -> None:
    for endless in (b"no picture ", b"\xff", PICTURE[:-2]):
        with pytest.raises(PictureRefusedError) as refused:
            first_of(endless * (LIMIT // len(endless) + 1), list(range(0, LIMIT, 10_000)))
        assert refused.value.reason is PictureFault.TOO_LONG
        assert f"{LIMIT} bytes" in refused.value.message


@given(st.integers(-2, 2), st.lists(st.integers(0, 100_000), max_size=3))
def test_the_limit_is_where_the_picture_ends(more: int, cuts: list[int]) -> None:
    stream = b"--b\r\n\r\n" + PICTURE
    try:
        found = first_of(stream + b"\r\n--b", cuts, limit=len(stream) + more)
    except PictureRefusedError:
        found = None
    assert (found == PICTURE) is (more >= 0)


@given(st.lists(st.sampled_from([b"\xff", b"\xd8", b"\xd9", b"\xda", b"\x00", b"\x04", b"\xff\xd8\xff", b"x"])))
def test_noise_is_walked_alike_in_one_piece_and_in_many(pieces: list[bytes]) -> None:
    stream = b"".join(pieces)
    assert first_of(stream, list(range(len(stream)))) == first_of(stream)


@pytest.mark.parametrize(
    "start", [b"\xff\xd8", b"\xff\xd8\xff\xff", b"\xff\xd8\xff\x00", b"\xff\xd8\xff\xe0\x00\x02\xff\x00"]
)
def test_a_stream_that_begins_pictures_and_ends_none_is_given_up_early(start: bytes) -> None:
    stream = FirstPicture(LIMIT)
    with pytest.raises(PictureRefusedError, match="ends none"):
        stream.feed(start * (MAX_FALSE + 2))


def test_a_picture_behind_many_false_starts_is_found() -> None:
    assert FirstPicture(LIMIT).feed(b"\xff\xd8\xff\x00" * MAX_FALSE + PICTURE) == PICTURE
