"""Pictures that fit: the best that a limit allows, and the same one every time."""

import io

import pytest
from PIL import Image

from alarmd.frames.errors import PictureFault, PictureRefusedError
from alarmd.frames.shrink import shrunk
from tests.frames.pictures import inspect, jpeg

LARGE = jpeg(640, 480, quality=90)


def test_what_fits_is_left_as_it_is() -> None:
    assert shrunk(LARGE, len(LARGE)) is LARGE
    assert shrunk(LARGE, len(LARGE), max_side=640) is LARGE


@pytest.mark.parametrize("limit", [len(LARGE) - 1, 40_000, 10_000, 3_000])
@pytest.mark.parametrize("data", [LARGE, jpeg(640, 480, mode="L", quality=95), jpeg(480, 640, progressive=True)])
def test_a_picture_is_shrunk_below_any_sensible_limit(data: bytes, limit: int) -> None:
    found = shrunk(data, limit)
    assert len(found) <= limit
    assert inspect(found).repair == ""
    assert shrunk(data, limit) == found


def test_a_limit_of_pixels_is_kept_though_the_bytes_would_fit() -> None:
    assert Image.open(io.BytesIO(shrunk(LARGE, len(LARGE), max_side=200))).size == (200, 150)


def test_quality_goes_before_size() -> None:
    assert Image.open(io.BytesIO(shrunk(LARGE, len(LARGE) * 3 // 4))).size == (640, 480)


def test_what_cannot_be_shrunk_is_refused() -> None:
    with pytest.raises(PictureRefusedError, match="cannot be shrunk to 100") as caught:
        shrunk(LARGE, 100)
    assert caught.value.reason is PictureFault.TOO_LONG
