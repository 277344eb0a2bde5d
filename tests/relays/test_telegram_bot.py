"""What people write to the bot and press, over a Bot API server, in a house with real rules and a real database."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from alarmd.adapters.reactor_clock import now
from alarmd.core.galleries import ReplyTo
from alarmd.core.records import AlarmState, Arming, Delivery
from alarmd.core.requests import AlarmCleared, CameraChanged
from alarmd.frames.archive import DirectoryArchive
from alarmd.frames.film.errors import FilmError, FilmFault
from alarmd.relays.desk import Desk, Listens
from alarmd.relays.telegram import answers, buttons, cameras
from alarmd.relays.telegram import bot as bot_module
from alarmd.relays.telegram.answers import COMMANDS, MAX_UNITS, OVER
from alarmd.relays.telegram.buttons import Action
from alarmd.relays.telegram.relay import BotSettings, Telegram
from alarmd.storage.interface import DeliveryFilter, StorageUnavailableError, StoredAlarm
from tests.adapters.real_house import RealHouse, real_house
from tests.fakes.telegram import TOKEN, FakeTelegram, Fault, Posted, fake_telegram
from tests.relays.parts import in_utc
from tests.waiting import until

ANN, BOB, EVE, GROUP = 42, 43, 66, -100


class Bot:
    """The bot in its house; people write to it in `api`."""

    def __init__(self, house: RealHouse, api: FakeTelegram, directory: Path) -> None:
        self.house = house
        self.api = api
        self.moved: dict[str, str] = {}
        self.archive = DirectoryArchive(directory / "archive", 0)
        self.desk = Desk(
            label="A",
            submit=house.runner.submit_request,
            read_events=self._read_events,
            state=house.engine.state,
            now=now,
            local=in_utc,
            moved=lambda _destination: self.moved,
            archive=self.archive,
            film=self._film,
        )
        self.relay = Telegram("phone", BotSettings(TOKEN, api.url, (ANN, GROUP), (BOB,)), self.desk)
        self.database_away = False
        self.film: str | Exception | None = None
        self.may_film = asyncio.Event()
        self.may_film.set()
        self.task = asyncio.create_task(self.relay.listen())

    async def _film(self, _device: str, _day: date, _zone: tzinfo) -> str | None:
        await self.may_film.wait()
        if isinstance(self.film, Exception):
            raise self.film
        return self.film

    async def camera(self, name: str) -> None:
        """One that can be asked for pictures."""
        await self.house.adopt(name)
        await self.house.runner.submit_request(CameraChanged("op", name, pull_url="http://192.0.2.1/capture"))

    def asked(self, name: str) -> list[ReplyTo | None]:
        """Who is to have the pictures that it is asked for."""
        state = self.house.engine.state
        gallery = state.galleries.get(state.sessions[name].device.id)
        return [asked.reply_to for asked in gallery.asked.values()] if gallery else []

    def films(self) -> list[Delivery]:
        """Those that wait to be sent."""
        deliveries = self.house.storage.reader.deliveries(DeliveryFilter())
        return [one.delivery for one in deliveries if one.delivery.subject == "film"]

    async def _read_events(self, wanted: object) -> object:
        if self.database_away:
            raise StorageUnavailableError("the database is away")
        return await asyncio.to_thread(self.house.storage.reader.events, wanted)

    async def ask(self, text: str, chat: int = ANN, user: int | None = None) -> str:
        """What the bot writes back."""
        before = len(self.api.posted)
        self.api.say(chat, text, user)
        await until(lambda: len(self.api.posted) > before, f"an answer to {text}")
        return self.api.posted[-1].text

    async def press(self, data: str, user: int = ANN, chat: int = ANN, *, old: bool = False) -> str:
        """What the bot says to who presses a button."""
        before = len(self.api.answers)
        message = Posted(self.api.chats[chat], 1, 0, "an alarm", None, None)
        self.api.press(message, data, user, old=old)
        await until(lambda: len(self.api.answers) > before, "an answer")
        return str(self.api.answers[-1]["text"])

    async def alarm(self) -> int:
        """cam1 sees something; the number of its alarm."""
        await self.house.adopt("cam1")
        self.house.receive("cam1,MOAL,gate,0,0,0,0,0")
        return max(self.house.engine.state.alarms)

    def button(self, action: Action, number: int) -> str:
        return buttons.data(action, self.house.engine.state.alarms[number])

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.relay.close()


@pytest.fixture
def api() -> Iterator[FakeTelegram]:
    with fake_telegram() as made:
        made.add_chat(ANN)
        made.add_chat(EVE, "eve")
        made.add_chat(GROUP, "the house")
        yield made


@pytest.fixture
async def bot(tmp_path: Path, api: FakeTelegram, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bot]:
    monkeypatch.setattr(bot_module, "delay", lambda _attempt, _jitter: 0.02)
    async with real_house(tmp_path) as house:
        made = Bot(house, api, tmp_path)
        yield made
        await made.stop()


async def test_its_commands_are_shown_to_who_writes_to_it(bot: Bot, api: FakeTelegram) -> None:
    await until(lambda: api.commands)
    assert [one["command"] for one in api.commands] == list(COMMANDS)
    for asked in ("/help", "/start", "/HELP"):
        assert (await bot.ask(asked)).splitlines()[0] == "/status: The server at a glance, and open alarms"
    assert await bot.ask("/fire") == "There is no such command; /help lists them."


async def test_status_tells_of_devices_zones_and_open_alarms(bot: Bot) -> None:
    assert "devices: none yet" in await bot.ask("/status")
    number = await bot.alarm()
    told = (await bot.ask("/status")).splitlines()
    assert told[0].startswith("alarmd ")
    assert told[1] == "devices: 1 new"
    assert "zone home: armed" in told
    assert told[-2:] == ["open alarms: 1", f"🔴 {number} cam1: motion: gate"]


async def test_devices_are_listed_with_when_they_were_seen(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await bot.ask("/devices") == "No devices yet."
    await bot.house.adopt("cam1", "cam2")
    bot.house.receive("cam2,HEARTBEAT,0,0,0,0,0,0")
    first, second = (await bot.ask("/devices")).splitlines()
    assert first == "⚪ cam1, zone home, never seen"
    assert second.startswith("🟢 cam2, zone home, seen ")
    monkeypatch.setattr(answers, "MAX_LISTED", 1)
    assert (await bot.ask("/devices")).splitlines()[1:] == ["and 1 more"]


async def test_events_are_the_last_ones_the_newest_last(bot: Bot) -> None:
    await bot.alarm()
    await bot.house.runner.commits.until_idle()
    lines = (await bot.ask("/events 2")).splitlines()
    assert [line.split(" ", 2)[2] for line in lines] == ["cam1 alarm_raised gate", "cam1 motion gate"]
    assert len((await bot.ask("/events")).splitlines()) <= answers.USUAL_EVENTS
    for wrong in ("0", "31", "x", "²", "9" * 20):
        assert await bot.ask(f"/events {wrong}") == "Not done: write a number from 1 to 30"
    bot.database_away = True
    assert await bot.ask("/events") == "Not done: the database is away"


async def test_without_events_that_is_said(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(_wanted: object) -> list[object]:
        return []

    monkeypatch.setattr(bot, "_read_events", nothing)
    object.__setattr__(bot.desk, "read_events", nothing)
    assert await bot.ask("/events") == "No events yet."


async def test_zones_are_armed_and_disarmed_as_by_the_command_line(bot: Bot) -> None:
    zones = bot.house.engine.state.zones
    assert await bot.ask("/disarm home") == "Zone home is disarmed now."
    assert zones[1].arming is Arming.DISARMED
    assert await bot.ask("/arm *") == "Every zone is armed now."
    assert {zone.arming for zone in zones.values()} == {Arming.ARMED}
    assert (await bot.ask("/arm")).splitlines() == ["Say which zone, or * for all:", "home", "unassigned"]
    assert (await bot.ask("/arm a b")).startswith("Say which zone")
    assert await bot.ask("/arm nowhere") == (
        "Not done: no zone 'nowhere'; `alarmd zones` lists them, `alarmd zone set` makes one"
    )


async def test_a_device_is_muted_for_a_while(bot: Bot) -> None:
    await bot.house.adopt("cam1")
    assert await bot.ask("/mute cam1") == "No motion of cam1 is told for 60 min."
    assert "muted for 60 min more" in await bot.ask("/devices")
    bot.house.receive("cam1,MOAL,gate,0,0,0,0,0")
    assert [alarm.told for alarm in bot.house.engine.state.alarms.values()] == [False]
    assert await bot.ask("/mute cam1 5") == "No motion of cam1 is told for 5 min."
    assert await bot.ask("/mute cam1 0") == "Motion of cam1 is told again."
    assert "muted" not in await bot.ask("/devices")
    assert "Say which device" in await bot.ask("/mute")
    assert "Say which device" in await bot.ask("/mute cam1 5 6")
    assert "from 0 to 10080" in await bot.ask("/mute cam1 x")
    assert "no device 'cam9'" in await bot.ask("/mute cam9")


async def test_the_button_acknowledges_and_says_who_did(bot: Bot) -> None:
    number = await bot.alarm()
    assert await bot.press(bot.button(Action.ACKNOWLEDGE, number)) == (
        f"Alarm {number} is acknowledged by ann over Telegram."
    )
    assert bot.house.engine.state.alarms[number].acknowledged_by == "ann over Telegram"
    again = await bot.press(bot.button(Action.ACKNOWLEDGE, number), BOB, GROUP)
    assert again == f"Alarm {number} is already acknowledged by ann over Telegram."


async def test_a_button_works_although_telegram_has_its_message_no_longer(bot: Bot) -> None:
    number = await bot.alarm()
    assert "acknowledged by ann" in await bot.press(bot.button(Action.ACKNOWLEDGE, number), old=True)


async def test_the_other_buttons_disarm_the_zone_and_mute_the_device(bot: Bot) -> None:
    number = await bot.alarm()
    assert await bot.press(bot.button(Action.DISARM, number)) == "Zone home is disarmed now."
    assert await bot.press(bot.button(Action.MUTE, number)) == "No motion of cam1 is told for 60 min."
    assert bot.house.engine.state.muted


async def test_a_button_of_an_alarm_that_is_over_does_nothing(bot: Bot) -> None:
    number = await bot.alarm()
    data = bot.button(Action.ACKNOWLEDGE, number)
    bot.house.submit(AlarmCleared("op", number))
    assert await bot.press(data) == OVER


async def test_a_button_from_before_a_backup_was_restored_does_nothing_to_another_alarm(bot: Bot) -> None:
    number = await bot.alarm()
    alarm = bot.house.engine.state.alarms[number]
    for other in (
        f"a:motion:A:{alarm.hlc - 1:x}:{number}",
        f"a:contact_lost:A:{alarm.hlc:x}:{number}",
        f"a:motion:B:{alarm.hlc:x}:{number}",
    ):
        assert await bot.press(other) == OVER
    assert alarm.state is AlarmState.RAISED


async def test_a_button_of_an_alarm_in_whose_place_another_one_is_told_is_the_other_ones(bot: Bot) -> None:
    number = await bot.alarm()
    state = bot.house.engine.state
    state.absorbed[number + 1] = number
    assert await bot.press(f"a:motion:B:1:{number + 1}") == f"Alarm {number} is acknowledged by ann over Telegram."
    assert state.alarms[number].state is AlarmState.ACKNOWLEDGED


@pytest.mark.parametrize(
    "data", ["x", "a:motion:A:1", "z:motion:A:1:1", "a:motion:A:-1:1", "a:motion:A:1:1;", "a:b:A:1:²"]
)
async def test_what_is_no_button_of_ours_does_nothing(bot: Bot, data: str) -> None:
    assert await bot.press(data) == "This button is none of this server's."


async def test_a_camera_is_asked_for_a_picture_that_comes_to_who_asked(bot: Bot) -> None:
    assert await bot.ask("/snapshot") == "Say which camera: /snapshot DEVICE"
    await bot.camera("cam1")
    await bot.house.adopt("cam0")
    assert await bot.ask("/snapshot") == "cam1 is asked for a picture.", "there is no other"
    await bot.camera("cam2")
    assert (await bot.ask("/snapshot", GROUP, BOB)).splitlines()[1:] == ["cam1", "cam2"]
    assert await bot.ask("/snapshot cam2", GROUP, BOB) == "cam2 is asked for a picture."
    assert bot.asked("cam1") == [("phone", str(ANN))]
    assert bot.asked("cam2") == [("phone", str(GROUP))]
    assert "cam0 cannot be asked for a picture" in await bot.ask("/snapshot cam0")
    assert "no device 'cam9'" in await bot.ask("/snapshot cam9")


async def test_a_group_that_moved_gets_its_picture_under_its_configured_name(bot: Bot, api: FakeTelegram) -> None:
    await bot.camera("cam1")
    api.add_chat(-1000, "the house", "supergroup")
    bot.relay._chats[str(GROUP)].address = -1000
    await bot.ask("/snapshot cam1", -1000, BOB)
    assert bot.asked("cam1") == [("phone", str(GROUP))]


async def test_the_button_asks_the_camera_of_the_alarm(bot: Bot) -> None:
    number = await bot.alarm()
    alarm = bot.house.engine.state.alarms[number]
    shown = StoredAlarm(alarm, "cam1", "home")
    names = lambda: [one.text for row in buttons.keyboard([shown], bot.desk.state).inline_keyboard for one in row]  # type: ignore[union-attr]  # noqa: E731
    assert "Snapshot cam1" not in names()
    await bot.camera("cam1")
    assert "Snapshot cam1" in names()
    assert await bot.press(bot.button(Action.SNAPSHOT, number), BOB, GROUP) == "cam1 is asked for a picture."
    assert bot.asked("cam1") == [("phone", str(GROUP))]


async def test_the_film_of_a_day_is_made_and_comes_to_who_asked_as_often_as_he_asks(bot: Bot) -> None:
    await bot.camera("cam1")
    yesterday = now_in_utc().date() - timedelta(days=1)
    bot.film = f"cam1/films/{yesterday}.mp4"
    bot.may_film.clear()
    for command in ("/film cam1", f"/film cam1 {yesterday}"):
        assert await bot.ask(command) == f"The film of cam1, {yesterday}, is being made. It comes here."
    bot.may_film.set()
    await until(bot.films, "the film")
    (film,) = bot.films()
    assert (film.recipient, film.attachment, film.text) == (str(ANN), bot.film, f"cam1, {yesterday}")
    await bot.ask("/film cam1")
    await until(lambda: len(bot.films()) == 2, "the film again")


async def test_why_there_is_no_film_is_said_once_that_is_known(bot: Bot, api: FakeTelegram) -> None:
    await bot.camera("cam1")
    yesterday = now_in_utc().date() - timedelta(days=1)
    await bot.ask("/film cam1")
    await until(lambda: f"cam1 has no pictures of {yesterday}." in api.texts(ANN), "the answer")
    bot.film = FilmError(FilmFault.NO_FFMPEG, "there is no ffmpeg; install it")
    await bot.ask("/film cam1")
    why = f"No film of cam1, {yesterday}: there is no ffmpeg; install it"
    await until(lambda: why in api.texts(ANN), "the answer")
    assert bot.films() == []


async def test_films_of_what_is_no_day_or_no_device_are_not_made(bot: Bot) -> None:
    await bot.camera("cam1")
    assert "Say whose" in await bot.ask("/film")
    assert "Say whose" in await bot.ask("/film cam1 today now")
    assert await bot.ask("/film cam9") == "Not done: no device 'cam9'; /devices lists them"
    assert "write yesterday, or a day like" in await bot.ask("/film cam1 monday")
    assert "that day is not over" in await bot.ask(f"/film cam1 {now_in_utc().date()}")


async def test_only_so_many_films_are_made_at_a_time_and_none_outlives_the_server(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cameras, "MAX_FILMS", 1)
    await bot.camera("cam1")
    await bot.camera("cam2")
    bot.may_film.clear()
    await bot.ask("/film cam1")
    assert await bot.ask("/film cam2") == "Not done: 1 films are being made; ask again later"
    await bot.stop()
    assert bot.relay._answers._cameras._films == {}


def now_in_utc() -> datetime:
    return in_utc(None, now().wall)


async def test_a_stranger_gets_no_answer_and_his_chats_number_is_told_once(
    bot: Bot, api: FakeTelegram, capsys: pytest.CaptureFixture[str]
) -> None:
    number = await bot.alarm()
    for _ in range(3):
        api.say(EVE, "/disarm home")
        api.press(Posted(api.chats[EVE], 1, 0, "", None, None), bot.button(Action.ACKNOWLEDGE, number), EVE)
    assert "zone home: armed" in await bot.ask("/status")
    assert bot.house.engine.state.alarms[number].state is AlarmState.RAISED
    assert api.texts(EVE) == []
    assert api.answers == []
    assert capsys.readouterr().out.count(str(EVE)) == 1


async def test_in_a_group_only_those_who_are_named_may_do_something(bot: Bot) -> None:
    number = await bot.alarm()
    refusal = f"You may not do that: your number {EVE} is not in `users` of this destination."
    assert await bot.ask("/disarm home", GROUP, EVE) == refusal
    assert await bot.ask("/status", GROUP, EVE) == refusal
    assert await bot.press(bot.button(Action.ACKNOWLEDGE, number), EVE, GROUP) == refusal
    assert bot.house.engine.state.alarms[number].state is AlarmState.RAISED
    assert "/status" in await bot.ask("/help", GROUP, EVE)
    assert await bot.ask("/disarm home", GROUP, BOB) == "Zone home is disarmed now."


async def test_commands_for_another_bot_of_the_group_are_none_of_ours(bot: Bot, api: FakeTelegram) -> None:
    api.say(GROUP, "/disarm@other_bot home", BOB)
    assert await bot.ask("/disarm@Alarmd_Bot unassigned", GROUP, BOB) == "Zone unassigned is disarmed now."
    assert bot.house.engine.state.zones[1].arming is Arming.ARMED


async def test_a_group_is_answered_where_it_moved(bot: Bot, api: FakeTelegram) -> None:
    api.add_chat(-1000, "the house", "supergroup")
    bot.moved[str(GROUP)] = "-1000"
    again = Telegram("phone", BotSettings(TOKEN, api.url, (GROUP,), (BOB,)), bot.desk)
    assert again._at(-1000) is not None
    assert again._at(GROUP) is None
    await again.close()


async def test_what_the_bot_answers_counts_towards_what_a_chat_may_be_sent(bot: Bot) -> None:
    await bot.ask("/status")
    assert str(ANN) in bot.relay.busy(urgent=True)


async def test_long_answers_are_cut_between_lines(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MAX_UNITS", 100)
    told = await bot.ask("/help")
    assert told.endswith("\n…")
    assert len(told) <= 100
    assert MAX_UNITS == 4096


async def test_a_telegram_that_is_away_is_asked_again_until_it_is_back_and_the_log_says_so_once(
    tmp_path: Path, api: FakeTelegram, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bot_module, "delay", lambda _attempt, _jitter: 0.02)
    api.fault = lambda _method, _parameters: Fault(status=502, body=b"<html>")
    async with real_house(tmp_path) as house:
        bot = Bot(house, api, tmp_path)
        await until(lambda: bot.relay._people._failures >= 3)
        api.fault = lambda _method, _parameters: None
        assert "alarmd" in await bot.ask("/status")
        await bot.stop()
    shown = capsys.readouterr().out
    assert shown.count("cannot be read") == 1
    assert TOKEN not in shown


async def test_a_wrong_token_is_said_with_what_to_do_and_never_shown(
    tmp_path: Path, api: FakeTelegram, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bot_module, "delay", lambda _attempt, _jitter: 0.02)
    api.token = "another"
    async with real_house(tmp_path) as house:
        bot = Bot(house, api, tmp_path)
        await until(lambda: bot.relay._people._failures >= 2)
        await bot.stop()
    shown = capsys.readouterr()
    assert "ask @BotFather" in shown.out
    assert TOKEN not in shown.out + shown.err


async def test_polling_that_fails_goes_on_by_itself(bot: Bot, api: FakeTelegram) -> None:
    await bot.ask("/status")
    api.fault = lambda method, _parameters: Fault(status=500, body=b"{}") if method == "getUpdates" else None
    await until(lambda: bot.relay._people._failures > 0)
    api.fault = lambda _method, _parameters: None
    assert "alarmd" in await bot.ask("/status")


async def test_an_answer_that_cannot_be_sent_ends_nothing(bot: Bot, api: FakeTelegram) -> None:
    lost = ("sendMessage", "answerCallbackQuery")
    api.fault = lambda method, _parameters: Fault(status=400, body=b"{}") if method in lost else None
    calls = len(api.calls)
    api.say(ANN, "/status")
    number = await bot.alarm()
    api.press(Posted(api.chats[ANN], 1, 0, "", None, None), bot.button(Action.ACKNOWLEDGE, number), ANN)
    await until(lambda: bot.house.engine.state.alarms[number].state is AlarmState.ACKNOWLEDGED)
    api.fault = lambda _method, _parameters: None
    assert "alarmd" in await bot.ask("/status")
    assert len(api.calls) > calls


async def test_a_defect_in_an_answer_is_logged_without_words_and_ends_nothing(
    bot: Bot, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fail(*_what: object) -> str:
        raise ZeroDivisionError(TOKEN)

    bot.relay._people._answers.command = fail  # type: ignore[method-assign]
    bot.api.say(ANN, "/status")
    await until(lambda: "ZeroDivisionError" in capsys.readouterr().out)
    del bot.relay._people._answers.command  # type: ignore[method-assign]
    assert "alarmd" in await bot.ask("/status")


async def test_it_stops_at_once_although_telegram_says_nothing(
    tmp_path: Path, api: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot_module, "STOP_PATIENCE", 0.05)
    async with real_house(tmp_path) as house:
        bot = Bot(house, api, tmp_path)
        await bot.ask("/status")
        api.fault = lambda _method, _parameters: Fault()
        bot.task.cancel()
        await asyncio.wait([bot.task], timeout=20)
        assert bot.task.done()
        await bot.stop()
        assert isinstance(bot.relay, Listens)
