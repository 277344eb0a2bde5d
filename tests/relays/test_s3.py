"""Against moto's S3 over real HTTP, and over a line that is cut."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from alarmd.frames.archive import DirectoryArchive
from alarmd.relays import s3
from alarmd.relays.interface import Delivered, GiveUp, TryAgain
from alarmd.relays.s3 import S3, BucketSettings
from alarmd.storage.interface import Lease, StoredPicture
from tests.contracts.records import DELIVERY, PICTURE
from tests.fakes.receiver import Receiver, Reply, black_hole, receiver
from tests.fakes.tcp_proxy import TcpProxy, tcp_proxy
from tests.frames.pictures import jpeg

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

BUCKET = "pictures-of-the-garden"
KEY = PICTURE.key
DATA = jpeg(320, 240)
DIGEST = hashlib.sha256(DATA).hexdigest()
SECRET = "the-secret-key-of-these-tests"


@pytest.fixture(scope="module")
def moto() -> Iterator[tuple[str, int]]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield server.get_host_and_port()
    server.stop()


@pytest.fixture(autouse=True)
def no_chain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's own AWS configuration."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))


@pytest.fixture(scope="module")
def judge(moto: tuple[str, int]) -> Iterator["S3Client"]:
    url = "http://{}:{}".format(*moto)
    client: S3Client = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="judge", aws_secret_access_key="judge"
    )
    yield client
    client.close()


@pytest.fixture
def bucket(judge: "S3Client", moto: tuple[str, int]) -> "S3Client":
    """Empty; asked by a client of its own."""
    httpx.post("http://{}:{}/moto-api/reset".format(*moto))
    judge.create_bucket(Bucket=BUCKET)
    return judge


@pytest.fixture
def line(moto: tuple[str, int]) -> Iterator[TcpProxy]:
    with tcp_proxy(*moto) as made:
        yield made


@pytest.fixture
def archive(tmp_path: Path) -> DirectoryArchive:
    made = DirectoryArchive(tmp_path / "archive", reserve=0)
    made.write(KEY, DATA)
    return made


def settings(port: int, **changes: str) -> BucketSettings:
    url = f"http://127.0.0.1:{port}"
    return replace(BucketSettings(BUCKET, endpoint_url=url, access_key="key", secret_key=SECRET), **changes)


@pytest.fixture
async def relay(line: TcpProxy, archive: DirectoryArchive, bucket: "S3Client") -> AsyncIterator[S3]:
    made = S3(settings(line.port, prefix="home/"), archive)
    yield made
    await made.close()


def lease(key: str = KEY, attempt: int = 1, **changes: Any) -> Lease:
    picture = StoredPicture(replace(PICTURE, key=key, digest=DIGEST), "cam1")
    return replace(Lease(replace(DELIVERY, attachment=key), attempt, None, picture=picture), **changes)


def held(bucket: "S3Client", key: str = f"home/{KEY}") -> bytes:
    return bucket.get_object(Bucket=BUCKET, Key=key)["Body"].read()


def keys(bucket: "S3Client") -> list[str]:
    return [one["Key"] for one in bucket.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


async def test_a_picture_is_copied_under_its_key(relay: S3, bucket: "S3Client") -> None:
    assert await relay.deliver(lease()) == Delivered()
    found = bucket.head_object(Bucket=BUCKET, Key=f"home/{KEY}")
    assert held(bucket) == DATA
    assert (found["ContentType"], found["Metadata"]) == ("image/jpeg", {"sha256": DIGEST})


async def test_its_md5_goes_with_it_and_no_checksum_that_others_than_amazon_refuse(relay: S3, line: TcpProxy) -> None:
    await relay.deliver(lease())
    head = line.said.partition(b"\r\n\r\n")[0].lower()
    assert b"content-md5: " in head
    assert b"aws-chunked" not in head
    assert b"x-amz-checksum" not in head


async def test_films_and_manifests_go_there_as_what_they_are(
    relay: S3, bucket: "S3Client", archive: DirectoryArchive
) -> None:
    manifest, film = "cam1/manifests/00000001-2025-06-15.json", "cam1/films/2025-06-15.mp4"
    for key in (manifest, film):
        archive.write(key, b"{}")
        assert await relay.deliver(lease(key, picture=None)) == Delivered()
    types = [bucket.head_object(Bucket=BUCKET, Key=f"home/{key}")["ContentType"] for key in (manifest, film)]
    assert types == ["application/json", "video/mp4"]


@pytest.mark.parametrize("again", [{"attempt": 2}, {"uncertain": True}])
async def test_what_is_there_already_is_not_copied_twice(
    relay: S3, bucket: "S3Client", line: TcpProxy, again: dict[str, Any]
) -> None:
    bucket.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    assert await relay.deliver(lease()) == Delivered()
    assert await relay.deliver(lease(**again)) == Delivered()
    assert len(bucket.list_object_versions(Bucket=BUCKET)["Versions"]) == 1


async def test_what_is_there_with_other_bytes_is_replaced(relay: S3, bucket: "S3Client") -> None:
    bucket.put_object(Bucket=BUCKET, Key=f"home/{KEY}", Body=b"something else")
    assert await relay.deliver(lease(attempt=2)) == Delivered()
    assert held(bucket) == DATA


async def test_half_an_upload_is_never_taken_and_the_next_try_is_whole(
    relay: S3, bucket: "S3Client", line: TcpProxy
) -> None:
    line.cut_after = len(DATA) // 2
    outcome = await relay.deliver(lease())
    assert isinstance(outcome, TryAgain)
    assert "no answer" in outcome.reason
    assert keys(bucket) == []
    line.cut_after = None
    assert await relay.deliver(lease(attempt=2)) == Delivered()
    assert held(bucket) == DATA


async def test_a_lost_answer_costs_no_second_copy(relay: S3, bucket: "S3Client", line: TcpProxy) -> None:
    line.cut_answers = True
    assert isinstance(await relay.deliver(lease()), TryAgain)
    line.cut_answers, line.said = False, b""
    assert await relay.deliver(lease(attempt=2)) == Delivered()
    assert keys(bucket) == [f"home/{KEY}"]
    assert b"PUT /" not in line.said


async def test_a_bucket_that_is_missing_is_told_of_and_used_once_it_is_made(relay: S3, bucket: "S3Client") -> None:
    bucket.delete_bucket(Bucket=BUCKET)
    outcome = await relay.deliver(lease())
    assert outcome == TryAgain(None, "it answers 404 NoSuchBucket; make the bucket, or correct its name")
    assert isinstance(await relay.deliver(lease(attempt=2)), TryAgain)
    bucket.create_bucket(Bucket=BUCKET)
    assert await relay.deliver(lease(attempt=3)) == Delivered()


async def test_refused_credentials_are_told_of_without_them(
    relay: S3, bucket: "S3Client", moto: tuple[str, int]
) -> None:
    httpx.post("http://{}:{}/moto-api/reset-auth".format(*moto), content="0")
    try:
        outcome = await relay.deliver(lease())
        again = await relay.deliver(lease(attempt=2))
    finally:
        httpx.post("http://{}:{}/moto-api/reset-auth".format(*moto), content="1000000")
    assert outcome == TryAgain(None, "it answers 403 InvalidAccessKeyId; check access_key and secret_key")
    assert again == outcome
    assert SECRET not in repr(outcome) + repr(relay) + repr(settings(1))


async def test_credentials_may_come_from_the_usual_chain_and_are_missed_where_there_are_none(
    line: TcpProxy, archive: DirectoryArchive, bucket: "S3Client", monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = settings(line.port, access_key="", secret_key="")
    relay = S3(bare, archive)
    outcome = await relay.deliver(lease())
    assert outcome == TryAgain(None, "no credentials: set access_key and secret_key (NoCredentialsError)")
    await relay.close()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    relay = S3(bare, archive)
    assert await relay.deliver(lease()) == Delivered()
    assert keys(bucket) == [KEY]
    await relay.close()


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[S3, Receiver]]:
    """A relay to a server whose answers tests choose; one for all, for a client takes a while to make."""
    archive = DirectoryArchive(tmp_path_factory.mktemp("archive"), reserve=0)
    archive.write(KEY, DATA)
    with receiver() as server:
        relay = S3(settings(urlsplit(server.url).port or 0), archive)
        yield relay, server
        asyncio.run(relay.close())


def error(status: int, code: str) -> Reply:
    return Reply(status, body=f"<Error><Code>{code}</Code><Message>{SECRET}</Message></Error>".encode())


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (error(503, "SlowDown"), TryAgain(None, "it answers 503 SlowDown")),
        (error(500, "InternalError"), TryAgain(None, "it answers 500 InternalError")),
        (error(200, "InternalError"), TryAgain(None, "it answers 500 InternalError")),
        (error(400, "BadDigest"), TryAgain(None, "it answers 400 BadDigest")),
        (error(400, "IncompleteBody"), TryAgain(None, "it answers 400 IncompleteBody")),
        (error(403, "AccessDenied"), TryAgain(None, f"it answers 403 AccessDenied; {s3.FIXES['AccessDenied']}")),
        (error(400, "EntityTooLarge"), GiveUp("it answers 400 EntityTooLarge")),
        (error(400, "KeyTooLongError"), GiveUp("it answers 400 KeyTooLongError")),
        (error(400, f"?{SECRET}"), TryAgain(None, "it answers 400")),
        (Reply(200), TryAgain(None, "it answers, but not as S3 does: correct endpoint_url")),
    ],
)
async def test_what_a_person_or_time_will_mend_is_tried_again(
    refusing: tuple[S3, Receiver], reply: Reply, expected: object
) -> None:
    relay, server = refusing
    server.reply = lambda _request: reply
    assert await relay.deliver(lease()) == expected


async def test_a_server_in_trouble_is_not_asked_for_more_when_it_does_not_say_what_it_has(
    refusing: tuple[S3, Receiver],
) -> None:
    relay, server = refusing
    server.received.clear()
    server.reply = lambda _request: Reply(503)
    assert await relay.deliver(lease(attempt=2)) == TryAgain(None, "it answers 503")
    assert len(server.received) == 1


async def test_a_server_that_is_down_or_silent_is_tried_again(
    archive: DirectoryArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "READ", 0.2)
    with black_hole() as port:
        relay = S3(settings(port), archive)
        assert await relay.deliver(lease()) == TryAgain(None, "no answer: ReadTimeoutError")
        await relay.close()
    relay = S3(settings(port), archive)
    assert await relay.deliver(lease()) == TryAgain(None, "no answer: EndpointConnectionError")
    await relay.close()


async def test_a_picture_that_is_gone_or_altered_is_given_up(
    relay: S3, archive: DirectoryArchive, line: TcpProxy
) -> None:
    archive.path(KEY).write_bytes(jpeg(64, 48))
    altered = await relay.deliver(lease())
    archive.delete(KEY)
    gone = await relay.deliver(lease())
    assert isinstance(altered, GiveUp)
    assert isinstance(gone, GiveUp)
    assert ("was altered" in altered.reason, "was deleted" in gone.reason) == (True, True)
    assert line.connections == 0


async def test_it_never_asks_for_a_pause(relay: S3) -> None:
    assert relay.busy(urgent=True) == {}
