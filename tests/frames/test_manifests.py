"""What the archive should hold is written down, and what is no longer so is told."""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarmd.frames.archive import DirectoryArchive
from alarmd.frames.errors import ArchiveError
from alarmd.frames.keys import manifest_key, pending_key, picture_key, thumbnail_key
from alarmd.frames.manifests import (
    FIRST,
    LOOK_BACK_DAYS,
    BrokenManifestError,
    Deletion,
    Entry,
    Manifest,
    delete_for_good,
    encode,
    load,
    manifest_keys,
    pending,
    seal,
)
from alarmd.frames.verification import Fault, Summary, verify

HOUR = 3_600_000_000
MONDAY = date(2026, 11, 2)
TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (MONDAY.replace(day=day) for day in range(3, 7))
LONG_AGO = date(1970, 1, 1)


class House:
    """One camera's archive, and what the database knows of it."""

    def __init__(self, root: Path) -> None:
        self.archive = DirectoryArchive(root, 0)
        self.known: dict[str, Entry] = {}

    def orphan(self, day: date, hour: int = 12, data: bytes = b"") -> Entry:
        """Stored, and never committed."""
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        received = int(midnight.timestamp()) * 1_000_000 + hour * HOUR
        data = data or f"{day} {hour}".encode()
        digest = hashlib.sha256(data).hexdigest()
        entry = Entry(picture_key("cam1", received, digest), digest, len(data), received)
        self.archive.write(entry.key, data)
        self.archive.write(thumbnail_key(entry.key), b"small")
        return entry

    def take(self, day: date, hour: int = 12) -> str:
        entry = self.orphan(day, hour)
        self.known[entry.key] = entry
        return entry.key

    def of_day(self, day: date) -> Iterable[Entry]:
        return [entry for key, entry in self.known.items() if key.startswith(f"cam1/{day:%Y/%m/%d}/")]

    def seal(self, today: date) -> list[str]:
        return seal(self.archive, "cam1", today, self.of_day)

    def delete(self, *keys: str) -> None:
        delete_for_good(self.archive, "cam1", keys, now=5)

    def verify(self) -> tuple[set[tuple[Fault, str]], Summary]:
        found: set[tuple[Fault, str]] = set()
        summary = verify(self.archive, "cam1", lambda finding: found.add((finding.fault, finding.key)))
        assert summary.faults == len(found)
        return found, summary

    def faults(self) -> set[tuple[Fault, str]]:
        return self.verify()[0]

    def load(self, key: str) -> Manifest:
        return load(key, self.archive.read(key))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "archive")


@pytest.fixture
def three_days(house: House) -> list[str]:
    """Keys of a picture a day, sealed day by day."""
    keys = []
    for day, after in ((MONDAY, TUESDAY), (TUESDAY, WEDNESDAY), (WEDNESDAY, THURSDAY)):
        keys.append(house.take(day))
        house.seal(after)
    return keys


def test_a_day_is_written_down_once_it_is_over(house: House) -> None:
    key = house.take(MONDAY)
    assert house.seal(MONDAY) == []
    assert house.seal(TUESDAY) == ["cam1/manifests/00000001-2026-11-02.json"]
    assert house.seal(TUESDAY) == []
    manifest = house.load(manifest_key("cam1", 1, MONDAY))
    assert manifest == Manifest("cam1", 1, MONDAY, FIRST, (house.known[key],), ())


def test_each_manifest_has_the_digest_of_the_one_before(house: House, three_days: list[str]) -> None:
    datas = [house.archive.read(key) for key in manifest_keys(house.archive, "cam1")]
    digests = [FIRST, *(hashlib.sha256(data).hexdigest() for data in datas)]
    assert [json.loads(data)["previous"] for data in datas] == digests[:-1]
    found, summary = house.verify()
    assert found == set()
    assert summary == Summary(manifests=3, whole=3, head=digests[-1])


def test_the_same_facts_give_the_same_bytes(tmp_path: Path) -> None:
    def sealed(name: str, hours: Iterable[int]) -> bytes:
        house = House(tmp_path / name)
        for hour in hours:
            house.take(MONDAY, hour)
        return house.archive.read(*house.seal(TUESDAY))

    assert sealed("one", (1, 2, 3)) == sealed("two", (3, 1, 2))


def test_days_that_the_server_was_down_for_are_made_up_for(house: House) -> None:
    for day in (MONDAY, TUESDAY, LONG_AGO):
        house.take(day)
    assert [house.load(key).day for key in house.seal(date(2027, 5, 1))] == [LONG_AGO, MONDAY, TUESDAY]
    assert house.faults() == set()


def test_an_empty_camera_has_no_manifests_and_no_faults(house: House) -> None:
    assert house.seal(TUESDAY) == []
    assert house.verify() == (set(), Summary())


def test_a_picture_that_comes_late_gets_a_manifest_of_its_own(house: House, three_days: list[str]) -> None:
    late = house.take(MONDAY, 23)
    assert house.faults() == {(Fault.ADDED, late)}
    (made,) = house.seal(THURSDAY)
    assert [entry.key for entry in house.load(made).pictures] == [late]
    assert house.faults() == set()
    too_late = house.take(MONDAY, 22)
    house.seal(MONDAY.replace(day=MONDAY.day + LOOK_BACK_DAYS + 1))
    assert house.faults() == {(Fault.ADDED, too_late)}


def test_a_picture_that_only_the_archive_knows_is_listed_too(house: House) -> None:
    orphan = house.orphan(MONDAY)
    (made,) = house.seal(TUESDAY)
    assert house.load(made).pictures == (orphan,)
    assert house.faults() == set()


def test_pictures_of_a_day_that_is_not_over_are_held_against_their_names(house: House, three_days: list[str]) -> None:
    today, other = house.take(THURSDAY), house.take(THURSDAY, 13)
    assert house.verify()[1].open == 2
    house.archive.path(today).write_bytes(b"forged")
    assert house.faults() == {(Fault.ALTERED, today)}
    house.seal(FRIDAY)
    assert house.faults() == {(Fault.ALTERED, today)}
    house.archive.delete(other)
    assert house.faults() == {(Fault.ALTERED, today), (Fault.MISSING, other)}


def test_a_forged_picture_that_only_the_archive_knows_is_not_listed(house: House) -> None:
    house.take(MONDAY)
    forged = house.orphan(MONDAY, 13)
    house.archive.path(forged.key).write_bytes(b"forged")
    house.seal(TUESDAY)
    assert house.faults() == {(Fault.ALTERED, forged.key)}


def test_what_vanished_before_the_day_was_over_is_missed(house: House) -> None:
    house.take(MONDAY, 1)
    gone = house.take(MONDAY, 2)
    house.archive.delete(gone)
    house.seal(TUESDAY)
    assert house.faults() == {(Fault.MISSING, gone)}


def test_each_picture_that_is_missing_altered_or_added_is_told(house: House, three_days: list[str]) -> None:
    monday, tuesday, wednesday = three_days
    house.archive.delete(monday)  # with its whole day
    house.archive.path(tuesday).write_bytes(b"forged")
    added = house.orphan(WEDNESDAY, 3).key
    (house.archive.path(wednesday).parent / "notes.txt").write_bytes(b"")
    assert house.faults() == {
        (Fault.MISSING, monday),
        (Fault.ALTERED, tuesday),
        (Fault.ADDED, added),
        (Fault.ADDED, "cam1/2026/11/04/notes.txt"),
    }


def test_films_and_thumbnails_belong_there(house: House, three_days: list[str]) -> None:
    house.archive.write("cam1/films/2026-11-02.mp4", b"film")
    house.archive.delete(thumbnail_key(three_days[0]))
    assert house.faults() == set()


def test_what_retention_deleted_is_not_missed_before_or_after_the_next_manifest(
    house: House, three_days: list[str]
) -> None:
    house.delete(*three_days[:2])
    assert [*house.archive.keys("cam1/2026")] == [three_days[2], thumbnail_key(three_days[2])]
    assert house.verify() == (set(), Summary(3, whole=1, deleted=2, head=house.verify()[1].head))
    (made,) = house.seal(FRIDAY)
    assert house.load(made).deleted == tuple(Deletion(key, 5) for key in three_days[:2])
    assert pending(house.archive, "cam1") == []
    assert house.faults() == set()


def test_deletions_add_up_until_the_next_manifest(house: House, three_days: list[str]) -> None:
    for key in three_days:
        house.delete(key)
    house.delete(three_days[0])
    assert [one.key for one in pending(house.archive, "cam1")] == three_days
    assert house.faults() == set()


def test_a_deletion_is_told_once_though_a_crash_kept_it_on_the_list(house: House, three_days: list[str]) -> None:
    house.delete(three_days[0])
    kept = house.archive.read(pending_key("cam1"))
    house.seal(FRIDAY)
    house.archive.write(pending_key("cam1"), kept)
    assert house.seal(FRIDAY) == []
    assert pending(house.archive, "cam1") == []


def test_a_picture_deleted_before_its_day_was_over_is_not_listed(house: House) -> None:
    house.delete(house.take(MONDAY))
    (made,) = house.seal(TUESDAY)
    assert (len(house.load(made).pictures), len(house.load(made).deleted)) == (0, 1)
    assert house.faults() == set()


def test_retention_works_on_a_disk_that_has_nothing_but_its_reserve(house: House, three_days: list[str]) -> None:
    house.archive = DirectoryArchive(house.archive.path("cam1").parent, reserve=1 << 60)
    house.delete(three_days[0])
    assert len(house.seal(FRIDAY)) == 1
    assert house.faults() == set()


def test_a_manifest_that_is_gone_breaks_the_chain(house: House, three_days: list[str]) -> None:
    first, second, third = manifest_keys(house.archive, "cam1")
    house.archive.delete(second)
    assert house.faults() == {(Fault.BROKEN, third)}
    house.archive.delete(first)
    assert house.faults() == {(Fault.BROKEN, third)}


def test_a_manifest_that_was_rewritten_breaks_the_chain_behind_it(house: House, three_days: list[str]) -> None:
    first, second, _ = manifest_keys(house.archive, "cam1")
    forged = Manifest("cam1", 1, MONDAY, FIRST, (), ())
    house.archive.write(first, encode(forged))
    assert (Fault.BROKEN, second) in house.faults()


def test_the_head_tells_whether_the_newest_manifest_is_the_one_that_was_noted(
    house: House, three_days: list[str]
) -> None:
    noted = house.verify()[1].head
    newest = manifest_keys(house.archive, "cam1")[-1]
    house.archive.write(newest, encode(Manifest("cam1", 3, WEDNESDAY, house.load(newest).previous, (), ())))
    assert house.verify()[1].head != noted


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff", b"[]", b"1", b"{}", b'{"form":2}', encode(Manifest("cam2", 2, TUESDAY, FIRST, (), ()))],
)
def test_a_manifest_that_cannot_be_understood_is_told_and_nothing_is_built_on_it(
    house: House, three_days: list[str], data: bytes
) -> None:
    newest = manifest_keys(house.archive, "cam1")[-1]
    house.archive.write(newest, data)
    assert house.faults() == {(Fault.BROKEN, newest)}
    house.take(THURSDAY)
    with pytest.raises(BrokenManifestError):
        house.seal(FRIDAY)


def test_a_list_of_deletions_that_cannot_be_understood_is_told_and_kept(house: House, three_days: list[str]) -> None:
    house.archive.write(pending_key("cam1"), b'[{"key": 1}]')
    assert house.faults() == {(Fault.BROKEN, pending_key("cam1"))}
    with pytest.raises(ArchiveError):
        house.delete(three_days[0])
    assert house.archive.read(three_days[0])


ENTRIES = st.builds(
    Entry, st.text(max_size=9), st.text(max_size=9), st.integers(0), st.integers(0), st.none() | st.integers()
)
DELETIONS = st.builds(Deletion, st.text(max_size=9), st.integers())


@given(st.lists(ENTRIES, max_size=3), st.lists(DELETIONS, max_size=3))
def test_a_manifest_says_again_what_it_was_made_of(entries: list[Entry], deletions: list[Deletion]) -> None:
    manifest = Manifest("cam1", 7, MONDAY, FIRST, tuple(entries), tuple(deletions))
    assert load(manifest_key("cam1", 7, MONDAY), encode(manifest)) == manifest


@pytest.mark.parametrize("sealed", [False, True])
def test_what_retention_deletes_meanwhile_is_not_missing(
    house: House, three_days: list[str], monkeypatch: pytest.MonkeyPatch, sealed: bool
) -> None:
    read = house.archive.read

    def reading(key: str) -> bytes:
        if key == three_days[0]:
            monkeypatch.undo()
            house.delete(*three_days[:2])
            if sealed:
                house.seal(FRIDAY)
        return read(key)

    monkeypatch.setattr(house.archive, "read", reading)
    found, summary = house.verify()
    assert (found, summary.deleted, summary.whole) == (set(), 2, 1)


def test_a_record_that_broke_meanwhile_hides_nothing_that_vanished(
    house: House, three_days: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = house.archive.read

    def reading(key: str) -> bytes:
        if key == three_days[0]:
            monkeypatch.undo()
            house.archive.delete(key)
            house.archive.write(pending_key("cam1"), b"nonsense")
        return read(key)

    monkeypatch.setattr(house.archive, "read", reading)
    assert house.faults() == {(Fault.MISSING, three_days[0])}
