"""The gate: what is let in is a whole picture, and everything else is refused for a reason."""

import hashlib
import io
import random
import tracemalloc
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from alarmd.frames.decoding import SURPLUS, decode
from alarmd.frames.errors import PictureFault, PictureRefusedError
from alarmd.frames.jpeg import MAX_BYTES, Inspected
from alarmd.frames.markers import MAX_PIXELS, MAX_SCANS, MAX_SEGMENTS, outline
from alarmd.frames.thumbnail import SIDE
from tests.frames.pictures import inspect, jpeg, other, restated, start_of_scan

GOOD = jpeg()
END = b"\xff\xd9"
BIT_BUFFER = 8  # bytes that the decoder may have read ahead, and does not count as surplus


def refusal(data: bytes) -> PictureRefusedError:
    with pytest.raises(PictureRefusedError) as caught:
        inspect(data)
    return caught.value


def inspected(data: bytes) -> Inspected | PictureFault:
    try:
        return inspect(data)
    except PictureRefusedError as error:
        return error.reason


@pytest.mark.parametrize(
    "data",
    [
        jpeg(),
        jpeg(mode="L"),
        jpeg(progressive=True),
        jpeg(mode="L", progressive=True),
        jpeg(subsampling="4:2:2"),
        jpeg(subsampling="4:4:4"),
        jpeg(restart_marker_rows=1),
        jpeg(comment=b"\xff\xd9 and \xff\xda", exif=b"Exif\0\0" + GOOD),
        jpeg(1, 1),
        jpeg(17, 1),
    ],
)
def test_pictures_of_cameras_are_taken_as_they_are(data: bytes) -> None:
    found = inspect(data)
    assert found.data == data
    assert found.digest == hashlib.sha256(data).hexdigest()
    assert found.repair == ""
    assert (found.width, found.height) == Image.open(io.BytesIO(data)).size


def test_the_bytes_of_a_picture_are_in_no_repr() -> None:
    assert repr(GOOD)[2:-1] not in repr(inspect(GOOD))
    assert len(repr(inspect(GOOD))) < 200


@pytest.mark.parametrize(("width", "height"), [(640, 480), (480, 640), (800, 600), (1280, 20), (20, 3000), (321, 321)])
def test_a_thumbnail_keeps_the_shape_within_its_bounds(width: int, height: int) -> None:
    small = Image.open(io.BytesIO(inspect(jpeg(width, height)).thumbnail))
    assert max(small.size) == SIDE
    assert abs(min(small.size) - SIDE * min(width, height) / max(width, height)) <= 1


def test_a_small_picture_is_not_made_larger() -> None:
    assert Image.open(io.BytesIO(inspect(jpeg(50, 40)).thumbnail)).size == (50, 40)


def test_a_thumbnail_has_nothing_in_it_but_pixels() -> None:
    secret = b"home of the owner"
    small = inspect(jpeg(comment=secret, exif=b"Exif\0\0" + secret)).thumbnail
    assert secret not in small
    assert not Image.open(io.BytesIO(small)).getexif()


@pytest.mark.parametrize(
    ("data", "reason", "words"),
    [
        (b"", PictureFault.EMPTY, "0 bytes"),
        (GOOD + bytes(MAX_BYTES), PictureFault.TOO_LONG, str(MAX_BYTES)),
        (other("PNG"), PictureFault.NOT_JPEG, "PNG"),
        (other("GIF"), PictureFault.NOT_JPEG, "GIF"),
        (other("BMP"), PictureFault.NOT_JPEG, "BMP"),
        (b"RIFF\0\0\0\0WEBP", PictureFault.NOT_JPEG, "WebP"),
        (b"<!DOCTYPE html>", PictureFault.NOT_JPEG, "HTML"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + GOOD, PictureFault.NOT_JPEG, "HTTP"),
        (b"--frame\r\n\r\n" + GOOD, PictureFault.NOT_JPEG, "multipart"),
        (b'{"error": 1}', PictureFault.NOT_JPEG, "JSON"),
        (b"\xff", PictureFault.NOT_JPEG, "FF D8"),
        (bytes(100), PictureFault.NOT_JPEG, "FF D8"),
        (GOOD[:2], PictureFault.TRUNCATED, "cut off"),
        (GOOD[:3], PictureFault.TRUNCATED, "cut off"),
        (GOOD[:4], PictureFault.TRUNCATED, "cut off"),
        (GOOD[:100], PictureFault.TRUNCATED, "cut off"),
        (GOOD[:-1], PictureFault.TRUNCATED, "cut off"),
        (GOOD[:-2], PictureFault.TRUNCATED, "cut off"),
        (GOOD[: start_of_scan(GOOD)], PictureFault.TRUNCATED, "cut off"),
        (GOOD[:-500] + END, PictureFault.CORRUPT, "premature end"),
        (GOOD[: start_of_scan(GOOD)] + END, PictureFault.CORRUPT, "corrupt"),
        (GOOD[:2] + END, PictureFault.CORRUPT, "end marker before any picture"),
        (GOOD[:2] + b"\0" + GOOD[2:], PictureFault.CORRUPT, "no marker"),
        (GOOD[:2] + GOOD, PictureFault.CORRUPT, "FF D8 out of its place"),
        (GOOD[:2] + b"\xff\xfe\0\1" + GOOD[2:], PictureFault.CORRUPT, "without length"),
        (GOOD[:2] + b"\xff\xda\0\2" + GOOD[2:], PictureFault.CORRUPT, "scan before the frame header"),
        (GOOD[:2] + b"\xff\xc0\0\2" + GOOD[2:], PictureFault.CORRUPT, "broken frame header"),
        (GOOD.replace(b"\xff\xdb", b"\xff\xfe"), PictureFault.CORRUPT, "corrupt"),
        (jpeg(mode="CMYK"), PictureFault.UNSUPPORTED, "4 components"),
        (GOOD.replace(b"\xff\xc0", b"\xff\xc3"), PictureFault.UNSUPPORTED, "kind 3"),
        (GOOD.replace(b"\xff\xc0", b"\xff\xc9"), PictureFault.UNSUPPORTED, "kind 9"),
        (restated(GOOD, 160, 0), PictureFault.UNSUPPORTED, "160 x 0"),
        (restated(GOOD, 65500, 65500), PictureFault.TOO_MANY_PIXELS, str(MAX_PIXELS)),
    ],
)
def test_what_is_no_whole_picture_is_refused_in_words_that_help(data: bytes, reason: PictureFault, words: str) -> None:
    error = refusal(data)
    assert error.reason is reason
    assert words in error.message


def test_an_endless_progressive_picture_is_refused_before_it_is_decoded() -> None:
    good = jpeg(progressive=True)
    last = good.rindex(b"\xff\xda")
    assert refusal(good[:-2] + good[last:-2] * MAX_SCANS + END).reason is PictureFault.TOO_COMPLEX


def test_a_picture_of_segments_alone_is_refused_before_they_are_all_read() -> None:
    assert refusal(GOOD[:2] + b"\xff\xfe\0\2" * MAX_SEGMENTS + GOOD[2:]).reason is PictureFault.TOO_COMPLEX
    assert inspect(GOOD[:2] + b"\xff\xfe\0\2" * 100 + GOOD[2:]).width == 160


def test_a_few_bytes_that_a_sensor_rounds_up_by_do_no_harm() -> None:
    def padded(count: int) -> bytes:
        return GOOD[:-2] + bytes(count) + END

    assert inspect(padded(SURPLUS)).data == padded(SURPLUS)
    assert refusal(padded(SURPLUS + BIT_BUFFER + 1)).reason is PictureFault.CORRUPT


def test_most_pictures_with_a_hole_are_found_out() -> None:
    """What a lost segment of TCP, or a buffer that was not filled, leaves."""
    pick, good = random.Random(1), jpeg(640, 480)
    outcomes = Counter(type(inspected(_with_hole(good, pick))) for _ in range(200))
    assert outcomes[PictureFault] >= 170


def _with_hole(data: bytes, pick: random.Random) -> bytes:
    size = pick.randint(1, 1460)
    at = pick.randint(start_of_scan(data), len(data) - 2000)
    return data[:at] + bytes(size) * pick.randint(0, 1) + data[at + size :]


def test_decoding_reads_all_data_though_it_makes_few_pixels() -> None:
    broken = jpeg(640, 480)[:-500] + END
    with pytest.raises(PictureRefusedError):
        decode(broken, SIDE)
    assert decode(jpeg(640, 480), SIDE).size == (320, 240)
    assert decode(jpeg(640, 480)).size == (640, 480)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_picture_or_refused(data: bytes) -> None:
    assert isinstance(inspected(data), PictureFault)


@settings(max_examples=200)
@given(st.data())
def test_any_truncation_is_refused_unless_all_of_the_picture_is_there(data: st.DataObject) -> None:
    good = data.draw(st.sampled_from([GOOD, jpeg(progressive=True), jpeg(mode="L", restart_marker_rows=1)]))
    assert isinstance(inspected(good[: data.draw(st.integers(0, len(good) - 1))]), PictureFault)


@settings(max_examples=300)
@given(st.data())
def test_a_flipped_bit_is_refused_or_leaves_a_picture_with_a_digest_of_its_own(data: st.DataObject) -> None:
    good = data.draw(st.sampled_from([GOOD, jpeg(progressive=True), jpeg(mode="L", restart_marker_rows=1)]))
    bit = data.draw(st.integers(0, len(good) * 8 - 1))
    flipped = bytearray(good)
    flipped[bit // 8] ^= 1 << bit % 8
    found = inspected(bytes(flipped))
    if isinstance(found, Inspected):
        assert found.digest == hashlib.sha256(found.data).hexdigest() != hashlib.sha256(good).hexdigest()
        size = outline(good)
        assert (found.width, found.height) == (size.width, size.height) or _in_frame_header(good, bit // 8)


def _in_frame_header(data: bytes, at: int) -> bool:
    """There a flipped bit may state another size, and the decoder can make one of a few rows less."""
    start = next(data.index(marker) for marker in (b"\xff\xc0", b"\xff\xc2") if marker in data)
    return start <= at < start + 20


def test_a_thousand_hostile_uploads_are_refused_in_bounded_memory() -> None:
    pick = random.Random(2)
    tracemalloc.start()
    try:
        outcomes = Counter(str(inspected(_hostile(pick))) for _ in range(1000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(outcomes[fault] for fault in PictureFault) == 1000, outcomes
    assert set(outcomes) >= set(PictureFault) - {PictureFault.TOO_LONG, PictureFault.TOO_COMPLEX}
    assert peak < 2 << 20


def _hostile(pick: random.Random) -> bytes:
    bomb = restated(GOOD, pick.randint(10_000, 65_535), pick.randint(10_000, 65_535))
    cut = GOOD[: pick.randint(0, len(GOOD) - 1)]
    holed = GOOD[:-600] + END
    return pick.choice([bomb, cut, holed, b"", other("PNG"), pick.randbytes(2000), jpeg(mode="CMYK")])
