"""A picture's whole way, from every kind of camera to everybody who is to see it, through a real server."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from tests.end_to_end.cameras import GENEROUS, adopted, lfcp_camera, posted_by_arduino, shown
from tests.end_to_end.places import ANN, BUCKET, all_told, archived, copies, held, prusaconnect, telegram
from tests.fakes.prusaconnect import TOKEN, FakePrusaConnect
from tests.fakes.telegram import FakeTelegram
from tests.frames.camera import PICTURE
from tests.frames.pictures import jpeg
from tests.needs import need_program
from tests.served_camera import served_camera
from tests.serving import LOOPBACK, Served, served
from tests.waiting import LIMIT, wait_until

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


def pictures(server: Served) -> list[dict[str, Any]]:
    """The newest first."""
    listed: list[dict[str, Any]] = json.loads(server.get("/api/v1/pictures"))["pictures"]
    return listed


def test_motion_is_a_message_at_once_that_gets_its_picture_and_who_acknowledged_it(
    tmp_path: Path, api: FakeTelegram
) -> None:
    taken = [jpeg(320, 240, quality=quality) for quality in (60, 70)]  # its own, and the one that it is asked for
    with (
        served(tmp_path, ALARMS_DESTINATIONS="phone", **telegram(api)) as server,
        lfcp_camera(server, "gate", iter(taken).__next__) as gate,
    ):
        gate.motion("garden_gate")
        wait_until(lambda: len(api.posted) == 2, "the second picture")
        message, second = api.posted
        assert [name for name, _ in api.calls if name != "getUpdates"][-3:] == WORDS_FIRST
        assert message.edits[0].startswith("🔴 gate: motion: garden_gate")
        assert second.reply_to == message.id
        api.press(message, message.buttons()[0]["callback_data"], ANN)
        wait_until(lambda: "\nacknowledged by ann over Telegram" in message.text, "who acknowledged it")
        assert message.text.startswith("🟡 gate: motion: garden_gate")
        assert [one.media and one.media.data for one in (message, second)] == archived(server)
        assert sorted(archived(server)) == sorted(taken)
        assert {(one["trigger"], one["alarm_id"]) for one in pictures(server)} == {("alarm", 1)}


WORDS_FIRST = ["sendMessage", "editMessageMedia", "sendPhoto"]


def test_one_cheap_camera_feeds_everybody_at_once(
    tmp_path: Path, api: FakeTelegram, service: FakePrusaConnect, moto: str, bucket: "S3Client"
) -> None:
    bucket.create_bucket(Bucket=BUCKET)
    settings = telegram(api) | prusaconnect(service, {"cam1": TOKEN}) | copies(moto)
    with served(tmp_path, ALARMS_DESTINATIONS="phone", PICTURES_DESTINATIONS="printer,copy", **settings) as server:
        secret = adopted(server, "cam1")
        before, during = jpeg(quality=60), jpeg(quality=70)
        assert shown(server, secret, before).status_code == 204
        wait_until(lambda: service.snapshots[TOKEN] == [before], "PrusaConnect")
        wait_until(lambda: held(bucket) == [before], "the bucket")
        server.ask(b"cam1,MOAL,printer_on_fire,0,0,0,0,0")
        assert shown(server, secret, during).status_code == 204
        wait_until(lambda: api.posted and api.posted[0].media, "the picture in the alarm")
        wait_until(lambda: len(held(bucket)) == 2, "the copy")
        wait_until(lambda: all_told(server), "the outbox")
        assert api.posted[0].media is not None
        assert api.posted[0].media.data == during
        assert archived(server) == [before, during]
        assert sorted(held(bucket)) == sorted([before, during])
        assert len(api.posted) == 1, "a picture of no alarm is nothing to a chat"


def test_the_arduino_needs_one_command_and_its_pictures_become_a_film(tmp_path: Path) -> None:
    ffprobe = need_program("ffprobe", "ffmpeg")
    sent = [jpeg(quality=50 + number) for number in range(30)]
    with served(tmp_path, **GENEROUS) as server:
        server.command("camera", "set", "stopmotion", "--adopt", "--from", LOOPBACK, "--by-address")
        for picture in sent:
            assert posted_by_arduino(server, picture).startswith(b"HTTP/1.1 204 ")
        assert archived(server) == sent
        assert "first byte restored" in pictures(server)[0]["repair"]
        film = tmp_path / "film.mp4"
        server.command("film", "stopmotion", "--from", "5m", "--fps", "10", str(film))
    probe = [ffprobe, "-v", "error", "-count_frames", "-show_streams", "-of", "json", str(film)]
    (stream,) = json.loads(subprocess.run(probe, capture_output=True, check=True, timeout=LIMIT).stdout)["streams"]
    assert (stream["codec_name"], stream["pix_fmt"], stream["width"], stream["height"]) == ("h264", "yuv420p", 160, 120)
    assert int(stream["nb_read_frames"]) == len(sent)


def test_a_device_is_asked_for_a_picture_and_watched_by_two(tmp_path: Path) -> None:
    numbers = count(50)
    with (
        served(tmp_path) as server,
        lfcp_camera(server, "gate", lambda: jpeg(quality=50 + next(numbers) % 40)),
    ):
        now = tmp_path / "now.jpg"
        server.command("camera", "snap", "gate", "--out", str(now))
        (kept,) = pictures(server)
        assert ([now.read_bytes()], kept["trigger"]) == (archived(server), "command")
        with viewer(server, "gate") as first, viewer(server, "gate") as second:
            for stream in (first, second, first, second):
                live = next(stream)
                assert live.startswith(b"\xff\xd8")
                assert live.endswith(b"\xff\xd9")
        assert archived(server) == [now.read_bytes()], "what is watched is not kept"


@contextmanager
def viewer(server: Served, name: str) -> Iterator[Iterator[bytes]]:
    """The pictures of a camera's stream."""
    url = f"http://{LOOPBACK}:{server.http_port}/api/v1/devices/{name}/stream.mjpeg"
    with httpx.stream("GET", url, timeout=LIMIT) as response:
        assert response.status_code == 200
        yield parts(response.iter_bytes())


def parts(chunks: Iterator[bytes]) -> Iterator[bytes]:
    held = b""
    for chunk in chunks:
        held += chunk
        while (end := held.find(b"\r\n--alarmd-picture\r\n")) >= 0:
            yield held[:end].partition(b"\r\n\r\n")[2]
            held = held[end + 2 :]


def test_a_camera_with_a_web_server_is_asked_on_alarm_and_on_schedule(tmp_path: Path) -> None:
    with ExitStack() as world:
        gate, yard = world.enter_context(served_camera()), world.enter_context(served_camera())
        server = world.enter_context(served(tmp_path))
        for name, camera, every in (("gate", gate, "never"), ("yard", yard, "5s")):
            server.command("camera", "set", name, "--adopt", "--pull", camera.url(), "--every", every)
        server.ask(b"gate,MOAL,garden_gate,0,0,0,0,0")
        wait_until(lambda: {one["device"] for one in pictures(server)} == {"gate", "yard"}, "both cameras")
        why = {one["device"]: (one["trigger"], one["alarm_id"]) for one in pictures(server)}
        assert why == {"gate": ("alarm", 1), "yard": ("schedule", None)}
        assert set(archived(server)) == {PICTURE}
        assert len(gate.heads) == 1
