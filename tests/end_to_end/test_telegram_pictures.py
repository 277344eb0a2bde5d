"""Pictures of alarms as they reach Telegram: over real HTTP, from real uploads to a real server that also dies."""

import signal
from pathlib import Path

from alarmd.relays.telegram.wording import NO_PICTURE, REPEATED
from tests.end_to_end.cameras import adopted
from tests.end_to_end.cameras import shown as uploaded
from tests.end_to_end.places import all_told, telegram
from tests.fakes.telegram import TOKEN, FakeTelegram, Fault
from tests.frames.pictures import jpeg
from tests.relays.telling import padded
from tests.serving import Served, served
from tests.waiting import wait_until

MOTION = b"cam1,MOAL,gate,0,0,0,0,0"


def telling(api: FakeTelegram) -> dict[str, str]:
    return telegram(api) | {"ALARMS_DESTINATIONS": "phone"}


def upload(server: Served, secret: str, data: bytes) -> None:
    assert uploaded(server, secret, data).status_code == 204


def shown(api: FakeTelegram) -> list[bytes]:
    return [one.media.data for one in api.posted if one.media is not None]


BURST = [jpeg(quality=quality) for quality in (60, 65, 70, 75)]


def test_an_alarm_is_told_at_once_and_its_pictures_follow_also_over_a_restart(
    tmp_path: Path, api: FakeTelegram
) -> None:
    with served(tmp_path, **telling(api)) as server:
        secret = adopted(server, "cam1")
        server.ask(MOTION)
        wait_until(lambda: api.posted, "the alarm")
        assert api.posted[0].media is None
        for picture in BURST:
            upload(server, secret, picture)
        wait_until(lambda: all_told(server), "the outbox")
        assert sorted(shown(api)) == sorted(BURST)
        assert api.posted[0].media is not None
        assert api.posted[0].media.data == BURST[0]
        assert {one.reply_to for one in api.posted[1:]} == {api.posted[0].id}
        assert server.stop() == 0
        server.start()
        server.command("alarms", "ack", "1")
        wait_until(lambda: "\nacknowledged by " in api.posted[0].text, "the change")
        assert "\npicture taken " in api.posted[0].text
        assert NO_PICTURE not in api.posted[0].text
        assert server.stop() == 0
        assert not server.logged("a delivery failed in an unforeseen way")
        assert TOKEN not in server.log_text()


def test_a_server_killed_between_posting_pictures_and_confirming_loses_none_and_repeats_each_once_at_most(
    tmp_path: Path, api: FakeTelegram
) -> None:
    with served(tmp_path, **telling(api)) as server:
        secret = adopted(server, "cam1")
        server.ask(MOTION)
        wait_until(lambda: api.posted, "the alarm")
        hold(api, "editMessageMedia")
        for picture in BURST[:2]:
            upload(server, secret, picture)
        wait_until(lambda: shown(api), "a picture without an answer")
        server.stop(signal.SIGKILL)
        hold(api, "sendPhoto", "sendMediaGroup")
        server.start()
        for picture in BURST[2:]:
            upload(server, secret, picture)
        wait_until(lambda: len(shown(api)) > 1, "further pictures without an answer")
        server.stop(signal.SIGKILL)
        hold(api)
        server.start()
        wait_until(lambda: all_told(server), "the outbox")
        assert server.stop() == 0
    assert api.posted[0].media is not None
    assert api.posted[0].media.data == BURST[0], "which is put into its message, however often"
    assert set(shown(api)) == set(BURST)
    counts = {picture: shown(api).count(picture) for picture in BURST}
    assert max(counts.values()) == 2
    assert {picture for picture, count in counts.items() if count > 1} <= repeats(api)


def hold(api: FakeTelegram, *methods: str) -> None:
    """Carry them out, and answer nothing."""
    api.fault = lambda method, _parameters: Fault(processed=True) if method in methods else None


def repeats(api: FakeTelegram) -> set[bytes]:
    """Pictures in messages and albums that say that they may be repeats."""
    said = [one for one in api.posted if REPEATED in one.text]
    albums = {one.album for one in said} - {""}
    return {one.media.data for one in api.posted if one.media and (one in said or one.album in albums)}


def test_an_upload_on_a_slow_line_delays_no_alarm(tmp_path: Path, api: FakeTelegram) -> None:
    with served(tmp_path, **telling(api)) as server:
        secret = adopted(server, "cam1")
        server.ask(MOTION)
        wait_until(lambda: api.posted, "the alarm")
        api.may_upload.clear()
        large = padded(jpeg(), 5_000_000)
        upload(server, secret, large)
        wait_until(lambda: api.uploading, "the upload")
        server.ask(b"cam2,MOAL,shed,0,0,0,0,0")
        wait_until(lambda: len(api.posted) == 2, "the second alarm")
        server.command("alarms", "ack", "2")
        wait_until(lambda: api.posted[1].edits, "what became of it")
        assert shown(api) == []
        api.may_upload.set()
        wait_until(lambda: shown(api) == [large], "the picture")
        assert server.stop() == 0
