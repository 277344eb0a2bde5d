"""Keys follow from what they name, can be read back, and never lead out of the archive."""

import re
from datetime import date
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarmd.frames.keys import (
    BadKeyError,
    ManifestKey,
    PictureKey,
    check_key,
    day_directory,
    film_key,
    is_film,
    is_thumbnail,
    manifest_key,
    parse_day_directory,
    parse_manifest,
    parse_picture,
    pending_key,
    picture_key,
    thumbnail_key,
)
from lfcp.errors import ProtocolError
from lfcp.text import is_name

DIGEST = "0123456789abcdef" * 4
NAMES = st.from_regex(re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", re.ASCII), fullmatch=True).filter(is_name)
MOMENTS = st.integers(0, 4_000_000_000_000_000)
DAYS = st.dates(date(1970, 1, 1), date(2999, 12, 31))


def test_a_picture_lies_under_its_device_and_utc_day() -> None:
    key = picture_key("garden.2", 1_700_000_000_000_001, DIGEST)
    assert key == "garden.2/2023/11/14/221320000001-0123456789abcdef.jpg"
    assert thumbnail_key(key) == "garden.2/2023/11/14/221320000001-0123456789abcdef.thumb.jpg"


@given(NAMES, MOMENTS)
def test_a_picture_key_says_again_what_it_was_made_of(device: str, received_at: int) -> None:
    key = picture_key(device, received_at, DIGEST)
    parsed = parse_picture(key)
    assert parsed == PictureKey(device, received_at, DIGEST[:16])
    assert key.startswith(day_directory(device, parsed.day) + "/")
    assert is_thumbnail(thumbnail_key(key))
    assert not is_thumbnail(key)


@given(NAMES, st.integers(1, 99_999_999), DAYS)
def test_a_manifest_key_says_again_what_it_was_made_of(device: str, number: int, day: date) -> None:
    assert parse_manifest(manifest_key(device, number, day)) == ManifestKey(device, number, day)


@given(NAMES, MOMENTS, DAYS)
def test_every_key_that_is_made_is_let_through(device: str, moment: int, day: date) -> None:
    picture = picture_key(device, moment, DIGEST)
    for key in (
        picture,
        thumbnail_key(picture),
        film_key(device, day),
        manifest_key(device, 1, day),
        pending_key(device),
        day_directory(device, day),
    ):
        assert check_key(key) == key


@given(st.text(max_size=60) | st.from_regex(r"[a./~\x00-]{1,20}"))
def test_whatever_is_let_through_lies_below_the_root(key: str) -> None:
    try:
        check_key(key)
    except BadKeyError:
        return
    path = Path("/archive") / key
    assert str(path) == f"/archive/{key}"
    assert not any(part.startswith(".") for part in PurePosixPath(key).parts)


@pytest.mark.parametrize(
    "key",
    [
        *("", "/etc/passwd", "a/../b", "../a", "a/..", "a//b", "a/", "./a", ".partial/x", "a\\..\\b"),
        *("a\0", "a\n", "\u00e4", "~", "a" * 200, "/".join("a" * 9)),
    ],
)
def test_a_key_that_could_lead_elsewhere_is_refused(key: str) -> None:
    with pytest.raises(BadKeyError):
        check_key(key)


@pytest.mark.parametrize(
    "key",
    [
        "cam1/2023/02/30/221320000001-0123456789abcdef.jpg",
        "cam1/2023/11/14/251320000001-0123456789abcdef.jpg",
        "cam1/2023/11/14/221320000001-0123456789ABCDEF.jpg",
        "cam1/2023/11/14/221320000001-0123456789abcdef.jpg\n",
        "-cam/2023/11/14/221320000001-0123456789abcdef.jpg",
        "cam1/2023/11/14/221320000001-0123456789abcdef.thumb.jpg",
    ],
)
def test_what_is_no_picture_key_is_none(key: str) -> None:
    assert parse_picture(key) is None


def test_what_is_no_manifest_film_or_day_is_none() -> None:
    assert parse_manifest("cam1/manifests/00000001-2023-02-30.json") is None
    assert parse_manifest("-cam/manifests/00000001-2023-02-01.json") is None
    assert parse_manifest(pending_key("cam1")) is None
    assert is_film(film_key("cam1", date(2026, 1, 2)))
    assert not is_film("cam1/films/today.mp4")
    assert parse_day_directory("2026/01/02") == date(2026, 1, 2)
    assert parse_day_directory("2026/02/31") is None
    assert parse_day_directory("films") is None


def test_no_key_is_made_of_a_name_that_is_none() -> None:
    with pytest.raises(ProtocolError):
        picture_key("../etc", 0, DIGEST)
