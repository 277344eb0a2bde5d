"""Cameras that the server asks: how many at a time, in which order, and what becomes of it."""

import asyncio
from pathlib import Path

import pytest

from alarmd.adapters.reactor_clock import now
from alarmd.core.effects import FetchPicture
from alarmd.core.inputs import PictureFailed, PictureReceived
from alarmd.core.records import Picture, Record, Trigger
from alarmd.core.refusals import RequestRefusedError
from alarmd.frames import puller as module
from alarmd.frames.archive import DirectoryArchive
from alarmd.frames.errors import ArchiveError
from alarmd.frames.intake import Intake, Upload
from alarmd.frames.puller import OF_ONE_CAMERA, Puller
from tests.frames.camera import PICTURE, STILL, Camera, answer, camera
from tests.waiting import until


class House:
    """A puller, and what it brought."""

    def __init__(self) -> None:
        self.taken: list[Upload] = []
        self.failures: list[PictureFailed] = []
        self.puller = Puller(self._take, self.failures.append)
        self.refusal: Exception | None = None

    def ask(self, one: Camera, trigger: Trigger = Trigger.COMMAND, device: str = "cam1", user: str = "") -> str:
        upload = f"A.{len(one.heads)}.{len(self.puller)}"
        self.puller.fetch(FetchPicture(device, one.url(user=user), trigger, upload))
        return upload

    async def _take(self, upload: Upload) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.taken.append(upload)


@pytest.fixture
def house() -> House:
    return House()


async def test_a_picture_is_taken_in_with_what_it_was_asked_for(house: House) -> None:
    async with camera(lambda _head: STILL) as one:
        upload = house.ask(one, Trigger.ALARM)
        await until(lambda: house.taken)
    assert house.taken == [Upload("cam1", PICTURE, Trigger.ALARM, None, upload)]
    await until(lambda: len(house.puller) == 0)
    assert house.failures == []


async def test_it_goes_through_the_gate_into_the_archive(tmp_path: Path) -> None:
    stored: list[PictureReceived] = []

    async def submit(received: PictureReceived) -> tuple[Record, ...]:
        stored.append(received)
        return (Picture(1, 1, 1, received.key, 0, 0, received.trigger, "", None, received.digest, 0, 0, 0, "", "A", 1),)

    archive = DirectoryArchive(tmp_path, 0)
    intake, failures = Intake(archive, submit, now), []  # type: ignore[var-annotated]
    puller = Puller(intake.take, failures.append)
    async with camera(lambda _head: answer(PICTURE + b"\r\n")) as one:
        puller.fetch(FetchPicture("cam1", one.url(), Trigger.COMMAND, "A.1"))
        await until(lambda: len(puller) == 0)
    assert failures == []
    assert archive.read(stored[0].key) == PICTURE
    assert stored[0].repair == "2 bytes after the end removed"
    async with camera(lambda _head: answer(b"<html>", "image/jpeg")) as one:
        puller.fetch(FetchPicture("cam1", one.url(), Trigger.COMMAND, "A.2"))
        await until(lambda: failures)
    assert "this is a page" in failures[0].reason
    intake.close()


async def test_a_failure_is_told_with_its_reason_and_without_the_url(house: House) -> None:
    async with camera(lambda _head: answer(b"", "text/plain", "503 Busy")) as one:
        upload = house.ask(one, user="anna:secret@")
        await until(lambda: house.failures)
    (failed,) = house.failures
    assert (failed.device, failed.upload) == ("cam1", upload)
    assert failed.reason == "it answers with HTTP status 503"
    assert "secret" not in repr(FetchPicture("cam1", "http://a:secret@b/", Trigger.ALARM, ""))


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (RequestRefusedError("unavailable", "", "the database does not answer"), "the database does not answer"),
        (ArchiveError("cannot write: no space"), "no space"),
        (RuntimeError("http://anna:secret@192.0.2.1/"), "the server failed"),
    ],
)
async def test_a_picture_that_cannot_be_stored_is_told(
    house: House, refusal: Exception, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    house.refusal = refusal
    async with camera(lambda _head: STILL) as one:
        house.ask(one)
        await until(lambda: house.failures)
    assert words in house.failures[0].reason
    assert "secret" not in str(house.failures) + "".join(capsys.readouterr())


async def test_one_camera_is_asked_for_one_picture_after_the_other(house: House) -> None:
    gate = asyncio.Event()

    async def slow() -> bytes:
        await gate.wait()
        return STILL

    async with camera(lambda _head: slow()) as one:
        for _ in range(OF_ONE_CAMERA):
            house.ask(one)
        await until(lambda: one.under_way)
        assert house.failures == []
        house.ask(one)
        await until(lambda: house.failures)
        assert "still being asked" in house.failures[0].reason
        assert one.under_way == len(one.heads) == 1
        gate.set()
        await until(lambda: len(house.taken) == OF_ONE_CAMERA)


async def test_one_that_is_asked_by_schedule_never_waits_for_itself(house: House) -> None:
    async with camera(lambda _head: None) as one:
        house.ask(one)
        house.ask(one, Trigger.SCHEDULE)
        await until(lambda: house.failures)
        assert len(house.puller) == 1
        await house.puller.stop()


async def test_cameras_that_do_not_answer_leave_places_for_an_alarm(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BY_SCHEDULE", 2)
    house.puller = Puller(house._take, house.failures.append)
    async with camera(lambda _head: None) as dead, camera(lambda _head: STILL) as one:
        for number in range(4):
            house.ask(dead, Trigger.SCHEDULE, f"dead{number}")
        await until(lambda: dead.under_way == 2)
        house.ask(one, Trigger.SCHEDULE, "cam1")
        await asyncio.sleep(0)  # it waits for a place
        house.ask(one, Trigger.ALARM, "cam1")
        await until(lambda: house.taken)
        assert house.taken[0].trigger is Trigger.ALARM
        assert dead.under_way == len(dead.heads) == 2
        await house.puller.stop()


async def test_too_many_cameras_at_a_time_are_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REQUESTS", 2)
    async with camera(lambda _head: None) as dead:
        for number in range(3):
            house.ask(dead, Trigger.SCHEDULE, f"dead{number}")
        await until(lambda: house.failures)
        assert [failed.device for failed in house.failures] == ["dead2"]
        assert house.failures[0].reason == "2 cameras are being asked already"
        await house.puller.stop()


async def test_a_stop_gives_up_what_is_under_way_and_tells_nobody(house: House) -> None:
    async with camera(lambda _head: None) as one:
        for _ in range(2):
            house.ask(one)
        await until(lambda: one.under_way)
        await house.puller.stop()
        await until(lambda: not one.under_way)
    assert (len(house.puller), house.failures, house.taken) == (0, [], [])
