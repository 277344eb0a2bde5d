"""Pictures and films in Telegram, against a Bot API server over real HTTP; only the clock is the test's."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from alarmd.core.instant import SECOND
from alarmd.core.records import AlarmState
from alarmd.frames.errors import ArchiveError
from alarmd.relays.interface import Delivered, GiveUp, Later, Outcome, TryAgain
from alarmd.relays.telegram import chat as chat_module
from alarmd.relays.telegram import parcels, photos
from alarmd.relays.telegram import relay as relay_module
from alarmd.relays.telegram.captions import MAX_CAPTION
from alarmd.relays.telegram.wording import NO_PICTURE, REPEATED
from alarmd.storage.interface import Lease, StoredAlarm
from tests.contracts.records import DELIVERY, NOON
from tests.fakes.telegram import FakeTelegram, Fault, Posted, fake_telegram
from tests.frames.pictures import jpeg
from tests.relays.telling import (
    ANN,
    CAPTURED,
    GROUP,
    JPEG,
    RECEIVED,
    SUPERGROUP,
    Pictures,
    Telling,
    acknowledged,
    alarm,
    change,
    new,
    padded,
)
from tests.waiting import until

SHOWN = f"42:1:photo:{CAPTURED}:{RECEIVED}"
LARGE = padded(JPEG, 5_000_000)  # more than the buffers of a connection hold


@pytest.fixture
def api() -> Iterator[FakeTelegram]:
    with fake_telegram() as made:
        made.add_chat(ANN)
        made.add_chat(GROUP, "the house")
        yield made


@pytest.fixture
async def telling(api: FakeTelegram, tmp_path: Path) -> AsyncIterator[Telling]:
    made = Telling(api.url, tmp_path)
    yield made
    await made.relay.close()


@pytest.fixture
def pictures(telling: Telling) -> Pictures:
    return Pictures(telling)


async def told(telling: Telling, *leases: Lease) -> list[Outcome]:
    """After a while."""
    telling.pass_time(60)
    return await telling.tell(*leases)


def files(api: FakeTelegram) -> list[tuple[str, bytes] | None]:
    return [one.media and (one.media.kind, one.media.data) for one in api.posted]


def lines(message: Posted) -> list[str]:
    return message.text.splitlines()


async def test_an_alarms_first_picture_goes_into_its_message(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    await told(telling, new())
    buttons = api.posted[0].buttons()
    assert await told(telling, pictures.of(alarm())) == [Delivered(SHOWN)]
    assert files(api) == [("photo", JPEG)]
    assert lines(api.posted[0]) == [
        "🔴 cam1: motion: garden_gate",
        "zone garden, 2025-06-15 15:06:40, alarm 1",
        "picture taken 15:06:42",
    ]
    assert api.posted[0].buttons() == buttons


async def test_a_message_with_a_picture_changes_with_its_alarm_and_goes_on_telling_the_pictures_age(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    await told(telling, new())
    (outcome,) = await told(telling, pictures.of(alarm(), captured_at=NOON - 180 * SECOND))
    assert isinstance(outcome, Delivered)
    assert lines(api.posted[0])[-1] == "picture taken 15:03:40, 3 min before it arrived"
    assert await told(telling, change(outcome.reference, acknowledged())) == [Delivered()]
    over = replace(acknowledged(), state=AlarmState.CLEARED, cleared_at=NOON + 6 * SECOND, cleared_by="bob")
    assert await told(telling, change(outcome.reference, over)) == [Delivered()]
    assert lines(api.posted[0]) == [
        "🟢 cam1: motion: garden_gate",
        "zone garden, 2025-06-15 15:06:40, alarm 1",
        "picture taken 15:03:40, 3 min before it arrived",
        "acknowledged by ann over telegram at 15:06:45",
        "cleared by bob at 15:06:46",
    ]
    assert files(api) == [("photo", JPEG)]
    assert api.posted[0].buttons() == []


async def test_a_message_whose_picture_was_not_written_down_changes_all_the_same(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    await told(telling, new())
    await told(telling, pictures.of(alarm()))
    assert await told(telling, change("42:1", acknowledged())) == [Delivered()]
    assert lines(api.posted[0])[0].startswith("🟡")
    assert files(api) == [("photo", JPEG)]


async def test_a_picture_that_may_be_in_its_message_already_is_put_there_again(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    await told(telling, new())
    for again in (False, True):
        assert await told(telling, pictures.of(alarm(), uncertain=again)) == [Delivered(SHOWN)]
    assert len(api.posted) == 1
    assert REPEATED not in api.posted[0].text


async def test_a_picture_that_may_not_go_into_its_message_answers_it(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    await told(telling, new())
    refused = (
        b'{"ok": false, "error_code": 400, "description": "Bad Request: there is no media in the message to edit"}'
    )
    api.fault = lambda method, _parameters: Fault(status=400, body=refused) if method == "editMessageMedia" else None
    assert await told(telling, pictures.of(alarm())) == [Delivered()]
    assert files(api) == [None, ("photo", JPEG)]
    assert api.posted[1].reply_to == 1


async def test_a_picture_that_telegram_will_never_take_is_given_up(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    del api.chats[ANN]
    (outcome,) = await told(telling, pictures.of(alarm()))
    assert outcome == GiveUp("Telegram refuses this for chat 42: Chat not found; check `chats`")


async def test_an_alarm_whose_message_somebody_deleted_is_told_anew_with_its_picture(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    (outcome,) = await told(telling, pictures.of(alarm(), reference="42:99"))
    assert outcome == Delivered(SHOWN)
    assert files(api) == [("photo", JPEG)]
    assert api.posted[0].silent
    assert api.posted[0].buttons()


async def test_an_alarm_that_the_chat_was_not_told_of_is_told_with_its_picture(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    assert await told(telling, pictures.of(alarm(), reference="", uncertain=True)) == [Delivered(SHOWN)]
    assert lines(api.posted[0])[0] == "🔴 cam1: motion: garden_gate"
    assert lines(api.posted[0])[-1] == REPEATED


async def test_a_picture_of_one_of_several_alarms_in_a_message_answers_it(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    await told(telling, new(1), new(2))
    both = (alarm(1), alarm(2))
    assert await told(telling, pictures.of(alarm(2), together=both)) == [Delivered()]
    assert api.posted[0].media is None
    assert (api.posted[1].reply_to, api.posted[1].silent) == (1, True)
    assert lines(api.posted[1]) == ["cam1: picture 1, alarm 2", "taken 2025-06-15 15:06:42"]


async def test_further_pictures_that_wait_together_are_one_silent_album(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    await told(telling, new())
    times = {number: CAPTURED + number * SECOND for number in (2, 3, 4)}
    burst = [pictures.of(alarm(), number, captured_at=at, received_at=at) for number, at in times.items()]
    assert await told(telling, *burst) == [Delivered()] * 3
    album = api.posted[1:]
    assert len({one.album for one in album} - {""}) == 1
    assert [(one.reply_to, one.silent, one.media and one.media.data) for one in album] == [(1, True, JPEG)] * 3
    assert lines(album[0]) == ["cam1: 3 pictures, alarm 1", "taken 2025-06-15 15:06:44 to 15:06:46"]
    assert [one.text for one in album[1:]] == ["", ""]
    await told(telling, pictures.of(alarm(), 5))
    assert (api.posted[4].album, api.posted[4].reply_to, api.posted[4].silent) == ("", 1, True)
    assert lines(api.posted[4]) == ["cam1: picture 5, alarm 1", "taken 2025-06-15 15:06:42"]


async def test_old_pictures_of_an_album_are_not_presented_as_live(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    hours = [pictures.of(alarm(), number, captured_at=RECEIVED - number * 3600 * SECOND) for number in (2, 5)]
    await told(telling, *hours)
    assert lines(api.posted[0])[1] == "taken 2025-06-15 10:06:43 to 13:06:43, up to 5 h before they arrived"


async def test_pictures_of_two_alarms_are_no_album_and_the_first_goes_alone(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    await told(telling, new())
    first, second, other = pictures.of(alarm()), pictures.of(alarm(), 2), pictures.of(alarm(2), 3)
    assert await told(telling, second, first, other) == [Later(1.0), Delivered(SHOWN), Later(1.0)]
    assert await told(telling, second, other) == [Delivered(), Later(1.0)]


async def test_an_album_has_as_many_pictures_as_telegram_takes_and_memory_holds(
    telling: Telling, api: FakeTelegram, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    burst = [pictures.of(alarm(), number) for number in range(2, 14)]
    assert await told(telling, *burst) == [Delivered()] * 10 + [Later(1.0)] * 2
    monkeypatch.setattr(parcels, "MAX_ALBUM_BYTES", 2 * len(JPEG))
    assert await told(telling, *burst) == [Delivered()] * 2 + [Later(1.0)] * 10


async def test_an_album_counts_as_its_pictures_but_delays_an_alarm_by_a_second_only(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    burst = [pictures.of(alarm(), number, recipient=str(GROUP), reference=f"{GROUP}:1") for number in range(2, 14)]
    assert await told(telling, *burst) == [Delivered()] * 10 + [Later(1.0)] * 2
    assert telling.relay.busy(urgent=True) == {str(GROUP): 1.0}
    assert telling.relay.busy(urgent=False) == {str(GROUP): 10.0}
    telling.pass_time(10)
    assert await telling.tell(*burst) == [Delivered()] * 5 + [Later(1.0)] * 7, "15 a minute, and 5 are for alarms"
    assert telling.relay.busy(urgent=False) == {str(GROUP): 50.0}
    telling.pass_time(1)
    assert await telling.tell(new(3, GROUP)) == [Delivered(f"{GROUP}:16")]


async def test_what_is_calm_waits_for_an_albums_seconds_although_an_alarm_came_between(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    await told(telling, *(pictures.of(alarm(), number) for number in range(2, 7)))
    telling.pass_time(1)
    assert await telling.tell(new(3)) == [Delivered("42:6")]
    telling.pass_time(1)
    assert telling.relay.busy(urgent=False) == {str(ANN): 3.0}


async def test_without_a_picture_in_time_the_message_says_so_and_one_that_comes_replaces_that(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    waits = alarm(picture_by=NOON + 70 * SECOND, picture="", pictures=0)
    await told(telling, replace(new(), alarm=StoredAlarm(waits, "cam1", "garden")))
    assert NO_PICTURE not in api.posted[0].text
    assert await told(telling, change("42:1", waits, subject="changed")) == [Delivered()]
    assert lines(api.posted[0])[-1] == "no picture within 10 s"
    await told(telling, pictures.of(waits))
    assert lines(api.posted[0])[2:] == ["picture taken 15:06:42"]


async def test_alarms_in_one_message_say_which_have_no_picture(telling: Telling, api: FakeTelegram) -> None:
    await told(telling, new(1), new(2))
    late = alarm(1, picture_by=NOON, pictures=0)
    await told(telling, change("42:1", late, replace(acknowledged(2), picture_by=NOON, pictures=1)))
    assert [line.partition("(")[2] for line in lines(api.posted[0])[1:]] == [
        "alarm 1, no picture)",
        "alarm 2, ann over telegram)",
    ]


@pytest.mark.parametrize(
    ("captured_at", "said"),
    [
        (RECEIVED - 10 * SECOND, "taken 15:06:33"),
        (RECEIVED - 11 * SECOND, "taken 15:06:32, 11 s before it arrived"),
        (RECEIVED - 119 * SECOND, "taken 15:04:44, 119 s before it arrived"),
        (RECEIVED - 3 * 86_400 * SECOND, "taken 2025-06-12 15:06:43, 3 d before it arrived"),
        (RECEIVED + 3600 * SECOND, "taken 15:06:43"),
    ],
)
async def test_how_old_a_picture_was_is_said_once_it_matters(
    telling: Telling, api: FakeTelegram, pictures: Pictures, captured_at: int, said: str
) -> None:
    await told(telling, new())
    await told(telling, pictures.of(alarm(), captured_at=captured_at))
    assert lines(api.posted[0])[-1] == f"picture {said}"


async def test_whatever_an_alarm_says_its_caption_fits(telling: Telling, api: FakeTelegram, pictures: Pictures) -> None:
    wordy = {"text": "🔴" * 500, "acknowledged_by": "x" * 300, "cleared_by": "y" * 300, "cleared_at": NOON}
    told_of = replace(acknowledged(), **wordy)
    await told(telling, replace(new(), alarm=StoredAlarm(told_of, "cam1", "z" * 300)))
    (outcome,) = await told(telling, pictures.of(told_of))
    assert isinstance(outcome, Delivered)
    assert len(api.posted[0].text.encode("utf-16-le")) // 2 <= MAX_CAPTION
    assert lines(api.posted[0])[2] == "picture taken 15:06:42", "what must not be missing"
    await told(telling, change(outcome.reference, alarm()))
    assert lines(api.posted[0])[-1] == "picture taken 15:06:42"


async def test_a_huge_picture_is_shrunk(telling: Telling, api: FakeTelegram, pictures: Pictures) -> None:
    heavy, wide = padded(JPEG, 11_000_000), jpeg(9_700, 500)
    await told(telling, pictures.of(alarm(), 2, data=heavy))
    await told(telling, pictures.of(alarm(), 3, data=wide, width=9_700, height=500))
    assert [one.media and one.media.kind for one in api.posted] == ["photo", "photo"]
    first, second = (one.media for one in api.posted)
    assert first is not None
    assert second is not None
    assert (first.size, len(first.data) < photos.MAX_PHOTO) == ((320, 240), True)
    assert 9_000 < sum(second.size) <= photos.MAX_SIDES


async def test_what_an_attempt_on_a_slow_line_did_not_finish_is_sent_smaller(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    large = jpeg(1600, 1200, quality=95)
    await told(telling, pictures.of(alarm(), 2, data=large, width=1600, height=1200, attempt=2))
    (message,) = api.posted
    assert message.media is not None
    assert max(message.media.size) <= photos.SLOW_SIDE
    assert len(message.media.data) <= photos.SLOW_PHOTO < len(large)


async def test_what_telegram_takes_for_no_photo_is_sent_as_a_document(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    await told(telling, new())
    panorama, tiny = jpeg(840, 40), jpeg(8, 8)
    (outcome,) = await told(telling, pictures.of(alarm(), data=panorama, width=840, height=40))
    assert files(api) == [("document", panorama)]
    assert isinstance(outcome, Delivered)
    await told(telling, change(outcome.reference, acknowledged()))
    assert lines(api.posted[0])[2:] == ["picture taken 15:06:42", "acknowledged by ann over telegram at 15:06:45"]
    assert len(api.called("editMessageMedia")) == 1, "its shape is known beforehand"
    await told(telling, pictures.of(alarm(), 2, data=tiny, width=8, height=8))
    assert files(api)[1:] == [("document", tiny)]
    burst = [pictures.of(alarm(), 3, data=tiny, width=8, height=8), pictures.of(alarm(), 4)]
    assert await told(telling, *burst) == [Delivered()] * 2
    assert files(api)[2:] == [("document", tiny), ("document", JPEG)]


async def test_a_picture_that_rotted_in_the_archive_is_sent_as_it_is(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    rotten = b"\xff\xd8" + bytes(10_000_001)
    await told(telling, pictures.of(alarm(), 2, data=rotten))
    assert files(api) == [("document", rotten)]


async def test_a_picture_that_vanished_is_told_in_words(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    await told(telling, new())
    assert await told(telling, pictures.of(alarm(), data=None)) == [Delivered()]
    assert lines(api.posted[1]) == ["cam1: picture 1, alarm 1", "a picture is no longer in the archive"]
    assert (api.posted[0].media, api.posted[1].reply_to, api.posted[1].silent) == (None, 1, True)
    burst = [pictures.of(alarm(), number, data=None if number > 2 else JPEG) for number in (2, 3, 4)]
    assert await told(telling, *burst) == [Delivered()] * 3
    assert lines(api.posted[2])[0] == "cam1: 3 pictures, alarm 1"
    assert lines(api.posted[2])[-1] == "2 pictures are no longer in the archive"
    assert await told(telling, replace(pictures.snapshot(5), picture=None)) == [Delivered()]
    assert lines(api.posted[3])[-1] == "a picture is no longer in the archive"


async def test_an_archive_that_fails_is_tried_again_and_nothing_was_sent(
    telling: Telling, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_key: str) -> bytes:
        raise ArchiveError("cannot read it: Input/output error")

    told_later = pictures.of(alarm())
    monkeypatch.setattr(telling.archive, "read", fail)
    assert await told(telling, told_later) == [TryAgain(None, "cannot read it: Input/output error")]


async def test_a_picture_that_somebody_asked_for_says_when_it_was_taken(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    assert await told(telling, pictures.snapshot(9)) == [Delivered()]
    assert files(api) == [("photo", JPEG)]
    assert lines(api.posted[0]) == ["cam1: picture 9", "taken 2025-06-15 15:06:42"]
    assert (api.posted[0].silent, api.posted[0].reply_to) == (False, None)


async def test_who_asked_for_a_picture_that_does_not_come_hears_why(telling: Telling, api: FakeTelegram) -> None:
    why = replace(DELIVERY, subject="snapshot", alarm_id=None, text="cam1: no picture: gone", urgent=False)
    reason = Lease(replace(why, recipient=str(ANN)), 1, None)
    other = replace(reason, uncertain=True)
    assert await told(telling, reason, other) == [Delivered(), Later(1.0)]
    assert await told(telling, other) == [Delivered()]
    assert api.texts(ANN) == ["cam1: no picture: gone", f"cam1: no picture: gone\n{REPEATED}"]


async def test_a_film_is_a_video_that_wakes_nobody(telling: Telling, api: FakeTelegram) -> None:
    telling.archive.write("cam1/films/2025-06-15.mp4", b"a film")
    about = replace(DELIVERY, subject="film", alarm_id=None, text="cam1: film of 2025-06-15", urgent=False)
    film = Lease(replace(about, recipient=str(ANN), attachment="cam1/films/2025-06-15.mp4"), 1, None)
    assert await told(telling, film) == [Delivered()]
    assert files(api) == [("video", b"a film")]
    assert (api.posted[0].text, api.posted[0].silent) == ("cam1: film of 2025-06-15", True)
    assert await told(telling, replace(film, uncertain=True)) == [Delivered()]
    assert lines(api.posted[1])[-1] == REPEATED
    telling.archive.write("cam1/films/2025-06-15.mp4", bytes(photos.MAX_FILE + 1))
    await told(telling, film)
    telling.archive.delete("cam1/films/2025-06-15.mp4")
    await told(telling, film)
    assert [message.text.splitlines()[1] for message in api.posted[2:]] == [
        "the film is larger than the 50 MB that a bot may send; it is in the archive",
        "the film is no longer in the archive",
    ]


async def test_a_picture_that_may_have_been_posted_is_repeated_once_telegram_answers_and_says_so(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    burst = [pictures.of(alarm(), number) for number in (2, 3)]
    api.fault = lambda method, _parameters: Fault(processed=True, status=502) if method == "sendMediaGroup" else None
    outcomes = await told(telling, *burst)
    assert all(isinstance(outcome, TryAgain) and outcome.uncertain for outcome in outcomes)
    again = [replace(one, uncertain=True) for one in burst]
    api.fault = lambda _method, _parameters: Fault(status=502)
    await told(telling, *again)
    assert len(api.posted) == 2
    api.fault = lambda _method, _parameters: None
    assert await told(telling, *again) == [Delivered()] * 2
    assert [one.text.endswith(REPEATED) for one in api.posted] == [False, False, True, False]


async def test_an_upload_that_stops_half_way_has_certainly_not_been_posted(
    telling: Telling, api: FakeTelegram, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(httpx.AsyncClient, "request", slow_writes(httpx.AsyncClient.request))
    api.may_upload.clear()
    (outcome,) = await told(telling, pictures.of(alarm(), 2, data=LARGE))
    assert outcome == TryAgain(None, "no answer: WriteTimeout")


def slow_writes(request: object) -> object:
    """With no patience for a line that takes nothing more."""

    async def impatient(self: httpx.AsyncClient, **what: object) -> object:
        what["timeout"] = httpx.Timeout(10.0, write=0.05)
        return await request(self, **what)  # type: ignore[operator]

    return impatient


async def test_an_upload_too_large_for_the_server_is_tried_again_and_has_not_been_posted(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    too_large = b'{"ok": false, "error_code": 413, "description": "Request Entity Too Large"}'
    api.fault = lambda _method, _parameters: Fault(status=413, body=too_large)
    assert await told(telling, pictures.of(alarm(), 2)) == [TryAgain(None, "Telegram finds this too large")]


async def test_an_upload_that_never_ends_is_left(
    telling: Telling, api: FakeTelegram, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_module, "UPLOAD_PATIENCE", 0.05)
    api.fault = lambda _method, _parameters: Fault(processed=True)
    assert await told(telling, pictures.of(alarm(), 2)) == [TryAgain(None, "no answer within 0 s", uncertain=True)]


async def test_no_text_waits_for_an_upload_and_further_uploads_do(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    await told(telling, new())
    api.may_upload.clear()
    telling.pass_time(60)
    upload = asyncio.ensure_future(telling.relay.deliver(pictures.of(alarm(), 2, data=LARGE)))
    await until(lambda: api.uploading, "the upload")
    assert telling.relay.uploading() == {str(ANN): 1.0}
    telling.pass_time(1)
    assert telling.relay.busy(urgent=True) == telling.relay.busy(urgent=False) == {}
    assert await telling.tell(pictures.of(alarm(), 3)) == [Later(1.0)]
    assert await telling.tell(new(2)) == [Delivered("42:2")]
    telling.pass_time(1)
    assert await telling.tell(change("42:1", acknowledged())) == [Delivered()]
    assert not upload.done()
    api.may_upload.set()
    assert await upload == Delivered()
    assert telling.relay.uploading() == {}
    assert [one.media is None for one in api.posted] == [True, True, False]


async def test_only_so_many_uploads_share_the_line(
    api: FakeTelegram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "UPLOADS_AT_ONCE", 1)
    telling = Telling(api.url, tmp_path)
    pictures = Pictures(telling)
    api.may_upload.clear()
    upload = asyncio.ensure_future(telling.relay.deliver(pictures.of(alarm(), 2, data=LARGE)))
    await until(lambda: api.uploading, "the upload")
    assert telling.relay.uploading() == {str(ANN): 1.0, str(GROUP): 1.0}
    elsewhere = pictures.of(alarm(), 3, recipient=str(GROUP), reference=f"{GROUP}:1")
    assert await telling.tell(elsewhere) == [Later(1.0)]
    api.may_upload.set()
    assert await upload == Delivered()
    assert await telling.tell(elsewhere) == [Delivered()]
    await telling.relay.close()


async def test_an_upload_that_is_cut_off_at_the_stop_ends(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    api.may_upload.clear()
    upload = asyncio.ensure_future(telling.relay.deliver(pictures.of(alarm(), 2, data=LARGE)))
    await until(lambda: api.uploading, "the upload")
    await telling.relay.close()
    with pytest.raises(asyncio.CancelledError):
        await upload


async def test_a_text_that_took_the_chats_turn_goes_before_a_picture(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    telling.pass_time(60)
    assert await telling.tell(pictures.of(alarm(), 2), new(2)) == [Later(1.0), Delivered("42:1")]


async def test_pictures_go_where_a_group_moved_and_point_to_no_message_in_the_old_one(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    await told(telling, new(1, GROUP))
    api.migrate(GROUP, SUPERGROUP)
    first = pictures.of(alarm(), recipient=str(GROUP), reference=f"{GROUP}:1")
    (outcome,) = await told(telling, first)
    assert isinstance(outcome, Delivered)
    assert outcome.moved_to == str(SUPERGROUP)
    further = pictures.of(alarm(), 2, recipient=str(GROUP), reference=f"{GROUP}:1")
    assert await told(telling, further) == [Delivered()]
    assert [(one.chat.id, one.reply_to) for one in api.posted[1:]] == [(SUPERGROUP, None)] * 2


async def test_telegrams_word_to_wait_is_kept_for_pictures_too(
    telling: Telling, api: FakeTelegram, pictures: Pictures
) -> None:
    api.retry_after[ANN] = 7
    assert await told(telling, pictures.of(alarm(), 2)) == [Later(7.0)]
    assert telling.relay.busy(urgent=True) == {str(ANN): 7.0}
