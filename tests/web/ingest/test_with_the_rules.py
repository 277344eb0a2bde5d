"""The same with nothing replaced: the rules' own table of cameras, the intake, the archive, SQLite."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry

from alarmd.adapters.reactor_clock import now
from alarmd.core.records import Camera, Record
from alarmd.core.requests import CameraChanged, DeviceAdopted, DeviceForgotten, OperatorRequest
from alarmd.frames.archive import DirectoryArchive
from alarmd.frames.intake import Intake
from alarmd.metrics import Metrics
from alarmd.web.ingest.desk import UploadDesk
from alarmd.web.ingest.limits import UploadLimits
from alarmd.web.ingest.reception import KnownCameras
from alarmd.web.ingest.senders import Doorkeeper, digest_of
from alarmd.web.ingest.service import Ports, UploadService
from tests.running_house import RunningHouse, running_house
from tests.web.ingest.post import CLIENT, FINGERPRINT, SECRET, jpeg

PICTURE = jpeg(320, 240, noise=40)
PRUSA = {"Token": SECRET, "Fingerprint": FINGERPRINT, "Content-Type": "image/jpg"}


class Site:
    """A server with cam1, a camera that is still to be set up."""

    def __init__(self, house: RunningHouse, archive: DirectoryArchive) -> None:
        self.house = house
        self.archive = archive
        self.ask(DeviceAdopted("petr", "cam1", "home"))

    def ask(self, request: OperatorRequest) -> tuple[Record, ...]:
        return self.house.run(self.house._submit(request))

    def camera(self, **changes: object) -> Camera:
        (camera,) = self.ask(CameraChanged("petr", "cam1", **changes))  # type: ignore[arg-type]
        assert isinstance(camera, Camera)
        return camera

    async def start(self) -> None:
        house = self.house
        self.intake = Intake(self.archive, house._submit, now)  # type: ignore[arg-type]  # takes reports as well
        desk = UploadDesk(
            doorkeeper=Doorkeeper(KnownCameras(house.engine.state), lambda: now().mono),
            take=self.intake.take,
            introduce=house._submit,  # type: ignore[arg-type]
            now=now,
            metrics=Metrics(CollectorRegistry()),
        )
        self.service = UploadService(desk, UploadLimits(), ())
        self.service.start(Ports(["127.0.0.1"], 0))
        self.url = f"http://127.0.0.1:{self.service.addresses[0][1]}"

    async def stop(self) -> None:
        await self.service.stop()
        self.intake.close()

    def pictures(self) -> list[bytes]:
        return [self.archive.read(key) for key in self.archive.keys("") if "thumb" not in key]


@contextmanager
def site_in(directory: Path) -> Iterator[Site]:
    with running_house(directory) as house:
        site = Site(house, DirectoryArchive(directory / "archive", 0))
        house.run(site.start())
        yield site
        house.run(site.stop())


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_in(tmp_path) as site:
        yield site


def test_a_picture_is_in_the_archive_when_its_camera_hears_so(site: Site) -> None:
    site.camera(upload_digest=digest_of(SECRET))
    answer = CLIENT.post(f"{site.url}/u/{SECRET}", content=PICTURE)
    assert answer.status_code == 204
    assert site.pictures() == [PICTURE]


def test_the_secret_itself_is_kept_nowhere(site: Site, tmp_path: Path) -> None:
    camera = site.camera(upload_digest=digest_of(SECRET))
    assert camera.upload_digest == hashlib.sha256(SECRET.encode()).hexdigest()
    CLIENT.post(f"{site.url}/u/{SECRET}", content=PICTURE)
    for file in (file for file in tmp_path.rglob("*") if file.is_file()):
        assert SECRET.encode() not in file.read_bytes(), file


def test_the_arduino_s_mangled_picture_is_mended(site: Site) -> None:
    site.camera(source_networks=("127.0.0.0/8",), by_address=True)
    mangled = PICTURE[1:] + b"\x00"
    answer = CLIENT.post(f"{site.url}/S3StoreImage", content=mangled, headers={"Content-Type": "image/jpeg"})
    assert answer.status_code == 204
    assert site.pictures() == [PICTURE]


def test_a_camera_has_to_upload_from_its_own_networks(site: Site) -> None:
    site.camera(upload_digest=digest_of(SECRET), source_networks=("192.0.2.0/24",))
    answer = CLIENT.post(f"{site.url}/u/{SECRET}", content=PICTURE)
    assert (answer.status_code, answer.json()["reason"]) == (403, "wrong_source")


def test_a_token_belongs_to_the_first_fingerprint_also_after_a_restart(tmp_path: Path) -> None:
    with site_in(tmp_path) as site:
        site.camera(upload_digest=digest_of(SECRET))
        assert CLIENT.put(f"{site.url}/c/snapshot", content=PICTURE, headers=PRUSA).status_code == 204
    with site_in(tmp_path) as site:
        other = PRUSA | {"Fingerprint": "x" * 16}
        answer = CLIENT.put(f"{site.url}/c/snapshot", content=PICTURE, headers=other)
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN_INVALID_FINGERPRINT")
        assert CLIENT.put(f"{site.url}/c/snapshot", content=PICTURE, headers=PRUSA).status_code == 204


def test_of_two_cameras_with_one_token_that_begin_at_once_one_is_let_in(site: Site) -> None:
    site.camera(upload_digest=digest_of(SECRET))

    async def both() -> list[tuple[int, str]]:
        async with httpx.AsyncClient() as client:
            headers = [PRUSA | {"Fingerprint": letter * 16} for letter in "ab"]
            url = f"{site.url}/c/snapshot"
            answers = await asyncio.gather(*(client.put(url, content=PICTURE, headers=one) for one in headers))
            return sorted((answer.status_code, answer.text) for answer in answers)

    (first, second) = asyncio.run(both())
    assert (first, second[0]) == ((204, ""), 403)
    assert "FORBIDDEN_INVALID_FINGERPRINT" in second[1]


def test_what_a_camera_says_of_itself_is_kept_with_it(site: Site) -> None:
    site.camera(upload_digest=digest_of(SECRET))
    said = b'{"config":{"name":"Olomouc"}}'
    assert CLIENT.put(f"{site.url}/c/info", content=said, headers=PRUSA).status_code == 200
    assert site.camera().info == said.decode()


def test_a_new_secret_ends_the_old_one_and_a_forgotten_device_has_none(site: Site) -> None:
    site.camera(upload_digest=digest_of(SECRET))
    site.camera(upload_digest=digest_of("n" * 20))
    assert CLIENT.post(f"{site.url}/u/{SECRET}", content=PICTURE).status_code == 404
    assert CLIENT.post(f"{site.url}/u/{'n' * 20}", content=PICTURE).status_code == 204
    site.ask(DeviceForgotten("petr", "cam1"))
    assert CLIENT.post(f"{site.url}/u/{'n' * 20}", content=PICTURE).status_code == 404


def test_while_the_database_is_away_nothing_is_acknowledged(site: Site) -> None:
    site.camera(upload_digest=digest_of(SECRET))
    site.house.condition = site.house.condition.__class__(storage_failing=True, waiting=0, waiting_limit=100)
    answer = CLIENT.post(f"{site.url}/u/{SECRET}", content=PICTURE)
    assert (answer.status_code, answer.json()["reason"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0


def test_a_camera_that_floods_is_told_to_come_later_and_nothing_of_it_is_kept(site: Site) -> None:
    settings = site.house.engine.state.settings
    site.house.engine.state.settings = replace(settings, message_rate=0.001, message_burst=2.0)
    site.camera(upload_digest=digest_of(SECRET))
    pictures = [jpeg(320, 240, noise=40) for _ in range(3)]
    answers = [CLIENT.post(f"{site.url}/u/{SECRET}", content=picture) for picture in pictures]
    assert [answer.status_code for answer in answers] == [204, 204, 429]
    assert answers[2].json()["reason"] == "device_rate"
    assert int(answers[2].headers["retry-after"]) > 0
    assert site.pictures() == pictures[:2]


def test_a_full_disk_is_said_to_be_one(site: Site) -> None:
    site.camera(upload_digest=digest_of(SECRET))
    site.archive._reserve = 2**62
    answer = CLIENT.post(f"{site.url}/u/{SECRET}", content=PICTURE)
    assert (answer.status_code, answer.json()["reason"]) == (507, "archive_full")
    assert int(answer.headers["retry-after"]) > 0


def test_what_is_no_picture_is_refused(site: Site) -> None:
    site.camera(upload_digest=digest_of(SECRET))
    answer = CLIENT.post(f"{site.url}/u/{SECRET}", content=b"GIF89a")
    assert (answer.status_code, answer.json()["field"]) == (422, "body")
    assert site.pictures() == []
