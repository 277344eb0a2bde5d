"""kill -9 while pictures come and go: none that was acknowledged is lost, and nobody sees one twice too often."""

import json
import signal
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from tests.end_to_end.cameras import GENEROUS, adopted, shown
from tests.end_to_end.places import BUCKET, all_told, archived, copies, held, prusaconnect, webhook
from tests.fakes.prusaconnect import TOKEN, FakePrusaConnect, Fault, Put
from tests.fakes.receiver import Receiver, Reply
from tests.fakes.tcp_proxy import tcp_proxy
from tests.frames.pictures import inspect, jpeg
from tests.serving import LOOPBACK, Served, served
from tests.waiting import LIMIT, wait_until

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

SENDERS = 4
ENOUGH = 40  # pictures acknowledged before the kill
STORED = 204


@pytest.mark.prove
def test_a_picture_that_was_not_acknowledged_is_whole_and_can_be_known_again(tmp_path: Path) -> None:
    """Killed between the archive and the commit, which a lock of the database keeps apart here."""
    first, second = jpeg(quality=60), jpeg(quality=70)
    with served(tmp_path) as server:
        secret = adopted(server, "cam1")
        assert shown(server, secret, first).status_code == STORED
        with locked(server), ThreadPoolExecutor(1) as sender:
            answer = sender.submit(shown, server, secret, second)
            wait_until(lambda: archived(server) == [first, second], "the file in the archive")
            server.stop(signal.SIGKILL)
            assert isinstance(answer.exception(), httpx.TransportError), "it heard no word of it"
        server.start()
        assert [one["size"] for one in known(server)] == [len(first)]
        assert server.stop() == 0
        assert server.told("archive", "rebuild")["added"] == 1
        server.start()
        assert sorted(one["size"] for one in known(server)) == sorted([len(first), len(second)])
        assert shown(server, secret, second).status_code == STORED


@contextmanager
def locked(server: Served) -> Iterator[None]:
    """Nothing can be committed."""
    database = sqlite3.connect(server.state / "alarmd.sqlite", isolation_level=None)
    try:
        database.execute("BEGIN IMMEDIATE")
        yield
    finally:
        database.close()


def known(server: Served) -> list[dict[str, object]]:
    listed: list[dict[str, object]] = json.loads(server.get("/api/v1/pictures?limit=1000"))["pictures"]
    return listed


def test_no_acknowledged_picture_is_lost_by_a_kill_and_none_is_half(tmp_path: Path) -> None:
    with served(tmp_path, **GENEROUS) as server:
        prove(server)


def test_no_acknowledged_picture_is_lost_by_a_kill_on_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    with served(tmp_path, STORAGE_URL=postgresql_url, **GENEROUS) as server:
        prove(server)


def prove(server: Served) -> None:
    acknowledged = kill_under_load(server)
    kept = archived(server)
    assert acknowledged <= set(kept)
    assert [inspect(picture).data for picture in kept] == kept
    assert {inspect(picture).digest for picture in acknowledged} <= {one["digest"] for one in known(server)}
    assert list((server.state / "archive" / ".partial").iterdir()) == []


def kill_under_load(server: Served) -> set[bytes]:
    """Pictures that were acknowledged before; the server is there again."""
    url = f"http://{LOOPBACK}:{server.ingest_port}/u/{adopted(server, 'cam1')}"
    acknowledged, numbers, stopping = set[bytes](), count(), threading.Event()

    def send() -> None:
        with httpx.Client(verify=False, timeout=LIMIT) as client, suppress(httpx.TransportError):
            while not stopping.is_set():
                number = next(numbers)
                picture = jpeg(64 + number % 200, 48 + number // 200, quality=75)
                if client.post(url, content=picture).status_code == STORED:
                    acknowledged.add(picture)

    with ThreadPoolExecutor(SENDERS) as senders:
        sending = [senders.submit(send) for _ in range(SENDERS)]
        wait_until(lambda: len(acknowledged) >= ENOUGH, "pictures")
        server.stop(signal.SIGKILL)
        stopping.set()
    assert [one.result() for one in sending] == [None] * SENDERS
    server.start()
    return acknowledged


def test_a_server_killed_between_showing_a_picture_and_noting_it_shows_it_twice_at_most(
    tmp_path: Path, service: FakePrusaConnect, moto: str, bucket: "S3Client", hook: Receiver
) -> None:
    """To PrusaConnect, which cannot be asked; a bucket and a webhook know it again."""
    bucket.create_bucket(Bucket=BUCKET)
    moto_at = urlsplit(moto)
    assert moto_at.hostname is not None
    assert moto_at.port is not None

    def show_and_say_nothing(put: Put) -> Fault:
        service.carry_out(put)
        return Fault(hang=True)

    with tcp_proxy(moto_at.hostname, moto_at.port) as line:
        settings = prusaconnect(service, {"cam1": TOKEN}) | copies(f"http://{LOOPBACK}:{line.port}") | webhook(hook)
        with served(tmp_path, PICTURES_DESTINATIONS="printer,copy,hook", **settings) as server:
            secret, picture = adopted(server, "cam1"), jpeg()
            service.fault, line.cut_answers = show_and_say_nothing, True
            hook.reply = lambda _request: Reply(hang=True)
            assert shown(server, secret, picture).status_code == STORED
            wait_until(lambda: hook.received and held(bucket) and service.snapshots[TOKEN], "the first attempts")
            server.stop(signal.SIGKILL)
            service.fault, line.cut_answers = lambda _put: None, False
            hook.reply = lambda _request: Reply()
            server.start()
            wait_until(lambda: all_told(server), "the outbox")
    assert service.snapshots[TOKEN] == [picture, picture]
    assert held(bucket) == [picture]
    assert len(hook.received) == 2
    assert len({request.headers["Idempotency-Key"] for request in hook.received}) == 1
