"""Destinations of pictures that fail in every way that they can: alarms and pictures reach the others, and themselves
once they work again."""

import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.end_to_end.cameras import adopted, operator, shown
from tests.end_to_end.places import ANN, BUCKET, all_told, copies, held, prusaconnect, telegram, webhook
from tests.fakes import prusaconnect as service_fake
from tests.fakes.prusaconnect import FakePrusaConnect
from tests.fakes.receiver import Receiver
from tests.fakes.tcp_proxy import tcp_proxy
from tests.fakes.telegram import FakeTelegram, Fault
from tests.frames.pictures import jpeg
from tests.serving import Served, served
from tests.waiting import wait_until

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

STORED = 204
BUSY = {
    "ok": False,
    "error_code": 429,
    "description": "Too Many Requests: retry after 1",
    "parameters": {"retry_after": 1},
}
LEFT_ALONE = "a destination takes no messages; it is tried now and then, and nothing is lost"
TELEGRAMS = {
    "down": Fault(status=502, body=b"<html>Bad Gateway"),
    "limiting": Fault(status=429, body=json.dumps(BUSY).encode()),
    "rubbish": Fault(status=200, body=b"<html>Welcome to the hotel's network"),
    "silent": Fault(),
}


def pictures_told(hook: Receiver) -> list[int]:
    """Sizes of the pictures that a webhook heard of."""
    told = [json.loads(request.body) for request in hook.received]
    return [one["picture"]["size"] for one in told if one["subject"] == "picture"]


@pytest.mark.prove
def test_whatever_telegram_does_others_are_told_and_its_chats_once_it_is_well(
    tmp_path: Path, api: FakeTelegram, hook: Receiver
) -> None:
    with served(tmp_path, ALARMS_DESTINATIONS="phone,hook", **telegram(api), **webhook(hook)) as server:
        sent = []
        for number, (name, fault) in enumerate(TELEGRAMS.items()):
            camera, picture = f"cam{number}", jpeg(quality=60 + number)
            secret = adopted(server, camera)
            api.fault = lambda method, _parameters, fault=fault: None if method == "getUpdates" else fault
            server.ask(f"{camera},MOAL,{name},0,0,0,0,0".encode())
            assert shown(server, secret, picture).status_code == STORED
            sent.append(len(picture))
            wait_until(lambda: pictures_told(hook) == sent, f"the webhook, while Telegram is {name}")
            if name != "silent":
                api.fault = lambda _method, _parameters: None
                wait_until(lambda: in_chat(api, name) == picture, f"the picture, after Telegram was {name}")  # noqa: B023
        assert server.stop() == 0
        assert not server.logged("a delivery failed in an unforeseen way")


def in_chat(api: FakeTelegram, name: str) -> bytes | None:
    """The picture in the newest message of an alarm."""
    found = [one for one in api.posted if one.chat.id == ANN and name in one.text and one.media is not None]
    return found[-1].media.data if found and found[-1].media is not None else None


def test_cameras_that_prusaconnect_fails_in_every_way_keep_nothing_from_another_or_a_bucket(
    tmp_path: Path, service: FakePrusaConnect, moto: str, bucket: "S3Client", hook: Receiver
) -> None:
    bucket.create_bucket(Bucket=BUCKET)
    statuses = {f"refused{status}": status for status in (401, 403, 404)}
    failing = statuses | {"broken500": 500, "broken503": 503, "silent": None}
    tokens = {name: f"TokenOfTheCamera{number:04}" for number, name in enumerate(failing)} | {
        "fine": service_fake.TOKEN
    }
    names = {token: name for name, token in tokens.items()}

    def fault(put: service_fake.Put) -> service_fake.Fault | None:
        name = names[put.headers["token"]]
        return service_fake.Fault(failing[name], b"{}", hang=True) if name in failing else None

    service.fault = fault
    settings = prusaconnect(service, tokens) | copies(moto) | webhook(hook)
    with served(tmp_path, ALARMS_DESTINATIONS="hook", PICTURES_DESTINATIONS="printer,copy", **settings) as server:
        pictures = []
        for number, name in enumerate((*statuses, "fine", "broken500", "broken503", "silent")):
            pictures.append(jpeg(quality=60 + number))
            assert shown(server, adopted(server, name), pictures[-1]).status_code == STORED
        asked = lambda: {names[put.headers["token"]] for put in service.asked}  # noqa: E731
        wait_until(lambda: asked() == set(tokens), "an attempt for each")
        wait_until(lambda: service.snapshots[service_fake.TOKEN] == [pictures[3]], "the camera that works")
        wait_until(lambda: sorted(held(bucket)) == sorted(pictures), "the copies")
        server.ask(b"fine,MOAL,gate,0,0,0,0,0")
        wait_until(lambda: hook.received, "the alarm")
        wait_until(lambda: given_up(server) == set(statuses), "what is refused for good, and that alone")


def given_up(server: Served) -> set[str]:
    events = json.loads(server.get("/api/v1/events?kind=delivery_abandoned"))["events"]
    return {word.strip(":,") for event in events for word in event["text"].split() if word.startswith("refused")}


def test_a_bucket_that_gets_half_an_upload_gets_it_whole_later_and_others_at_once(
    tmp_path: Path, moto: str, bucket: "S3Client", hook: Receiver
) -> None:
    bucket.create_bucket(Bucket=BUCKET)
    at, picture = urlsplit(moto), jpeg(320, 240)
    assert at.hostname is not None
    assert at.port is not None
    with tcp_proxy(at.hostname, at.port) as line:
        line.cut_after = len(picture) // 2
        settings = copies(f"http://127.0.0.1:{line.port}") | webhook(hook)
        with served(tmp_path, PICTURES_DESTINATIONS="copy,hook", **settings) as server:
            assert shown(server, adopted(server, "cam1"), picture).status_code == STORED
            wait_until(lambda: pictures_told(hook) == [len(picture)] and line.connections, "the webhook, and the line")
            assert held(bucket) == []
            line.cut_after = None
            wait_until(lambda: held(bucket) == [picture], "the copy")


@pytest.mark.prove
def test_what_waited_out_a_long_outage_of_telegram_and_a_restart_is_told_once(
    tmp_path: Path, api: FakeTelegram
) -> None:
    """So long that the breaker left it alone; a person's retry stands for the wait until the next attempt."""
    api.fault = lambda _method, _parameters: TELEGRAMS["down"]
    with served(tmp_path, ALARMS_DESTINATIONS="phone", **telegram(api)) as server:
        pictures = {f"cam{number}": jpeg(quality=60 + number) for number in range(3)}
        for camera, picture in pictures.items():
            secret = adopted(server, camera)
            server.ask(f"{camera},MOAL,gate,0,0,0,0,0".encode())
            assert shown(server, secret, picture).status_code == STORED
        wait_until(lambda: server.logged(LEFT_ALONE), "the breaker")
        assert server.stop() == 0
        api.fault = lambda _method, _parameters: None
        server.start()
        with operator(server) as asking:
            for one in asking.get("/outbox").json()["deliveries"]:
                asking.post(f"/outbox/{one['id']}/retry")  # unless it is told already
        wait_until(lambda: all_told(server), "the outbox")
        assert server.stop() == 0
    assert sorted(one.media.data for one in api.posted if one.media) == sorted(pictures.values())
    told = [camera for one in api.posted for camera in pictures if f"{camera}: motion: gate" in one.text]
    assert sorted(told) == sorted(pictures)
