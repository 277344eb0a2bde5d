"""Pictures as they reach PrusaConnect and a bucket: from a real upload to a real server that also dies."""

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from tests.end_to_end.cameras import adopted, shown
from tests.end_to_end.places import BUCKET, SECRET_KEY, copies, held, prusaconnect, webhook
from tests.fakes.prusaconnect import OTHER_TOKEN, TOKEN, FakePrusaConnect
from tests.fakes.receiver import Receiver
from tests.frames.pictures import jpeg
from tests.serving import Served, served
from tests.waiting import wait_until

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


def configured(service: FakePrusaConnect, moto: str) -> dict[str, str]:
    both = prusaconnect(service, {"cam1": TOKEN, "cam2": OTHER_TOKEN}) | copies(moto)
    return both | {"PICTURES_DESTINATIONS": "printer,copy"}


def upload(server: Served, secret: str, data: bytes) -> None:
    assert shown(server, secret, data).status_code == 204


def test_every_picture_reaches_a_bucket_that_was_made_later_and_only_live_ones_are_shown(
    tmp_path: Path, service: FakePrusaConnect, moto: str, bucket: "S3Client"
) -> None:
    with served(tmp_path, **configured(service, moto)) as server:
        secret = adopted(server, "cam1")
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
        assert all(word not in server.log_text() for word in (TOKEN, SECRET_KEY, secret))


def test_a_camera_that_prusaconnect_refuses_keeps_nothing_from_the_others(
    tmp_path: Path, service: FakePrusaConnect, moto: str, bucket: "S3Client"
) -> None:
    bucket.create_bucket(Bucket=BUCKET)
    del service.fingerprints[TOKEN]
    with served(tmp_path, **configured(service, moto)) as server:
        refused, fine = adopted(server, "cam1"), adopted(server, "cam2")
        upload(server, refused, jpeg(quality=60))
        abandoned = "/api/v1/events?kind=delivery_abandoned"
        wait_until(lambda: "put its token here" in server.get(abandoned), "the event")
        upload(server, fine, jpeg(quality=70))
        wait_until(lambda: service.snapshots[OTHER_TOKEN], "the other camera's picture")
        wait_until(lambda: len(held(bucket)) == 2, "the copies")


def test_a_webhook_hears_of_a_picture_of_no_alarm(tmp_path: Path, hook: Receiver) -> None:
    with served(tmp_path, PICTURES_DESTINATIONS="hook,log", **webhook(hook)) as server:
        upload(server, adopted(server, "cam1"), jpeg())
        wait_until(lambda: hook.received and server.logged("picture"), "the message and the line")
        told = json.loads(hook.received[0].body)
    assert (told["subject"], told["alarm"], told["picture"]["device"]) == ("picture", None, "cam1")
    assert told["picture"]["size"] == len(jpeg())
