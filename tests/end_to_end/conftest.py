"""What alarms and pictures go to, in tests of a whole server."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import pytest
from moto.server import ThreadedMotoServer

from tests.end_to_end.places import ANN, judge
from tests.fakes.prusaconnect import FakePrusaConnect, fake_prusaconnect
from tests.fakes.receiver import Receiver, receiver
from tests.fakes.telegram import FakeTelegram, fake_telegram
from tests.serving import LOOPBACK

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@pytest.fixture
def api() -> Iterator[FakeTelegram]:
    with fake_telegram() as made:
        made.add_chat(ANN)
        yield made


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


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
def bucket(moto: str) -> Iterator["S3Client"]:
    """Nothing is in it: it is not even made."""
    httpx.post(f"{moto}/moto-api/reset")
    made = judge(moto)
    yield made
    made.close()
