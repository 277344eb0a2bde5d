import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from alarmd import __version__
from alarmd.core.instant import SECOND, Instant
from alarmd.core.records import Picture
from alarmd.frames.archive import DirectoryArchive
from alarmd.frames.errors import PictureFault, PictureRefusedError
from alarmd.relays import prusaconnect
from alarmd.relays.interface import Delivered, GiveUp, Later, Obsolete, Outcome, TryAgain
from alarmd.relays.prusaconnect import PrusaConnect, fingerprint, said_of, trigger_scheme
from alarmd.storage.interface import Lease, StoredPicture
from tests.contracts.records import CAMERA, DELIVERY, PICTURE
from tests.fakes.prusaconnect import OTHER_TOKEN, TOKEN, FakePrusaConnect, Fault, fake_prusaconnect
from tests.frames.pictures import jpeg
from tests.playbook import Playbook
from tests.waiting import until
from tests.web.ingest.post import SECRET, post

START = Instant(PICTURE.received_at + SECOND, 1000.0)
TOKENS = {"cam1": TOKEN, "cam2": OTHER_TOKEN}


class House:
    """A relay to a service, with an archive and a clock that tests set."""

    def __init__(self, url: str, directory: Path, tokens: Mapping[str, str] = TOKENS) -> None:
        self.instant = START
        self.archive = DirectoryArchive(directory, reserve=0)
        self.said: dict[str, str] = {}
        self.relay = PrusaConnect(url, tokens, 10, lambda _name: self.said, self.archive, lambda: self.instant)
        self._pictures = 0

    def after(self, seconds: float) -> None:
        self.instant = Instant(self.instant.wall + round(seconds * SECOND), self.instant.mono + seconds)

    def lease(self, data: bytes = b"", camera: str = "cam1", **changes: Any) -> Lease:
        """A picture that has just come."""
        self._pictures += 1
        key = f"{camera}/2026/11/21/{self._pictures:012}-0123456789abcdef.jpg"
        self.archive.write(key, data or jpeg())
        wall = self.instant.wall
        picture = replace(PICTURE, id=self._pictures, key=key, received_at=wall, captured_at=wall)
        return lease_of(replace(picture, **changes), camera)

    async def deliver(self, data: bytes = b"", camera: str = "cam1", **changes: Any) -> Outcome:
        return await self.relay.deliver(self.lease(data, camera, **changes))


def lease_of(picture: Picture | None, camera: str = "cam1") -> Lease:
    delivery = replace(DELIVERY, recipient=camera, attachment=picture.key if picture else "gone", alarm_id=None)
    return Lease(delivery, 1, None, picture=StoredPicture(picture, camera) if picture else None)


@pytest.fixture
def service() -> Iterator[FakePrusaConnect]:
    with fake_prusaconnect() as made:
        yield made


@pytest.fixture
async def house(service: FakePrusaConnect, tmp_path: Path) -> AsyncIterator[House]:
    made = House(service.url, tmp_path)
    yield made
    await made.relay.close()


def answering(status: int, body: bytes = b"", **headers: str) -> Fault:
    return Fault(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


async def test_a_picture_is_shown_as_the_interface_says(service: FakePrusaConnect, house: House) -> None:
    assert await house.deliver() == Delivered()
    assert service.snapshots == {TOKEN: [jpeg()], OTHER_TOKEN: []}
    shown = service.asked[0]
    assert shown.headers["content-type"] == "image/jpg"
    assert shown.headers["user-agent"] == f"alarmd/{__version__}"
    assert service.fingerprints[TOKEN] == fingerprint(TOKEN)


def test_a_fingerprint_follows_from_the_token_and_is_of_the_allowed_length() -> None:
    assert fingerprint(TOKEN) == sha256(f"alarmd camera {TOKEN}".encode()).hexdigest()  # for ever, see there
    assert 16 <= len(fingerprint(TOKEN)) <= 64
    assert fingerprint(TOKEN) != fingerprint(OTHER_TOKEN)
    assert TOKEN not in fingerprint(TOKEN)


async def test_what_a_camera_is_is_told_once_and_again_when_it_changes(service: FakePrusaConnect, house: House) -> None:
    for _ in range(2):
        assert await house.deliver() == Delivered()
        house.after(10)
    assert service.infos[TOKEN] == [
        {
            "config": {
                "name": "cam1",
                "trigger_scheme": "TEN_SEC",
                "resolution": {"width": PICTURE.width, "height": PICTURE.height},
                "driver": "alarmd",
                "firmware": __version__,
                "manufacturer": "alarmd",
                "model": "LFCP camera",
            },
            "options": {"available_resolutions": [{"width": PICTURE.width, "height": PICTURE.height}]},
            "capabilities": ["imaging"],
        }
    ]
    house.said = {"model": "ESP32-CAM", "firmware": "1.1.0", "wifi_ssid": "home"}
    await house.deliver(width=1600, height=1200)
    config = service.infos[TOKEN][1]["config"]
    assert (config["model"], config["resolution"]) == ("ESP32-CAM", {"width": 1600, "height": 1200})
    assert "home" not in json.dumps(service.infos)


@pytest.mark.parametrize(("status", "told_again"), [(500, True), (400, False)])
async def test_a_picture_is_delivered_though_the_camera_could_not_be_described(
    service: FakePrusaConnect, house: House, status: int, told_again: bool
) -> None:
    service.fault = lambda put: answering(status) if put.path == "/c/info" else None
    assert await house.deliver() == Delivered()
    house.after(10)
    assert await house.deliver() == Delivered()
    assert [put.path for put in service.asked].count("/c/info") == (2 if told_again else 1)


async def test_a_lost_answer_about_the_camera_costs_nothing(service: FakePrusaConnect, house: House) -> None:
    service.fault = lambda put: Fault() if put.path == "/c/info" else None
    assert await house.deliver() == Delivered()
    assert len(service.snapshots[TOKEN]) == 1


@pytest.mark.parametrize(
    ("every", "scheme"), [(10, "TEN_SEC"), (29.9, "TEN_SEC"), (30, "THIRTY_SEC"), (60, "SIXTY_SEC"), (600, "SIXTY_SEC")]
)
def test_the_trigger_scheme_is_the_interfaces_nearest_word(every: float, scheme: str) -> None:
    assert trigger_scheme(every) == scheme


async def test_two_pictures_of_a_camera_are_ten_seconds_apart_and_other_cameras_do_not_wait(
    service: FakePrusaConnect, house: House
) -> None:
    assert await house.deliver() == Delivered()
    house.after(4)
    assert await house.deliver() == Later(6.0)
    assert house.relay.busy(urgent=False) == {"cam1": 6.0}
    assert await house.deliver(camera="cam2") == Delivered()
    house.after(6)
    assert "cam1" not in house.relay.busy(urgent=False)
    assert await house.deliver() == Delivered()
    assert len(service.snapshots[TOKEN]) == 2


async def test_of_pictures_that_wait_only_the_newest_is_shown(service: FakePrusaConnect, house: House) -> None:
    leases = []
    for quality in (50, 60, 70):
        leases.append(house.lease(jpeg(quality=quality)))
        house.after(1)
    outcomes = await asyncio.gather(*map(house.relay.deliver, leases))
    assert [type(one) for one in outcomes] == [Obsolete, Obsolete, Delivered]
    assert service.snapshots[TOKEN] == [jpeg(quality=70)]


async def test_after_an_outage_the_newest_takes_the_place_of_those_that_failed(
    service: FakePrusaConnect, house: House
) -> None:
    service.fault = lambda _put: answering(503)
    older = house.lease(jpeg(quality=50))
    assert await house.relay.deliver(older) == TryAgain(None, "it answers 503")
    house.after(10)
    service.fault = lambda _put: None
    assert await house.deliver() == Delivered()
    house.after(10)
    assert await house.relay.deliver(older) == Obsolete("a newer picture of this camera takes its place")
    assert service.snapshots[TOKEN] == [jpeg()]


async def test_an_old_picture_is_never_shown_as_live(service: FakePrusaConnect, house: House) -> None:
    waiting = house.lease()
    house.after(60.1)
    assert "more than 60 s ago" in str(await house.relay.deliver(waiting))
    from_its_card = await house.deliver(captured_at=house.instant.wall - 3600 * SECOND)
    assert "more than 60 s ago" in str(from_its_card)
    assert service.asked == []
    ahead = await house.deliver(captured_at=house.instant.wall + 3600 * SECOND)
    assert ahead == Delivered()
    house.after(10)
    assert await house.deliver() == Delivered()  # the clock that was ahead did not make this one old


async def test_a_clock_that_is_set_back_stops_nothing(service: FakePrusaConnect, house: House) -> None:
    assert await house.deliver() == Delivered()
    waiting = house.lease()
    house.instant = Instant(house.instant.wall - 86_400 * SECOND, house.instant.mono + 10)
    assert isinstance(await house.relay.deliver(waiting), Obsolete)  # nobody knows how old it is
    assert await house.deliver() == Delivered()
    assert len(service.snapshots[TOKEN]) == 2


@pytest.mark.parametrize(
    ("info", "said"),
    [
        ('{"config": {"model": "ESP32-CAM", "name": null, "resolution": {"width": 640}}}', {"model": "ESP32-CAM"}),
        ('{"config": {"model": "ESP3', {}),
        ('{"config": []}', {}),
        ("[]", {}),
        ("{}", {}),
        ("", {}),
    ],
)
def test_what_a_camera_said_of_itself_is_passed_on_as_far_as_it_can_be_read(info: str, said: dict[str, str]) -> None:
    play = Playbook().adopt("cam1")
    state = play.engine.state
    assert said_of(state, "cam1") == said_of(state, "nobody") == {}
    device = state.sessions["cam1"].device.id
    state.cameras[device] = replace(CAMERA, device_id=device, info=info)
    assert said_of(state, "cam1") == said


async def test_a_picture_that_is_gone_is_not_missed(service: FakePrusaConnect, house: House) -> None:
    assert isinstance(await house.relay.deliver(lease_of(None)), Obsolete)
    assert isinstance(await house.relay.deliver(lease_of(replace(PICTURE, key="cam1/gone.jpg"))), Obsolete)
    assert isinstance(await house.deliver(camera="cam3"), Obsolete)
    assert service.asked == []


@pytest.mark.parametrize(
    ("status", "pause", "told"),
    [
        (401, 3600.0, "put its token here"),
        (403, 3600.0, "put its token here"),
        (404, 3600.0, "put its token here"),
        (400, 300.0, "it answers 400"),
        (422, 300.0, "it answers 422"),
    ],
)
async def test_a_refused_camera_is_told_of_once_and_left_alone_for_a_while(
    service: FakePrusaConnect, house: House, status: int, pause: float, told: str
) -> None:
    service.fault = lambda put: answering(status) if put.headers["token"] == TOKEN else None
    outcome = await house.deliver()
    assert isinstance(outcome, GiveUp)
    assert outcome.reason.startswith("cam1: ")
    assert told in outcome.reason
    house.after(pause - 1)
    assert await house.deliver() == Obsolete(outcome.reason)
    assert await house.deliver(camera="cam2") == Delivered()
    house.after(2)
    assert isinstance(await house.deliver(), GiveUp)


async def test_an_unknown_token_and_a_token_of_another_uploader_are_named_as_such(
    service: FakePrusaConnect, house: House
) -> None:
    service.fingerprints[TOKEN] = "somebody-elses-16"
    assert "FORBIDDEN_INVALID_FINGERPRINT" in str(await house.deliver())
    del service.fingerprints[OTHER_TOKEN]
    outcome = str(await house.deliver(camera="cam2"))
    assert "FORBIDDEN_INVALID_TOKEN" in outcome
    assert OTHER_TOKEN not in outcome  # the service's own text has it


@pytest.mark.parametrize("status", [301, 408, 425, 500, 502, 503, 504])
async def test_what_may_work_later_is_tried_again(service: FakePrusaConnect, house: House, status: int) -> None:
    service.fault = lambda _put: answering(status)
    assert await house.deliver() == TryAgain(None, f"it answers {status}")


async def test_a_retry_after_of_the_whole_service_is_heard(service: FakePrusaConnect, house: House) -> None:
    service.fault = lambda _put: answering(503, b'{"code": "OVERLOADED"}', Retry_After="17")
    assert await house.deliver() == TryAgain(17.0, "it answers 503 OVERLOADED")


@pytest.mark.parametrize(("said", "wait"), [("17", 17.0), ("3", 10.0), ("", 10.0)])
async def test_a_camera_that_is_asked_to_slow_down_delays_no_other(
    service: FakePrusaConnect, house: House, said: str, wait: float
) -> None:
    service.fault = lambda put: answering(429, Retry_After=said) if put.headers["token"] == TOKEN else None
    assert await house.deliver() == Later(wait)
    assert house.relay.busy(urgent=True) == {"cam1": wait}
    assert await house.deliver(camera="cam2") == Delivered()


async def test_rubbish_in_an_error_is_an_error_all_the_same(service: FakePrusaConnect, house: House) -> None:
    service.fault = lambda _put: answering(500, b'{"code": "' + b"A" * 100_000)
    assert await house.deliver() == TryAgain(None, "it answers 500")


async def test_a_service_that_is_down_or_silent_is_tried_again(house: House, service: FakePrusaConnect) -> None:
    service.fault = lambda _put: Fault(hang=True)
    house.relay._client.timeout = httpx.Timeout(0.2)
    assert await house.deliver() == TryAgain(None, "no answer: ReadTimeout")
    house.relay._client.base_url = httpx.URL("http://127.0.0.1:1")
    house.after(10)
    assert await house.deliver() == TryAgain(None, "no answer: ConnectError")


async def test_a_picture_that_is_too_large_is_made_smaller(service: FakePrusaConnect, house: House) -> None:
    large = jpeg(1280, 960, quality=95)
    service.max_snapshot = len(large) // 2
    assert await house.deliver(large) == Delivered()
    assert [put.path for put in service.asked].count("/c/snapshot") == 2
    house.after(10)
    assert await house.deliver(large) == Delivered()
    assert [put.path for put in service.asked].count("/c/snapshot") == 3  # what was learnt is remembered
    assert all(len(one) <= service.max_snapshot for one in service.snapshots[TOKEN])


async def test_a_service_that_finds_everything_too_large_is_told_of(service: FakePrusaConnect, house: House) -> None:
    service.max_snapshot = 1000
    outcome = await house.deliver(jpeg(1280, 960, quality=95))
    assert isinstance(outcome, GiveUp)
    assert "REQUEST_ENTITY_TOO_LARGE" in outcome.reason


async def test_a_picture_that_cannot_be_made_smaller_is_given_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_data: bytes, _limit: int) -> bytes:
        raise PictureRefusedError(PictureFault.TOO_LONG, "cannot be shrunk")

    monkeypatch.setattr(prusaconnect, "shrunk", refuse)
    assert await house.deliver() == GiveUp("cannot be shrunk")


async def test_pictures_of_one_camera_wait_for_each_other_and_not_for_another_ones(
    service: FakePrusaConnect, house: House
) -> None:
    service.fault = lambda put: Fault(hang=True) if put.headers["token"] == TOKEN else None
    stuck = asyncio.create_task(house.deliver())
    await until(lambda: service.asked, "the first camera's picture")
    assert await house.deliver(camera="cam2") == Delivered()
    assert not stuck.done()
    stuck.cancel()


async def test_no_token_is_in_what_is_said(service: FakePrusaConnect, house: House) -> None:
    service.fault = lambda put: answering(403, json.dumps({"code": "X", "message": put.headers["token"]}).encode())
    said = repr(await house.deliver()) + repr(house.relay) + repr(house.relay._cameras)
    assert TOKEN not in said


async def test_another_alarmd_takes_its_pictures(tmp_path: Path) -> None:
    with post() as office:
        house = House(f"http://127.0.0.1:{office.port}", tmp_path, {"cam1": SECRET})
        assert await house.deliver() == Delivered()
        assert office.stored[0].data == jpeg()
        assert office.introduced[-1].fingerprint == fingerprint(SECRET)
        await house.relay.close()
