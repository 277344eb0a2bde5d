"""The index is made to agree with the archive, as often as you like; on both databases."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alarmd.core.effects import DURABLE
from alarmd.core.engine import Engine
from alarmd.core.inputs import ServerStarted
from alarmd.core.instant import Instant
from alarmd.core.records import Picture, Trigger
from alarmd.core.settings import Settings
from alarmd.frames import index as index_module
from alarmd.frames.archive import DirectoryArchive
from alarmd.frames.index import EmptyArchiveError, Rebuilding, Rebuilt
from alarmd.frames.keys import day_of, picture_key, thumbnail_key
from alarmd.frames.manifests import Entry, manifest_keys, seal
from alarmd.frames.retention import DAY
from alarmd.storage.interface import PictureFilter
from alarmd.storage.opening import open_reader, open_store
from tests.contracts.records import EVERYTHING, NOON, ORIGIN, VAULT, picture
from tests.frames.pictures import inspect, jpeg

NOW = Instant(NOON + 10 * DAY, 1000.0)


class House:
    def __init__(self, url: str, archive: DirectoryArchive) -> None:
        self.archive = archive
        self.store = open_store(url, ORIGIN, VAULT)
        self.reader = open_reader(url)
        self.told: list[str] = []
        self.looked_at = 0
        self._number = 0

    def file(self, name: str = "cam1", at: int = NOON) -> str:
        """A picture in the archive."""
        self._number += 1
        found = inspect(jpeg(64, 48, quality=self._number))
        key = picture_key(name, at, found.digest)
        self.archive.write(key, found.data)
        self.archive.write(thumbnail_key(key), found.thumbnail)
        return key

    def row(self, number: int, key: str) -> None:
        assert self.store.commit([[picture(number, key=key, sequence=number, hlc=200 + number)]]) == []

    def rebuild(self, dry_run: bool = False, **settings: Any) -> Rebuilt:
        snapshot = self.store.load()
        engine = Engine(Settings(**settings), snapshot, ZoneInfo, NOW)
        if not snapshot.zones:
            started = engine.handle(ServerStarted("test"), NOW)
            self.store.commit([[effect for effect in started if isinstance(effect, DURABLE)]])
        names = {one.name for one in snapshot.devices}
        self.looked_at = 0
        return Rebuilding(
            self.archive,
            self.reader,
            self.store,
            lambda found: engine.handle(found, NOW),
            names,
            self.told.append,
            self._seen,
            dry_run,
        ).run()

    def rows(self) -> list[Picture]:
        return [one.picture for one in self.reader.pictures(PictureFilter(newest_first=False))]

    def _seen(self) -> None:
        self.looked_at += 1


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    sqlite = f"sqlite:///{tmp_path}/alarmd.sqlite"
    url = sqlite if request.param == "sqlite" else request.getfixturevalue("postgresql_url")
    house = House(url, DirectoryArchive(tmp_path / "archive", 0))
    yield house
    house.store.close()
    house.reader.close()


@pytest.fixture(autouse=True)
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "PORTION", 2)


def test_pictures_that_no_row_knows_get_one_with_the_next_ids(house: House) -> None:
    house.store.commit([EVERYTHING[:4]])
    house.row(7, house.file(at=NOON + 5))
    keys = [house.file(at=NOON + hour) for hour in (1, 2, 3)]
    assert house.rebuild() == Rebuilt(added=3)
    found = house.rows()
    assert [(one.id, one.sequence, one.key) for one in found[1:]] == [(8 + n, 8 + n, key) for n, key in enumerate(keys)]
    assert [(one.received_at, one.captured_at) for one in found[1:]] == [(NOON + n, NOON + n) for n in (1, 2, 3)]
    made = found[1]
    assert (made.width, made.height, made.trigger, made.alarm_id) == (64, 48, Trigger.DEVICE, None)
    assert made.digest == inspect(house.archive.read(made.key)).digest
    assert made.size == len(house.archive.read(made.key))
    assert house.looked_at == 4
    snapshot = house.store.load()
    assert (snapshot.last_picture_id, snapshot.last_hlc) == (10, found[-1].hlc)


def test_a_second_time_there_is_nothing_to_do(house: House) -> None:
    house.store.commit([EVERYTHING[:4]])
    house.file()
    house.rebuild()
    before = house.rows()
    assert house.rebuild() == Rebuilt()
    assert house.rows() == before


def test_rows_whose_files_are_gone_are_dropped(house: House) -> None:
    house.store.commit([EVERYTHING[:4]])
    stays = house.file()
    for number in range(1, 4):
        house.row(number, f"cam1/2025/06/15/15064000000{number}-00112233445566aa.jpg")
    house.row(4, stays)
    assert house.rebuild() == Rebuilt(dropped=3)
    assert [one.key for one in house.rows()] == [stays]


def test_a_dry_run_changes_nothing(house: House) -> None:
    house.file()
    house.rebuild()
    house.row(2, "cam1/2025/06/15/150640000001-00112233445566aa.jpg")
    house.file(at=NOON + 1)
    house.file("cam9")
    before = house.rows()
    assert house.rebuild(dry_run=True) == Rebuilt(added=2, dropped=1, introduced=["cam9"])
    assert house.rows() == before
    assert [one.device.name for one in house.reader.devices()] == ["cam1"]


def test_after_a_lost_database_the_devices_are_introduced_too(house: House) -> None:
    keys = [house.file("cam1"), house.file("cam2")]
    assert house.rebuild() == Rebuilt(added=2, introduced=["cam1", "cam2"])
    assert [one.key for one in house.rows()] == keys
    assert [(one.device.name, one.zone) for one in house.reader.devices()] == [
        ("cam1", "unassigned"),
        ("cam2", "unassigned"),
    ]


def test_devices_beyond_the_limit_are_left_out_with_a_word(house: House) -> None:
    house.store.commit([EVERYTHING[:4]])
    house.file("cam9")
    assert house.rebuild(max_devices=1) == Rebuilt(skipped=1)
    assert "devices.limit" in house.told[0]


def test_a_manifest_knows_when_a_picture_was_taken(house: House) -> None:
    house.store.commit([EVERYTHING[:4]])
    key = house.file()
    data = house.archive.read(key)
    entry = Entry(key, inspect(data).digest, len(data), NOON, captured_at=NOON - 99)
    seal(house.archive, "cam1", day_of(NOON + DAY), lambda day: [entry] if day == day_of(NOON) else [])
    house.rebuild()
    assert [one.captured_at for one in house.rows()] == [NOON - 99]


def test_a_manifest_that_cannot_be_read_is_told_and_not_needed(house: House) -> None:
    house.store.commit([EVERYTHING[:4]])
    house.file()
    seal(house.archive, "cam1", day_of(NOON + DAY), lambda _day: [])
    house.archive.write(manifest_keys(house.archive, "cam1")[0], b"nonsense")
    assert house.rebuild() == Rebuilt(added=1)
    assert "cannot be understood" in house.told[0]


def test_what_is_not_what_its_name_says_is_left_out(house: House) -> None:
    house.store.commit([EVERYTHING[:4]])
    altered, cut = house.file(), house.file()
    house.archive.write(altered, b"something else")
    no_picture = picture_key("cam1", NOON + 1, hashlib.sha256(b"no picture").hexdigest())
    house.archive.write(no_picture, b"no picture")
    assert house.rebuild() == Rebuilt(added=1, skipped=2)
    assert [one.key for one in house.rows()] == [cut]
    assert any("alarmd archive verify" in one for one in house.told)


def test_an_archive_that_is_not_there_empties_no_database(house: House) -> None:
    house.store.commit([EVERYTHING[:4]])
    house.row(1, "cam1/2025/06/15/150640000001-00112233445566aa.jpg")
    with pytest.raises(EmptyArchiveError, match="is its disk mounted"):
        house.rebuild()
    assert len(house.rows()) == 1


def test_without_pictures_and_rows_there_is_nothing_to_do(house: House) -> None:
    house.store.commit([EVERYTHING[:4]])
    assert house.rebuild() == Rebuilt()
