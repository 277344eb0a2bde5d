from datetime import datetime
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from PIL import Image, ImageChops

from alarmd.core.instant import SECOND
from alarmd.frames.film.errors import FilmError
from alarmd.frames.film.look import (
    MAX_SIDE,
    BrokenPictureError,
    Format,
    Look,
    card_frame,
    gap_text,
    picture_frame,
    usual_format,
)
from alarmd.frames.film.plan import FilmPicture, Gap
from tests.frames.film.parts import NOON, SMALL, grey_jpeg, jpeg, stored

PRAGUE = ZoneInfo("Europe/Prague")
SMALL_LOOK = Look(Format(SMALL, "420"))


def one(tmp_path: Path, data: bytes) -> FilmPicture:
    return stored(tmp_path, [data])[0]


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data)).convert("RGB")


def wall(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp()) * SECOND


@pytest.mark.parametrize("sampling", ["420", "422", "444"])
def test_a_picture_of_the_films_own_format_passes_as_it_is(tmp_path: Path, sampling: str) -> None:
    data = jpeg(sampling=":".join(sampling))
    assert picture_frame(one(tmp_path, data), Look(Format(SMALL, sampling))) == data


@pytest.mark.parametrize("data", [jpeg((64, 64)), jpeg((640, 200)), jpeg(sampling="4:2:2"), grey_jpeg()])
def test_a_picture_of_another_format_is_drawn_in_the_films(tmp_path: Path, data: bytes) -> None:
    drawn = picture_frame(one(tmp_path, data), SMALL_LOOK)
    (tmp_path / "drawn").mkdir()
    assert usual_format(stored(tmp_path / "drawn", [drawn])) == SMALL_LOOK.format


def test_another_proportion_is_letterboxed_not_stretched(tmp_path: Path) -> None:
    drawn = opened(picture_frame(one(tmp_path, jpeg((64, 16), (250, 250, 250))), SMALL_LOOK))
    assert [max(drawn.getpixel((32, y))) < 30 for y in (4, 24, 44)] == [True, False, True]  # type: ignore[arg-type]


def test_the_local_time_is_written_into_the_lower_left_corner(tmp_path: Path) -> None:
    picture = one(tmp_path, jpeg((320, 240)))
    plain = opened(picture.path.read_bytes())
    frames = [
        opened(picture_frame(picture, Look(Format((320, 240), "420"), zone, timestamps=True)))
        for zone in (PRAGUE, ZoneInfo("Asia/Tokyo"))
    ]
    for frame in frames:
        changed = ImageChops.difference(plain, frame).convert("L").point(lambda value: 255 * (value > 60)).getbbox()
        assert changed is not None
        left, top, right, _ = changed
        assert left < 20
        assert top > 200
        assert right < 200
    assert ImageChops.difference(*frames).getbbox() is not None, "it is the zone's own time"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no JPEG"),
        (b"no picture at all", "no JPEG"),
        (jpeg()[:-30], "end"),
        (jpeg() + b"more", "more than a picture"),
        (jpeg()[:-40] + jpeg()[-2:], "corrupt"),
    ],
)
def test_a_broken_picture_is_told_from_a_whole_one(tmp_path: Path, data: bytes, why: str) -> None:
    with pytest.raises(BrokenPictureError, match=why):
        picture_frame(one(tmp_path, data), SMALL_LOOK)


def test_a_picture_that_vanished_is_broken_too(tmp_path: Path) -> None:
    with pytest.raises(BrokenPictureError, match="No such file"):
        picture_frame(FilmPicture(tmp_path / "gone.jpg", NOON), SMALL_LOOK)


def test_the_format_is_that_of_most_pictures(tmp_path: Path) -> None:
    pictures = stored(tmp_path, [jpeg((320, 240)), jpeg(sampling="4:2:2"), jpeg(sampling="4:2:2"), b"broken"])
    assert usual_format(pictures) == Format(SMALL, "422")
    assert usual_format(pictures, (640, 480)) == Format((640, 480), "422")


def test_sides_are_even_and_within_the_limit(tmp_path: Path) -> None:
    assert usual_format([one(tmp_path, jpeg((65, 49)))]).size == (64, 48)
    assert usual_format([one(tmp_path, jpeg())], (2 * MAX_SIDE, 2000)).size == (MAX_SIDE, 1000)


def test_grey_pictures_make_a_film_with_the_usual_sampling(tmp_path: Path) -> None:
    assert usual_format([one(tmp_path, grey_jpeg())]) == Format(SMALL, "420")


def test_without_a_picture_that_can_be_read_there_is_no_format(tmp_path: Path) -> None:
    with pytest.raises(FilmError, match="none of 2 pictures"):
        usual_format(stored(tmp_path, [b"broken", b"too"]))


@pytest.mark.parametrize(
    ("since", "until", "text"),
    [
        ("2026-11-21T03:12+01:00", "2026-11-21T05:40+01:00", "no pictures from 03:12 to 05:40\n2026-11-21"),
        ("2026-11-20T23:12+01:00", "2026-11-21T05:40+01:00", "no pictures from 2026-11-20 23:12\nto 2026-11-21 05:40"),
        ("2026-10-25T02:30+02:00", "2026-10-25T02:10+01:00", "no pictures from 02:30 CEST to 02:10 CET\n2026-10-25"),
    ],
)
def test_a_card_tells_the_missing_time_by_the_clock_of_the_site(since: str, until: str, text: str) -> None:
    assert gap_text(Gap(wall(since), wall(until)), PRAGUE) == text


@pytest.mark.parametrize("size", [(1280, 720), (240, 320), (96, 96), (2, 2)])
def test_the_text_of_a_card_stays_within_it(size: tuple[int, int]) -> None:
    card = opened(card_frame(Gap(NOON, NOON + 90_000 * SECOND), Look(Format(size, "420"))))
    assert card.size == size
    if min(size) > 90:
        left, _, right, _ = card.convert("L").point(lambda value: 255 * (value > 120)).getbbox() or (0, 0, 0, 0)
        assert 0 < left < right < size[0]
