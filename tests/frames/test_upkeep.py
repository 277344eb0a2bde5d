"""The upkeep of the archive: what goes and what stays, and that no moment is a bad one to be stopped at."""

import asyncio
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from alarmd.core.inputs import DeliveryAbandoned
from alarmd.core.instant import SECOND, Instant
from alarmd.core.records import Picture
from alarmd.frames import retention as retention_module
from alarmd.frames import upkeep as upkeep_module
from alarmd.frames.aging import DOUBT, TIDY_EVERY
from alarmd.frames.archive import DirectoryArchive, Room
from alarmd.frames.errors import ArchiveError
from alarmd.frames.forsaken import REASON, TELL_EVERY, Forsaken
from alarmd.frames.keys import film_key, manifest_key, pending_key, picture_key, thumbnail_key
from alarmd.frames.limits import Limits
from alarmd.frames.manifests import load, manifest_keys, pending
from alarmd.frames.retention import DAY, midnight
from alarmd.frames.upkeep import SEAL_AFTER, Upkeep
from alarmd.frames.verification import Finding, verify
from alarmd.metrics import Metrics
from alarmd.storage.interface import CameraTotals, DeliveryFilter, DeliveryState, PictureFilter, StorageUnavailableError
from alarmd.storage.opening import open_reader, open_store
from tests.contracts.records import EVERYTHING, ORIGIN, VAULT, alarm, cleared_alarm, delivery, device, picture
from tests.waiting import until

TODAY = date(2026, 11, 20)
NOW = midnight(TODAY) + DAY // 2
KILO = 1000
PLENTY = Room(10**12, 10**11, 10**9)
LIMITS = Limits(keep_days=30, keep_alarm_days=300)


class Disk(DirectoryArchive):
    """One whose free bytes are what the pictures leave of `size`, if that is given."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, 0)
        self.size: int | None = None

    def room(self) -> Room:
        if self.size is None:
            return PLENTY
        used = sum(self.path(key).stat().st_size for key in self.keys(""))
        return Room(self.size, max(0, self.size - used), self.size // 2)


class House:
    """Its clocks stand unless a test moves them."""

    def __init__(self, directory: Path) -> None:
        url = f"sqlite:///{directory}/alarmd.sqlite"
        self.archive = Disk(directory / "archive")
        self.store = open_store(url, ORIGIN, VAULT)
        self.reader = open_reader(url)
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.wall, self.mono = NOW, 1000.0
        self.dropped: list[Sequence[int]] = []
        self.told: list[DeliveryAbandoned] = []
        self.number = 0
        self.store.commit([[*EVERYTHING[:4], device(2)]])

    def upkeep(self, limits: Limits = LIMITS) -> Upkeep:
        forsaken = Forsaken(self.drop_attached, self.told.append, self.now)
        return Upkeep(self.archive, self.reader, self.drop, forsaken, limits, self.now, self.metrics)

    def now(self) -> Instant:
        return Instant(self.wall, self.mono)

    def wait(self, seconds: float) -> None:
        self.wall += int(seconds * SECOND)
        self.mono += seconds

    async def tidied(self, upkeep: Upkeep) -> None:
        """After an hour in which its clock ran as it should."""
        await upkeep.look()
        self.wait(TIDY_EVERY)
        await upkeep.look()

    async def drop_attached(self, keys: Sequence[str], now_wall: int, reason: str) -> Mapping[str, int]:
        return self.store.drop_attached(keys, now_wall, reason)

    async def drop(self, ids: Sequence[int]) -> None:
        self.dropped.append(ids)
        self.store.drop_pictures(ids)

    def take(self, days_ago: float, name: str = "cam1", alarm_id: int | None = None) -> str:
        self.number += 1
        received = self.wall - int(days_ago * DAY) + self.number
        data = self.number.to_bytes(8, "big") * (KILO // 8)
        key = self.orphan(received, data, name)
        found = picture(
            self.number,
            key=key,
            device_id=int(name[3:]),
            alarm_id=alarm_id,
            received_at=received,
            digest=_digest(data),
            size=len(data),
            hlc=200 + self.number,
        )
        assert self.store.commit([[found]]) == []
        return key

    def orphan(self, received: int, data: bytes = b"picture", name: str = "cam1") -> str:
        key = picture_key(name, received, _digest(data))
        self.archive.write(key, data)
        self.archive.write(thumbnail_key(key), b"small")
        return key

    def known(self) -> list[str]:
        return [one.picture.key for one in self.reader.pictures(PictureFilter(newest_first=False, limit=1000))]

    def newest(self) -> Picture:
        return self.reader.pictures(PictureFilter())[0].picture

    def files(self) -> set[str]:
        return {key for key in self.archive.keys("") if key.endswith(".jpg") and not key.endswith(".thumb.jpg")}

    def faults(self, name: str = "cam1") -> list[Finding]:
        found: list[Finding] = []
        verify(self.archive, name, found.append)
        return found

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.store.close()
    house.reader.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep_module, "BREATH", 0.0)
    monkeypatch.setattr(retention_module, "PORTION", 2)
    monkeypatch.setattr(retention_module, "BATCH", 5)
    monkeypatch.setattr(upkeep_module, "BATCH", 5)


async def test_what_is_too_old_goes_with_its_file_and_on_record(house: House) -> None:
    old = [house.take(31 + number) for number in range(7)] + [house.take(40, name="cam2")]
    young = [house.take(29), house.take(0)]
    await house.tidied(house.upkeep())
    assert set(house.known()) == house.files() == set(young)
    assert house.value("alarmd_archive_deleted_pictures_total", reason="age") == 8
    told = {one.key for name in ("cam1", "cam2") for one in _deletions(house, name)}
    assert told == set(old)
    assert house.faults("cam1") == house.faults("cam2") == []
    assert max(map(len, house.dropped)) == 2


def _deletions(house: House, name: str) -> list[Any]:
    sealed = [load(key, house.archive.read(key)) for key in manifest_keys(house.archive, name)]
    return [one for manifest in sealed for one in manifest.deleted] + pending(house.archive, name)


async def test_pictures_of_alarms_have_their_own_time_and_open_or_awaited_ones_stay(house: House) -> None:
    house.store.commit([[cleared_alarm(1, NOW), alarm(2)]])
    kept = [house.take(200, alarm_id=1), house.take(400, alarm_id=2)]
    house.take(301, alarm_id=1)
    house.take(31)
    waits = house.take(50)
    house.store.commit([[delivery("waits", alarm_id=None, attachment=waits)]])
    newest = house.take(0)
    await house.tidied(house.upkeep())
    assert house.known() == [*kept, waits, newest]


async def test_beyond_the_number_that_is_kept_the_oldest_go(house: House) -> None:
    keys = [house.take(10 - number) for number in range(9)]
    await house.upkeep(Limits(30, 300, keep_pictures=3)).look()
    assert house.known() == keys[-3:]
    assert house.value("alarmd_archive_deleted_pictures_total", reason="room") == 6
    assert house.value("alarmd_archive_pictures") == 3


async def test_beyond_the_bytes_that_are_kept_the_oldest_go_as_new_ones_come(house: House) -> None:
    keys = [house.take(10 - number) for number in range(4)]
    upkeep = house.upkeep(Limits(30, 300, keep_bytes=4 * KILO))
    await upkeep.look()
    assert house.known() == keys
    keys.append(house.take(0))
    upkeep.stored(house.newest())
    await upkeep.look()
    assert house.known() == keys[1:]
    assert house.value("alarmd_archive_bytes") == 4 * KILO


async def test_room_is_made_before_a_picture_is_refused(house: House) -> None:
    keys = [house.take(10 - number * 0.1) for number in range(60)]
    await house.upkeep().look()
    house.archive.size = 2 * sum(house.archive.path(key).stat().st_size for key in house.archive.keys("")) + KILO // 2
    await house.upkeep().look()
    assert len(keys) > len(house.known()) > 40
    assert house.archive.room().free >= house.archive.room().reserve
    assert house.known() == keys[-len(house.known()) :]


async def test_a_full_archive_of_what_may_not_go_says_so_and_is_not_searched_again_at_once(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.store.commit([[alarm(1)]])
    key = house.take(3, alarm_id=1)
    house.archive.size = KILO
    upkeep = house.upkeep()
    await upkeep.look()
    upkeep.full()
    await upkeep.look()
    assert capsys.readouterr().out.count("the archive is full and holds nothing more that may go") == 1
    assert house.known() == [key]
    house.store.commit([[cleared_alarm(1, NOW)]])
    house.wall += 400 * DAY
    house.mono += upkeep_module.RETRY
    await upkeep.look()
    assert house.known() == []


async def test_a_refused_picture_wakes_the_upkeep(house: House) -> None:
    upkeep = house.upkeep()
    task = asyncio.create_task(upkeep.run())
    await until(lambda: house.value("alarmd_archive_free_bytes") is not None)
    key = house.take(1)
    house.archive.size = KILO
    upkeep.full()
    await until(lambda: key not in house.known())
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class Stopped(BaseException):
    """The power went."""


@pytest.mark.parametrize("step", range(8))
async def test_a_stop_at_any_step_is_mended_by_the_next_pass(
    house: House, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Every write and deletion of a file and every transaction is a step."""
    old = [house.take(31), house.take(32)]
    newest = house.take(0)
    steps = _stop_at(house, monkeypatch, step)
    with suppress(Stopped):
        await house.tidied(house.upkeep())
    assert len(steps) == step + 1
    monkeypatch.undo()
    house.wait(DAY / SECOND)
    await house.tidied(house.upkeep())
    assert (house.known(), house.files()) == ([newest], {newest})
    assert {key for key in house.archive.keys("") if key.endswith(".jpg")} == {newest, thumbnail_key(newest)}
    assert {one.key for one in _deletions(house, "cam1")} == set(old)
    assert house.faults() == []


def _stop_at(house: House, monkeypatch: pytest.MonkeyPatch, step: int) -> list[str]:
    steps: list[str] = []

    def counted(name: str, original: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            steps.append(name)
            if len(steps) > step:
                raise Stopped
            return original(*arguments, **options)

        return call

    for thing, name in ((house.archive, "delete"), (house.archive, "write"), (house.store, "drop_pictures")):
        monkeypatch.setattr(thing, name, counted(name, getattr(thing, name)))
    return steps


async def test_days_are_sealed_soon_after_midnight_and_after_a_downtime(house: House) -> None:
    first, second = house.take(3), house.take(1)
    upkeep = house.upkeep()
    await upkeep.look()
    sealed = manifest_keys(house.archive, "cam1")
    assert sealed == [manifest_key("cam1", n, TODAY - timedelta(days=ago)) for n, ago in ((1, 3), (2, 1))]
    entries = [load(key, house.archive.read(key)).pictures for key in sealed]
    assert [one.key for (one,) in entries] == [first, second]
    assert [one.captured_at for (one,) in entries] == [picture(1).picture.captured_at] * 2
    house.take(0)
    house.wall = midnight(TODAY + timedelta(days=1)) + SEAL_AFTER - 1
    await upkeep.look()
    assert len(manifest_keys(house.archive, "cam1")) == 2
    house.wall += 2
    await upkeep.look()
    assert len(manifest_keys(house.archive, "cam1")) == 3
    assert house.faults() == []


async def test_a_manifest_lists_what_the_database_knows_and_the_archive_lost(house: House) -> None:
    key = house.take(1)
    house.archive.delete(key)
    house.archive.delete(thumbnail_key(key))
    await house.upkeep().look()
    assert [finding.key for finding in house.faults()] == [key]


async def test_a_broken_chain_keeps_its_own_camera_only(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.archive.write(pending_key("cam1"), b"nonsense")
    broken, fine = house.take(31), house.take(31, name="cam2")
    newest = house.take(0, name="cam2")
    upkeep = house.upkeep()
    await house.tidied(upkeep)
    assert house.known() == [broken, newest]
    assert fine not in house.files()
    assert "a day could not be sealed" in capsys.readouterr().out
    house.archive.delete(pending_key("cam1"))
    house.wait(TIDY_EVERY)
    await upkeep.look()
    assert house.known() == [newest]
    assert house.faults() == []


async def test_many_deletions_are_sealed_before_the_day_ends(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention_module, "MAX_PENDING", 4)
    old = [house.take(40 - number) for number in range(6)]
    house.take(0)
    await house.tidied(house.upkeep())
    assert {one.key for one in _deletions(house, "cam1")} == set(old)
    manifests = [load(key, house.archive.read(key)) for key in manifest_keys(house.archive, "cam1")]
    assert [len(one.deleted) for one in manifests if one.deleted] == [4]
    assert len(pending(house.archive, "cam1")) == 2
    assert house.faults() == []


async def test_what_no_row_knows_goes_with_the_oldest_days(house: House) -> None:
    gone = house.orphan(NOW - 301 * DAY)
    house.archive.write(thumbnail_key(picture_key("cam1", NOW - 301 * DAY + 5, "0" * 64)), b"small")
    stays = house.orphan(NOW - 299 * DAY)
    house.store.commit([[alarm(1)]])
    old, newest = house.take(302, alarm_id=1), house.take(0)
    await house.tidied(house.upkeep())
    assert house.files() == {stays, old, newest}
    assert [one.key for one in _deletions(house, "cam1")] == [gone]
    assert sum(key.endswith(".thumb.jpg") for key in house.archive.keys("")) == 3


async def test_old_films_go_unless_somebody_waits_for_them(house: House) -> None:
    keys = [film_key("cam1", TODAY - timedelta(days=ago)) for ago in (29, 31, 32)]
    for key in keys:
        house.archive.write(key, b"film")
    house.store.commit([[delivery("film", alarm_id=None, attachment=keys[2])]])
    await house.tidied(house.upkeep())
    assert list(house.archive.keys("cam1/films")) == [keys[2], keys[0]]


async def test_a_database_that_is_away_ends_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep_module, "RETRY", 0.0)
    house.take(31)
    newest = house.take(0)
    away = [StorageUnavailableError("gone"), ArchiveError("the disk is gone")]

    async def drop(ids: Sequence[int]) -> None:
        if away:
            raise away.pop()
        house.store.drop_pictures(ids)

    house.drop = drop  # type: ignore[method-assign]
    upkeep = house.upkeep()
    house.wait(TIDY_EVERY)
    task = asyncio.create_task(upkeep.run())
    await until(lambda: house.known() == [newest])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    upkeep.close()
    assert away == []


def _wait_for(house: House, keys: Sequence[str]) -> None:
    """A destination that is away."""
    waiting = [delivery(f"copy:{key}", alarm_id=None, destination="copy", attachment=key) for key in keys]
    assert house.store.commit([waiting]) == []


async def test_what_a_dead_destination_waits_for_goes_when_nothing_else_is_left_and_is_told_together(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.store.commit([[alarm(1), cleared_alarm(2, NOW)]])
    alarms = [house.take(20, alarm_id=1), house.take(19, alarm_id=2)]
    keys = [house.take(10 - number) for number in range(6)]
    _wait_for(house, [*alarms, *keys[:5]])
    upkeep = house.upkeep(Limits(30, 300, keep_pictures=5))
    await upkeep.look()
    assert house.known() == [*alarms, *keys[2:5]], "first what nobody waits for, then the oldest that is awaited"
    assert house.told == [DeliveryAbandoned("2 with a picture", "copy", None, REASON)]
    settled = house.reader.deliveries(DeliveryFilter((DeliveryState.DROPPED,)))
    assert [(one.delivery.attachment, one.last_error) for one in settled] == [(key, REASON) for key in keys[1::-1]]
    assert house.value("alarmd_archive_deleted_pictures_total", reason="room") == 1
    assert house.value("alarmd_archive_deleted_pictures_total", reason="awaited") == 2
    assert "pictures went before a destination took them" in capsys.readouterr().out
    assert house.faults() == []


async def test_what_a_destination_lost_is_told_once_an_hour_at_most(house: House) -> None:
    upkeep = house.upkeep(Limits(30, 300, keep_pictures=1))
    for _ in range(4):
        _wait_for(house, [house.take(0)])
        upkeep.stored(house.newest())
        await upkeep.look()
    assert [one.identity for one in house.told] == ["1 with a picture"]
    house.wait(TELL_EVERY)
    await upkeep.look()
    assert [one.identity for one in house.told] == ["1 with a picture", "2 with a picture"]


async def test_pictures_of_alarms_go_last_even_if_they_are_awaited_and_never_of_open_ones(house: House) -> None:
    house.store.commit([[alarm(1), cleared_alarm(2, NOW)]])
    opened, expired = house.take(400, alarm_id=1), house.take(400, alarm_id=2)
    young, plain = house.take(20, alarm_id=2), house.take(1)
    _wait_for(house, [opened, expired, young, plain])
    await house.upkeep(Limits(30, 300, keep_pictures=3)).look()
    assert house.known() == [opened, expired, young]
    await house.upkeep(Limits(30, 300, keep_pictures=1)).look()
    assert house.known() == [opened, young]


async def test_a_dead_destination_keeps_pictures_past_their_age_while_there_is_room(house: House) -> None:
    old, newest = house.take(50), house.take(0)
    _wait_for(house, [old])
    await house.tidied(house.upkeep())
    assert (house.known(), house.told) == ([old, newest], [])


async def test_pictures_that_come_while_they_are_counted_count(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    upkeep = house.upkeep()
    house.take(2)
    asked = house.reader.picture_totals

    def totals() -> list[CameraTotals]:
        found = asked()
        house.take(0)
        upkeep.stored(house.newest())
        monkeypatch.undo()
        return found

    monkeypatch.setattr(house.reader, "picture_totals", totals)
    await upkeep.look()
    assert house.value("alarmd_archive_pictures") == len(house.known()) == 2
    assert house.value("alarmd_archive_bytes") == 2 * KILO


def _twenty_days(house: House) -> list[str]:
    return [house.take(20 - number) for number in range(20)]


async def test_a_clock_that_is_wrong_at_the_start_and_set_right_costs_no_picture(house: House) -> None:
    keys = _twenty_days(house)
    house.archive.write(film_key("cam1", TODAY), b"film")
    house.wall += 100 * DAY
    upkeep = house.upkeep()
    await upkeep.look()
    house.wait(TIDY_EVERY - 1)
    keys.append(house.take(0))
    await upkeep.look()
    assert house.known() == keys
    house.wall -= 100 * DAY
    await house.tidied(upkeep)
    assert house.known() == keys
    assert list(house.archive.keys("cam1/films")) == [film_key("cam1", TODAY)]


async def test_nothing_goes_by_age_within_an_hour_of_a_step_of_the_clock(house: House) -> None:
    keys = [house.take(31), house.take(0)]
    upkeep = house.upkeep()
    house.wait(TIDY_EVERY)
    house.wall += 2 * 60 * SECOND
    await upkeep.look()
    assert house.known() == keys
    house.wait(TIDY_EVERY)
    await upkeep.look()
    assert house.known() == keys[1:]


async def test_while_the_newest_picture_is_too_old_nothing_goes_for_a_day_and_then_little_at_once(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = _twenty_days(house)
    house.wall += 100 * DAY
    upkeep = house.upkeep()
    await house.tidied(upkeep)
    assert house.known() == keys
    assert "the clock may be wrong" in capsys.readouterr().out
    house.wait(DOUBT)
    await upkeep.look()
    assert house.known() == keys[2:]


async def test_a_new_picture_ends_the_wait_and_little_goes_at_once_until_the_clock_ran_for_a_day(house: House) -> None:
    keys = _twenty_days(house)
    house.wall += 100 * DAY
    upkeep = house.upkeep()
    await upkeep.look()
    keys.append(house.take(0))
    upkeep.stored(house.newest())
    await house.tidied(upkeep)
    assert house.known() == keys[3:], "a tenth, rounded up"
    house.wait(DOUBT)
    await upkeep.look()
    assert house.known() == keys[-1:]


async def test_a_clock_that_is_set_far_ahead_while_the_server_runs_is_doubted_too(house: House) -> None:
    keys = _twenty_days(house)
    upkeep = house.upkeep()
    await upkeep.look()
    house.wall += 100 * DAY
    keys.append(house.take(0))
    upkeep.stored(house.newest())
    await house.tidied(upkeep)
    assert house.known() == keys[3:]


async def test_a_full_disk_does_not_wait_for_the_clock(house: House) -> None:
    keys = _twenty_days(house)
    house.wall += 100 * DAY
    await house.upkeep(Limits(30, 300, keep_pictures=5)).look()
    assert house.known() == keys[-5:]
