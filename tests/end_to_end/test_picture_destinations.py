"""Pictures as they reach PrusaConnect and a bucket: from a real upload to a real server that also dies."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from tests.fakes.prusaconnect import OTHER_TOKEN, TOKEN, FakePrusaConnect, fake_prusaconnect
from tests.fakes.receiver import receiver
from tests.frames.pictures import jpeg
from tests.serving import LOOPBACK, Served, served
from tests.waiting import wait_until

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

BUCKET = "pictures-of-the-garden"
KEY = "the-secret-key-of-the-bucket"


@pytest.fixture
def service() -> Iterator[FakePrusaConnect]:
    with fake_prusaconnect() as made:
        yield made


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(LOOPBACK, 0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def bucket(moto: str) -> "S3Client":
    httpx.post(f"{moto}/moto-api/reset")
    return boto3.client(
        "s3", endpoint_url=moto, region_name="us-east-1", aws_access_key_id="judge", aws_secret_access_key="judge"
    )


def configured(service: FakePrusaConnect, moto: str) -> dict[str, str]:
    return {
        "PICTURES_DESTINATIONS": "printer,copy",
        "DESTINATIONS_PRINTER_KIND": "prusaconnect",
        "DESTINATIONS_PRINTER_API": service.url,
        "DESTINATIONS_PRINTER_CAMERAS": f"cam1={TOKEN},cam2={OTHER_TOKEN}",
        "DESTINATIONS_COPY_KIND": "s3",
        "DESTINATIONS_COPY_BUCKET": BUCKET,
        "DESTINATIONS_COPY_ENDPOINT_URL": moto,
        "DESTINATIONS_COPY_ACCESS_KEY": "key",
        "DESTINATIONS_COPY_SECRET_KEY": KEY,
    }


def camera(server: Served, name: str) -> str:
    """A camera's upload secret."""
    server.ask(f"{name},HEARTBEAT,0,0,0,0,0,0".encode())
    server.command("device", "adopt", name)
    secret: str = server.told("camera", "token", name)["secret"]
    return secret


def upload(server: Served, secret: str, data: bytes) -> None:
    headers = {"Token": secret, "Fingerprint": f"camera-{secret}"[:20], "Content-Type": "image/jpg"}
    url = f"http://{LOOPBACK}:{server.ingest_port}/c/snapshot"
    assert httpx.put(url, content=data, headers=headers, timeout=30).status_code == 204


def held(bucket: "S3Client") -> list[bytes]:
    found = bucket.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return [bucket.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read() for one in found]


def test_every_picture_reaches_a_bucket_that_was_made_later_and_only_live_ones_are_shown(
    tmp_path: Path, service: FakePrusaConnect, moto: str, bucket: "S3Client"
) -> None:
    with served(tmp_path, **configured(service, moto)) as server:
        secret = camera(server, "cam1")
        for quality in (60, 70, 80):
            upload(server, secret, jpeg(quality=quality))
        wait_until(lambda: service.snapshots[TOKEN], "the first picture")
        server.stop(signal.SIGKILL)
        bucket.create_bucket(Bucket=BUCKET)
        server.start()
        wait_until(lambda: len(held(bucket)) == 3, "the copies")
        assert sorted(held(bucket)) == sorted(jpeg(quality=quality) for quality in (60, 70, 80))
        assert service.snapshots[TOKEN] == [jpeg(quality=60)]  # the others came within ten seconds
        assert server.stop() == 0
        assert all(word not in server.log_text() for word in (TOKEN, KEY, secret))


def test_a_camera_that_prusaconnect_refuses_keeps_nothing_from_the_others(
    tmp_path: Path, service: FakePrusaConnect, moto: str, bucket: "S3Client"
) -> None:
    bucket.create_bucket(Bucket=BUCKET)
    del service.fingerprints[TOKEN]
    with served(tmp_path, **configured(service, moto)) as server:
        refused, fine = camera(server, "cam1"), camera(server, "cam2")
        upload(server, refused, jpeg(quality=60))
        abandoned = "/api/v1/events?kind=delivery_abandoned"
        wait_until(lambda: "put its token here" in server.get(abandoned), "the event")
        upload(server, fine, jpeg(quality=70))
        wait_until(lambda: service.snapshots[OTHER_TOKEN], "the other camera's picture")
        wait_until(lambda: len(held(bucket)) == 2, "the copies")


def test_a_webhook_hears_of_a_picture_of_no_alarm(tmp_path: Path) -> None:
    with receiver() as hook:
        settings = {
            "PICTURES_DESTINATIONS": "hook,log",
            "DESTINATIONS_HOOK_KIND": "webhook",
            "DESTINATIONS_HOOK_URL": hook.url,
            "DESTINATIONS_HOOK_SECRET": "the receiver and we know it",
        }
        with served(tmp_path, **settings) as server:
            upload(server, camera(server, "cam1"), jpeg())
            wait_until(lambda: hook.received and server.logged("picture"), "the message and the line")
            told = json.loads(hook.received[0].body)
    assert (told["subject"], told["alarm"], told["picture"]["device"]) == ("picture", None, "cam1")
    assert told["picture"]["size"] == len(jpeg())
