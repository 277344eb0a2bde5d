import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarmd.core.instant import SECOND
from alarmd.frames.film import plan as planning
from alarmd.frames.film.errors import FilmError, FilmFault
from alarmd.frames.film.plan import (
    CARD_SECONDS,
    CARDS_SHARE,
    LEAST_CARD_SECONDS,
    MAX_CARDS,
    MAX_PICTURES,
    USUAL_GAP,
    FilmPicture,
    Gap,
    Plan,
    Shot,
    Wish,
    parts,
    plan,
    usual_gap,
)

MINUTE = 60 * SECOND


def pictures(*times: int) -> list[FilmPicture]:
    return [FilmPicture(Path(f"/pictures/{at}.jpg"), at) for at in times]


def cards(made: Plan) -> list[Shot]:
    return [shot for shot in made.shots if isinstance(shot.shown, Gap)]


TIMES = st.lists(st.integers(0, 400 * MINUTE), min_size=1, max_size=60)
FPS = st.integers(1, 60)
SECONDS = st.floats(0.1, 120)


@given(TIMES, FPS, SECONDS)
def test_a_film_is_as_long_as_asked_for(times: list[int], fps: int, seconds: float) -> None:
    assert plan(pictures(*times), Wish(fps, seconds)).frames == max(1, round(seconds * fps))


@given(TIMES, FPS, SECONDS | st.none())
def test_what_is_shown_is_in_the_order_it_happened_in(times: list[int], fps: int, seconds: float | None) -> None:
    made = plan(pictures(*times), Wish(fps, seconds))
    begins = [s.shown.taken_at if isinstance(s.shown, FilmPicture) else s.shown.since + 1 for s in made.shots]
    assert begins == sorted(begins)
    assert all(shot.frames >= 1 for shot in made.shots)


@given(TIMES, FPS, SECONDS)
def test_pictures_are_shown_equally_long_to_a_frame(times: list[int], fps: int, seconds: float) -> None:
    made = plan(pictures(*times), Wish(fps, seconds))
    frames = [shot.frames for shot in made.shots if isinstance(shot.shown, FilmPicture)]
    assert max(frames) - min(frames) <= 1
    assert len(frames) == len(times) or set(frames) == {1}, "none is left out while another has two frames"


@given(TIMES, FPS)
def test_without_a_length_every_picture_is_a_frame(times: list[int], fps: int) -> None:
    made = plan(pictures(*times), Wish(fps))
    assert [picture.taken_at for picture in made.shown] == sorted(times)
    assert all(shot.frames == 1 for shot in made.shots if isinstance(shot.shown, FilmPicture))
    assert {shot.frames for shot in cards(made)} <= {round(CARD_SECONDS * fps)}


@given(TIMES, FPS, SECONDS)
def test_cards_tell_of_true_gaps_can_be_read_and_take_no_more_than_their_share(
    times: list[int], fps: int, seconds: float
) -> None:
    made = plan(pictures(*times), Wish(fps, seconds, gap=5 * MINUTE))
    gaps = [Gap(a, b) for a, b in pairwise(sorted(times)) if b - a > 5 * MINUTE]
    told = cards(made)
    assert made.gaps == len(gaps)
    assert {shot.shown for shot in told} <= set(gaps)
    assert sum(shot.frames for shot in told) <= made.frames / CARDS_SHARE
    assert all(shot.frames >= round(LEAST_CARD_SECONDS * fps) for shot in told)


@given(TIMES, SECONDS, st.integers(1, 500))
def test_parts_are_the_whole_film(times: list[int], seconds: float, frames: int) -> None:
    made = plan(pictures(*times), Wish(25, seconds))
    runs = list(parts(made, frames))
    assert [shot for run in runs for shot in run] == list(made.shots)
    assert all(sum(shot.frames for shot in run) >= frames for run in runs[:-1])


def test_evenly_chosen_pictures_are_shown_when_there_are_more_than_frames() -> None:
    made = plan(pictures(*range(100)), Wish(fps=10, seconds=1))
    assert [picture.taken_at for picture in made.shown] == list(range(5, 100, 10))
    assert made.pictures == 100


def test_a_gap_has_its_card_where_it_was() -> None:
    made = plan(pictures(0, MINUTE, 30 * MINUTE), Wish(fps=10))
    assert [shot.shown.taken_at if isinstance(shot.shown, FilmPicture) else "gap" for shot in made.shots] == [
        0,
        MINUTE,
        "gap",
        30 * MINUTE,
    ]
    assert cards(made) == [Shot(Gap(MINUTE, 30 * MINUTE), 20)]


def test_the_ends_of_the_time_asked_for_can_be_gaps_too() -> None:
    made = plan(pictures(60 * MINUTE, 61 * MINUTE), Wish(since=0, until=100 * MINUTE))
    shown = [shot.shown for shot in made.shots]
    assert (shown[0], shown[-1]) == (Gap(0, 60 * MINUTE), Gap(61 * MINUTE, 100 * MINUTE))


def test_only_the_longest_gaps_have_cards_where_there_are_many() -> None:
    times = [0]
    for number in range(2 * MAX_CARDS):
        times.append(times[-1] + (20 + number) * MINUTE)
    made = plan(pictures(*times), Wish(gap=MINUTE))
    lengths = [shot.shown.until - shot.shown.since for shot in cards(made) if isinstance(shot.shown, Gap)]
    assert made.gaps == 2 * MAX_CARDS
    assert lengths == [(20 + number) * MINUTE for number in range(MAX_CARDS, 2 * MAX_CARDS)]


def test_ten_minutes_are_a_gap_unless_the_camera_is_slower() -> None:
    assert usual_gap([0]) == USUAL_GAP
    assert usual_gap([0, MINUTE, 2 * MINUTE]) == USUAL_GAP
    assert usual_gap([0, 60 * MINUTE, 120 * MINUTE, 600 * MINUTE]) == 240 * MINUTE


def test_there_is_no_film_without_pictures() -> None:
    with pytest.raises(FilmError) as told:
        plan([], Wish())
    assert told.value.fault is FilmFault.NO_PICTURES


def test_more_pictures_than_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "MAX_PICTURES", 3)
    assert plan(pictures(1, 2, 3), Wish()).frames == 3
    with pytest.raises(FilmError, match="more than 3 pictures") as told:
        plan(pictures(1, 2, 3, 4), Wish())
    assert told.value.fault is FilmFault.TOO_MANY_PICTURES


def test_the_most_pictures_fit_into_little_memory() -> None:
    count = MAX_PICTURES // 20
    tracemalloc.start()
    try:
        key = "garden_gate/2026/11/20/{:012}-0123456789abcdef.jpg"
        many = [FilmPicture(Path("/var/lib/alarmd/archive") / key.format(n), n * SECOND) for n in range(count)]
        made = plan(many, Wish(seconds=30))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert made.frames == 750
    assert peak / count * MAX_PICTURES < 150_000_000
