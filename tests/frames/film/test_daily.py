import asyncio
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from alarmd.core.instant import SECOND
from alarmd.frames.archive import DirectoryArchive
from alarmd.frames.film import archived, daily, make
from alarmd.frames.film.daily import MAX_FILM_BYTES, DailyFilms, max_bitrate
from alarmd.frames.film.errors import FilmError, FilmFault
from alarmd.frames.film.plan import FilmPicture, Wish, parts, plan
from alarmd.storage.memory_reader import MemoryReader
from alarmd.storage.memory_store import MemoryStore
from tests.frames.film.parts import archive_them, jpeg, probed
from tests.needs import need_program
from tests.waiting import until

PRAGUE = ZoneInfo("Europe/Prague")
DAY = date(2026, 10, 25)  # has 25 hours there
KEY = "cam1/films/2026-10-25.mp4"
BEGIN = round(datetime(2026, 10, 25, tzinfo=PRAGUE).timestamp()) * SECOND
HOUR = 3600 * SECOND


class House:
    def __init__(self, root: Path) -> None:
        self.archive = DirectoryArchive(root / "archive", 0)
        self.work = root / "work"
        self.store = MemoryStore("A")
        self.reader = MemoryReader(self.store)
        self.films = DailyFilms(self.archive, self.reader, self.work)

    def take(self, *hours: float) -> None:
        """Pictures at these hours since the day's midnight."""
        archive_them(
            self.store,
            self.archive,
            [(BEGIN + round(hour * HOUR), jpeg(colour=(n % 256, 99, 50))) for n, hour in enumerate(hours)],
        )


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    need_program("ffmpeg", "ffmpeg")
    house = House(tmp_path)
    yield house
    house.store.close()


async def test_a_local_days_pictures_become_a_film_in_the_archive(house: House) -> None:
    house.take(-0.01, 0, 10, 24.9, 25)
    assert await house.films.make("cam1", DAY, PRAGUE) == KEY
    seen = probed(house.archive.path(KEY))
    assert seen["duration"] == pytest.approx(1.5, abs=0.05), "three pictures, half a second each"
    assert seen["codec_name"] == "h264"
    assert list(house.work.iterdir()) == []


async def test_a_film_that_is_there_is_not_made_again(house: House) -> None:
    house.take(1, 2)
    house.archive.write(KEY, b"the film of that day")
    assert await house.films.make("cam1", DAY, PRAGUE) == KEY
    assert house.archive.read(KEY) == b"the film of that day"


async def test_a_day_without_pictures_has_no_film(house: House) -> None:
    house.take(26)
    assert await house.films.make("cam1", DAY, PRAGUE) is None
    assert not house.archive.path(KEY).exists()


async def test_a_cancelled_film_is_gone_on_with_by_the_next_call(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "PART_FRAMES", 12)
    house.take(*range(8))
    task = asyncio.ensure_future(house.films.make("cam1", DAY, PRAGUE))
    await until(lambda: list(house.work.glob(".*/*-0.mp4")), "the first part")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not house.archive.path(KEY).exists()
    assert await house.films.make("cam1", DAY, PRAGUE) == KEY
    assert probed(house.archive.path(KEY))["frames"] == 100
    assert list(house.work.iterdir()) == []


async def test_films_are_made_one_at_a_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.take(1, 2, 30)
    at_once = [0, 0]

    def counted(output: Path, *rest: object) -> bytes:
        at_once[0] += 1
        at_once[1] = max(at_once)
        try:
            return real(output, *rest)  # type: ignore[arg-type]
        finally:
            at_once[0] -= 1

    real = daily._film
    monkeypatch.setattr(daily, "_film", counted)
    days = (DAY, date(2026, 10, 26))
    made = await asyncio.gather(*(house.films.make("cam1", day, PRAGUE) for day in days))
    assert made == [KEY, "cam1/films/2026-10-26.mp4"]
    assert at_once == [0, 1]


async def test_what_other_days_left_is_removed(house: House) -> None:
    leftover = house.work / ".cam9-2026-10-01.mp4.parts"
    leftover.mkdir(parents=True)
    (leftover / "00000-500-0.mp4").touch()
    (house.work / "cam9-2026-10-02.mp4").touch()
    house.take(1)
    await house.films.make("cam1", DAY, PRAGUE)
    assert list(house.work.iterdir()) == []


async def test_a_film_that_telegram_would_refuse_is_not_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.take(1)
    monkeypatch.setattr(daily, "MAX_FILM_BYTES", 100)
    with pytest.raises(FilmError, match="more than 100") as told:
        await house.films.make("cam1", DAY, PRAGUE)
    assert told.value.fault is FilmFault.TOO_LARGE
    assert list(house.work.iterdir()) == []


@pytest.mark.parametrize("count", [1, 100, 10_000])
def test_the_bitrate_keeps_any_film_within_telegrams_limit(count: int) -> None:
    pictures = [FilmPicture(Path(f"{n}.jpg"), n * SECOND) for n in range(count)]
    planned = plan(pictures, Wish(seconds=60))
    starts = len(list(parts(planned, make.PART_FRAMES)))
    assert max_bitrate(planned) * (60 + starts) / 8 < MAX_FILM_BYTES


def test_all_pages_of_a_long_day_are_read(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archived, "MAX_PAGE", 3)
    house.take(1, 2, 3, 4, 5, 6, 7)
    found = archived.archived_pictures(house.reader, house.archive.path, "cam1", BEGIN, BEGIN + 24 * HOUR)
    assert [picture.taken_at for picture in found] == [BEGIN + n * HOUR for n in range(1, 8)]
    monkeypatch.setattr(archived, "MAX_PICTURES", 4)
    found = archived.archived_pictures(house.reader, house.archive.path, "cam1", BEGIN, BEGIN + 24 * HOUR)
    assert len(found) == 5, "one more than the limit tells that there are too many"
