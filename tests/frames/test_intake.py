"""The way of a picture into the house: what is acknowledged is stored, what is refused leaves nothing behind."""

import asyncio
from pathlib import Path

import pytest
import structlog

from alarmd.core.inputs import PictureReceived
from alarmd.core.instant import Instant
from alarmd.core.records import Picture, Record, Trigger
from alarmd.core.refusals import UNAVAILABLE, RequestRefusedError
from alarmd.frames import intake as intake_module
from alarmd.frames.archive import DirectoryArchive
from alarmd.frames.errors import ArchiveError, PictureRefusedError
from alarmd.frames.intake import Intake, Upload
from alarmd.frames.keys import thumbnail_key
from tests.contracts.records import NOON, PICTURE
from tests.frames.pictures import jpeg
from tests.frames.slow_decoder import LARGE_PICTURE, SlowDecoder
from tests.waiting import until

UPLOAD = Upload("cam1", jpeg(), Trigger.DEVICE, captured_at=NOON - 5, upload="A.7")


class Rules:
    """Takes every picture, unless told otherwise; remembers what the archive held when it was asked."""

    def __init__(self, archive: DirectoryArchive) -> None:
        self.received: list[PictureReceived] = []
        self.held: list[list[str]] = []
        self.refusal: RequestRefusedError | None = None
        self.knows = False  # all that come
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._archive = archive

    async def submit(self, received: PictureReceived) -> tuple[Record, ...]:
        self.received.append(received)
        self.held.append(list(self._archive.keys()))
        await self.may_answer.wait()
        if self.refusal is not None:
            raise self.refusal
        return () if self.knows else (_record(received),)


def _record(received: PictureReceived) -> Picture:
    return Picture(
        **{
            **{name: getattr(PICTURE, name) for name in Picture.__slots__},
            "key": received.key,
            "digest": received.digest,
        }
    )


@pytest.fixture
def archive(tmp_path: Path) -> DirectoryArchive:
    return DirectoryArchive(tmp_path / "archive", 0)


@pytest.fixture
async def rules(archive: DirectoryArchive) -> Rules:
    return Rules(archive)


@pytest.fixture
def intake(archive: DirectoryArchive, rules: Rules) -> Intake:
    return Intake(archive, rules.submit, lambda: Instant(NOON, 0.0))


async def test_the_rules_hear_of_a_picture_once_it_lies_in_the_archive(
    intake: Intake, rules: Rules, archive: DirectoryArchive
) -> None:
    picture = await intake.take(UPLOAD)
    assert picture is not None
    (received,) = rules.received
    assert rules.held == [[picture.key, picture.key.replace(".jpg", ".thumb.jpg")]]
    assert archive.read(picture.key) == UPLOAD.data
    assert (received.device, received.captured_at, received.received_at) == ("cam1", NOON - 5, NOON)
    assert (received.upload, received.size, received.repair) == ("A.7", len(UPLOAD.data), "")


async def test_what_is_no_picture_reaches_neither_archive_nor_rules(
    intake: Intake, rules: Rules, archive: DirectoryArchive
) -> None:
    with pytest.raises(PictureRefusedError):
        await intake.take(Upload("cam1", b"no picture", Trigger.DEVICE))
    assert (rules.received, list(archive.keys())) == ([], [])


async def test_a_refused_picture_leaves_nothing_behind(intake: Intake, rules: Rules, archive: DirectoryArchive) -> None:
    rules.refusal = RequestRefusedError("unknown_device", "device", "no device")
    with pytest.raises(RequestRefusedError, match="no device"):
        await intake.take(UPLOAD)
    assert list(archive.keys()) == []


async def test_a_picture_that_may_yet_be_stored_stays(intake: Intake, rules: Rules, archive: DirectoryArchive) -> None:
    rules.refusal = RequestRefusedError(UNAVAILABLE, "", "the database does not answer")
    with pytest.raises(RequestRefusedError):
        await intake.take(UPLOAD)
    assert archive.read(rules.received[0].key) == UPLOAD.data


async def test_a_picture_sent_again_is_kept_once(intake: Intake, rules: Rules, archive: DirectoryArchive) -> None:
    first = await intake.take(UPLOAD)
    assert first is not None
    rules.knows = True
    for later in (9, 0):  # at 0 it has the key of the first one
        again = Intake(archive, rules.submit, lambda later=later: Instant(NOON + later, 0.0))
        assert await again.take(UPLOAD) is None
        assert len(rules.held[-1]) == (4 if later else 2)
        assert list(archive.keys()) == [first.key, thumbnail_key(first.key)]


async def test_a_refused_picture_does_not_take_along_the_one_that_is_stored(
    intake: Intake, rules: Rules, archive: DirectoryArchive
) -> None:
    first = await intake.take(UPLOAD)
    assert first is not None
    rules.refusal = RequestRefusedError("busy", "", "the database does not answer")
    with pytest.raises(RequestRefusedError):
        await intake.take(UPLOAD)
    assert archive.read(first.key) == UPLOAD.data


async def test_small_pictures_do_not_wait_for_large_ones(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = SlowDecoder(monkeypatch)
    large = [asyncio.create_task(intake.take(Upload("cam1", LARGE_PICTURE, Trigger.DEVICE))) for _ in range(8)]
    try:
        await until(lambda: decoder.most == 1)
        assert await intake.take(UPLOAD)
        assert not any(task.done() for task in large)
    finally:
        decoder.may_go_on.set()
    assert all(await asyncio.gather(*large))
    assert decoder.most == 1, "one after the other"


async def test_more_than_may_wait_are_sent_away(intake: Intake, rules: Rules, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "MAX_WAITING", 1)
    rules.may_answer.clear()
    first = asyncio.create_task(intake.take(UPLOAD))
    while not rules.received:
        await asyncio.sleep(0)
    with pytest.raises(ArchiveError, match="send it again"):
        await intake.take(UPLOAD)
    rules.may_answer.set()
    assert await first
    assert len(intake) == 0


async def test_why_nothing_can_be_stored_is_logged_now_and_then(
    intake: Intake, rules: Rules, archive: DirectoryArchive, tmp_path: Path
) -> None:
    (tmp_path / "archive").rename(tmp_path / "unplugged")
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(ArchiveError):
                await intake.take(UPLOAD)
    (told,) = logs
    assert (told["event"], told["reason"]) == ("no picture can be stored", archive.failing)
    assert "No such file or directory" in archive.failing
    (tmp_path / "unplugged").rename(tmp_path / "archive")
    assert await intake.take(UPLOAD)
    assert archive.failing == ""
