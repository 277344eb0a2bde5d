"""Yesterday's films: made once, for whom they are wanted, by the clock of the camera's site."""

from datetime import UTC, date, datetime, tzinfo

import pytest

from alarmd.adapters.nightly_films import NightlyFilms
from alarmd.core.galleries import Gallery
from alarmd.core.inputs import FilmMade
from alarmd.core.instant import SECOND, Instant
from alarmd.core.records import Record
from alarmd.core.requests import DeviceAdopted, SiteRequested
from alarmd.frames.film.errors import FilmError, FilmFault
from tests.playbook import Playbook

PHONE = ("phone", "42")


class Studio:
    """In place of ffmpeg, which tests/frames/film has."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, date, str]] = []
        self.failure: FilmError | None = None
        self.empty = False

    async def make(self, device: str, day: date, time_zone: tzinfo) -> str | None:
        self.asked.append((device, day, str(time_zone)))
        if self.failure is not None:
            raise self.failure
        return None if self.empty else f"{device}/films/{day}.mp4"


class Round:
    def __init__(self, *cameras: str) -> None:
        self.play = Playbook()
        self.play << SiteRequested("op", "home", "Pacific/Auckland")
        for name in ("gate", "barn"):
            self.play << DeviceAdopted("op", name)
        self.studio = Studio()
        self.told: list[FilmMade] = []
        self.at = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)  # past midnight in Auckland
        state = self.play.engine.state
        state.galleries[state.sessions["gate"].device.id] = Gallery()
        self.films = NightlyFilms(cameras, [PHONE], self.studio, state, self.submit, self.now)  # type: ignore[arg-type]

    async def submit(self, film: FilmMade) -> tuple[Record, ...]:
        self.told.append(film)
        return ()

    def now(self) -> Instant:
        return Instant(round(self.at.timestamp()) * SECOND, 0.0)


async def test_the_film_of_yesterday_is_made_once_by_the_clock_of_the_site() -> None:
    night = Round("gate")
    await night.films.look()
    await night.films.look()
    assert night.studio.asked == [("gate", date(2026, 11, 21), "Pacific/Auckland")]
    assert night.told == [FilmMade("gate", "gate/films/2026-11-21.mp4", "gate, 2026-11-21", (PHONE,))]


async def test_the_next_day_has_a_film_of_its_own() -> None:
    night = Round("gate")
    await night.films.look()
    night.at = night.at.replace(day=22)
    await night.films.look()
    assert [film.key for film in night.told] == ["gate/films/2026-11-21.mp4", "gate/films/2026-11-22.mp4"]


async def test_all_means_those_that_have_sent_pictures() -> None:
    night = Round("*")
    await night.films.look()
    assert [device for device, *_ in night.studio.asked] == ["gate"]


async def test_a_camera_that_nobody_knows_is_left_out() -> None:
    night = Round("nobody")
    await night.films.look()
    assert night.studio.asked == []


async def test_a_day_without_pictures_is_told_nobody_and_not_looked_at_again() -> None:
    night = Round("gate")
    night.studio.empty = True
    await night.films.look()
    await night.films.look()
    assert (len(night.studio.asked), night.told) == (1, [])


async def test_what_failed_is_tried_again_and_keeps_no_other_camera_waiting(
    capsys: pytest.CaptureFixture[str],
) -> None:
    night = Round("gate", "barn")
    night.studio.failure = FilmError(FilmFault.NO_FFMPEG, "ffmpeg is missing")
    await night.films.look()
    assert [device for device, *_ in night.studio.asked] == ["gate", "barn"]
    assert "ffmpeg is missing" in capsys.readouterr().out
    night.studio.failure = None
    await night.films.look()
    assert [film.device for film in night.told] == ["gate", "barn"]
