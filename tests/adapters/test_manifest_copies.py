"""Which manifests are told to the rules, and when again."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from alarmd.adapters import manifest_copies
from alarmd.adapters.manifest_copies import LATEST, ManifestCopies
from alarmd.core.inputs import ManifestSealed
from alarmd.core.records import Record
from alarmd.core.refusals import UNAVAILABLE, RequestRefusedError
from alarmd.frames.archive import DirectoryArchive
from tests.waiting import until

COPY = ("copy", "")


class House:
    def __init__(self, directory: Path, recipients: Sequence[tuple[str, str]] = (COPY,)) -> None:
        self.archive = DirectoryArchive(directory, reserve=0)
        self.told: list[str] = []
        self.away = False
        self.copies = ManifestCopies(self.archive, recipients, self.submit)

    def seal(self, device: str, number: int) -> str:
        key = f"{device}/manifests/{number:08}-2026-11-{number:02}.json"
        self.archive.write(key, b"{}")
        return key

    async def submit(self, sealed: ManifestSealed) -> tuple[Record, ...]:
        if self.away:
            raise RequestRefusedError(UNAVAILABLE, "", "the database does not answer")
        assert sealed.recipients == (COPY,)
        self.told.append(sealed.key)
        return ()


async def test_each_manifest_is_told_once(tmp_path: Path) -> None:
    house = House(tmp_path)
    first, other = house.seal("cam1", 1), house.seal("cam2", 1)
    house.archive.write("cam1/manifests/pending.json", b"[]")
    await house.copies.look()
    second = house.seal("cam1", 2)
    await house.copies.look()
    await house.copies.look()
    assert house.told == [first, other, second]


async def test_what_the_database_did_not_take_is_told_later(tmp_path: Path) -> None:
    house = House(tmp_path)
    keys = [house.seal("cam1", number) for number in (1, 2)]
    house.away = True
    await house.copies.look()
    house.away = False
    await house.copies.look()
    assert house.told == keys


async def test_a_start_tells_the_latest_again_and_not_all_there_ever_were(tmp_path: Path) -> None:
    house = House(tmp_path)
    keys = [house.seal("cam1", number) for number in range(1, LATEST + 3)]
    await house.copies.look()
    assert house.told == keys[-LATEST:]


@pytest.mark.parametrize("recipients", [[COPY], []])
async def test_it_looks_only_where_somebody_keeps_copies(
    tmp_path: Path, recipients: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    async def look() -> None:
        nonlocal looks
        looks += 1

    monkeypatch.setattr(manifest_copies, "LOOK_EVERY", 0.0)
    house = House(tmp_path, recipients)
    monkeypatch.setattr(house.copies, "look", look)
    running = asyncio.create_task(house.copies.run())
    if recipients:
        await until(lambda: looks > 1, "two looks")
    else:
        for _ in range(10):
            await asyncio.sleep(0)
        assert looks == 0
    running.cancel()
