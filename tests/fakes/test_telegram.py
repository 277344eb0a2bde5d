"""The fake Bot API is held against client libraries of others, which were written for the real one; one of them was
generated from its published description."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiogram
import pytest
import telebot
import telegram
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.methods import (
    AnswerCallbackQuery,
    EditMessageCaption,
    EditMessageMedia,
    EditMessageText,
    GetUpdates,
    SendDocument,
    SendMediaGroup,
    SendMessage,
    SendPhoto,
    SendVideo,
    SetMyCommands,
)
from aiogram.types import (
    BotCommand,
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    ReplyParameters,
)
from telebot import apihelper
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter

from alarmd.relays.telegram.relay import make_bot
from tests.fakes.telegram import TOKEN, FakeTelegram, Fault, fake_telegram
from tests.fakes.telegram_checks import MAX_CALLBACK, MAX_CAPTION, MAX_FILE, MAX_PHOTO, MAX_TEXT
from tests.frames.pictures import jpeg

GROUP, SUPERGROUP, ANN, BLOCKED = -100, -1001000, 42, 43
METHODS = {
    "sendMessage": SendMessage,
    "editMessageText": EditMessageText,
    "answerCallbackQuery": AnswerCallbackQuery,
    "getUpdates": GetUpdates,
    "setMyCommands": SetMyCommands,
    "sendPhoto": SendPhoto,
    "sendDocument": SendDocument,
    "sendVideo": SendVideo,
    "sendMediaGroup": SendMediaGroup,
    "editMessageCaption": EditMessageCaption,
    "editMessageMedia": EditMessageMedia,
}


@pytest.fixture
def api() -> Iterator[FakeTelegram]:
    with fake_telegram() as made:
        made.add_chat(ANN)
        made.add_chat(GROUP, "the house")
        made.add_chat(BLOCKED, "bob").writable = False
        yield made


@pytest.fixture
async def generated(api: FakeTelegram) -> AsyncIterator[aiogram.Bot]:
    session = AiohttpSession(api=TelegramAPIServer.from_base(api.url))
    async with aiogram.Bot(TOKEN, session) as bot:
        yield bot


@pytest.fixture
async def own(api: FakeTelegram) -> AsyncIterator[telegram.Bot]:
    bot = make_bot(TOKEN, api.url)
    yield bot
    await bot.request.shutdown()


def keyboard(data: str = "a") -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Yes", callback_data=data)]])


async def test_aiogram_sends_edits_and_reads_it_all_back(generated: aiogram.Bot, api: FakeTelegram) -> None:
    me = await generated.get_me()
    assert (me.username, me.is_bot) == ("alarmd_bot", True)
    sent = await generated.send_message(ANN, "one", reply_markup=keyboard())
    assert (sent.chat.id, sent.text, sent.from_user and sent.from_user.is_bot) == (ANN, "one", True)
    edited = await generated.edit_message_text("two", chat_id=ANN, message_id=sent.message_id)
    assert isinstance(edited, aiogram.types.Message)
    assert (edited.text, edited.reply_markup) == ("two", None)
    assert await generated.set_my_commands([BotCommand(command="help", description="Help")])
    assert api.texts(ANN) == ["two"]


async def test_aiogram_gets_what_people_write_and_press(generated: aiogram.Bot, api: FakeTelegram) -> None:
    await generated.send_message(GROUP, "one", reply_markup=keyboard("yes"))
    api.say(GROUP, "/status@alarmd_bot now", user=7, name="bob")
    api.press(api.posted[0], "yes", user=7)
    written, pressed = await generated.get_updates(timeout=1)
    assert written.message is not None
    assert written.message.from_user is not None
    assert (written.message.text, written.message.from_user.id, written.message.chat.type) == (
        "/status@alarmd_bot now",
        7,
        "group",
    )
    assert pressed.callback_query is not None
    assert pressed.callback_query.data == "yes"
    assert await generated.answer_callback_query(pressed.callback_query.id, text="done")
    assert await generated.get_updates(offset=pressed.update_id + 1) == []


async def test_aiogram_knows_every_error_by_its_own_name(generated: aiogram.Bot, api: FakeTelegram) -> None:
    api.migrate(GROUP, SUPERGROUP)
    with pytest.raises(TelegramMigrateToChat) as migrated:
        await generated.send_message(GROUP, "one")
    assert migrated.value.migrate_to_chat_id == SUPERGROUP
    api.retry_after[ANN] = 7
    with pytest.raises(TelegramRetryAfter) as limited:
        await generated.send_message(ANN, "one")
    assert limited.value.retry_after == 7
    with pytest.raises(TelegramForbiddenError):
        await generated.send_message(BLOCKED, "one")
    with pytest.raises(TelegramBadRequest, match="chat not found"):
        await generated.send_message(1, "one")
    with pytest.raises(TelegramBadRequest, match="message to edit not found"):
        await generated.edit_message_text("x", chat_id=ANN, message_id=99)
    sent = await generated.send_message(ANN, "one")
    with pytest.raises(TelegramBadRequest, match="message is not modified"):
        await generated.edit_message_text("one", chat_id=ANN, message_id=sent.message_id)
    api.token = "another"
    with pytest.raises(TelegramUnauthorizedError):
        await generated.get_me()


def file(data: bytes, name: str = "a.jpg") -> BufferedInputFile:
    return BufferedInputFile(data, name)


async def test_aiogram_sends_photos_documents_and_videos(generated: aiogram.Bot, api: FakeTelegram) -> None:
    picture = jpeg(320, 240)
    photo = await generated.send_photo(
        ANN, file(picture), caption="a photo", reply_parameters=ReplyParameters(message_id=7)
    )
    assert photo.photo is not None
    assert (photo.photo[-1].width, photo.photo[-1].height, photo.caption, photo.text) == (320, 240, "a photo", None)
    document = await generated.send_document(ANN, file(b"anything"), disable_notification=True)
    assert document.document is not None
    assert document.document.file_size == 8
    assert (await generated.send_video(ANN, file(b"a film", "a.mp4"))).video is not None
    assert [(one.media and one.media.data, one.silent) for one in api.posted] == [
        (picture, False),
        (b"anything", True),
        (b"a film", False),
    ]
    assert api.posted[0].reply_to == 7


async def test_aiogram_sends_an_album(generated: aiogram.Bot, api: FakeTelegram) -> None:
    pictures = [jpeg(320, 240, quality=50 + number) for number in range(10)]
    album = [InputMediaPhoto(media=file(one), caption=str(number)) for number, one in enumerate(pictures)]
    sent = await generated.send_media_group(ANN, album)
    assert len({message.media_group_id for message in sent}) == 1
    assert [(one.media and one.media.data, one.text) for one in api.posted] == [
        (one, str(number)) for number, one in enumerate(pictures)
    ]
    for wrong in (album[:1], [*album, album[0]], [album[0], InputMediaDocument(media=file(b"x"))]):
        with pytest.raises(TelegramBadRequest):
            await generated.send_media_group(ANN, wrong)


async def test_a_text_becomes_a_photo_and_its_caption_can_be_changed(generated: aiogram.Bot, api: FakeTelegram) -> None:
    sent = await generated.send_message(ANN, "one")
    where = {"chat_id": ANN, "message_id": sent.message_id}
    with pytest.raises(TelegramBadRequest, match="there is no caption in the message to edit"):
        await generated.edit_message_caption(caption="two", **where)
    photo = InputMediaPhoto(media=file(jpeg(320, 240)), caption="two")
    edited = await generated.edit_message_media(photo, reply_markup=keyboard(), **where)
    assert isinstance(edited, aiogram.types.Message)
    assert (edited.caption, edited.text, edited.photo is not None) == ("two", None, True)
    await generated.edit_message_caption(caption="three", **where)
    assert [(one.text, one.edits) for one in api.posted] == [("three", ["one", "two"])]
    with pytest.raises(TelegramBadRequest, match="there is no text in the message to edit"):
        await generated.edit_message_text("four", **where)
    with pytest.raises(TelegramBadRequest, match="message to edit not found"):
        await generated.edit_message_media(photo, chat_id=ANN, message_id=99)


@pytest.mark.parametrize(
    ("size", "refused"),
    [
        ((9_800, 200), "PHOTO_INVALID_DIMENSIONS"),
        ((9_600, 480), "PHOTO_INVALID_DIMENSIONS"),
        ((9_000, 450), None),
        ((8, 8), "PHOTO_INVALID_DIMENSIONS"),
    ],
)
async def test_photos_of_odd_shapes_are_refused(
    generated: aiogram.Bot, size: tuple[int, int], refused: str | None
) -> None:
    picture = file(jpeg(*size))
    if refused is None:
        await generated.send_photo(ANN, picture)
        return
    with pytest.raises(TelegramBadRequest, match=refused):
        await generated.send_photo(ANN, picture)


async def test_what_is_too_much_is_refused(generated: aiogram.Bot) -> None:
    with pytest.raises(TelegramBadRequest, match="too big for a photo; the maximum size is 10485760 bytes"):
        await generated.send_photo(ANN, file(bytes(MAX_PHOTO + 1)))
    with pytest.raises(TelegramBadRequest, match="IMAGE_PROCESS_FAILED"):
        await generated.send_photo(ANN, file(b"no picture"))
    with pytest.raises(TelegramEntityTooLarge):
        await generated.send_document(ANN, file(bytes(MAX_FILE + 1)))
    await generated.send_photo(ANN, file(jpeg(320, 240)), caption="x" * MAX_CAPTION)
    with pytest.raises(TelegramBadRequest, match="caption is too long"):
        await generated.send_photo(ANN, file(jpeg(320, 240)), caption="x" * (MAX_CAPTION + 1))


@pytest.mark.parametrize(
    ("text", "data", "refused"),
    [
        ("x" * MAX_TEXT, "d" * MAX_CALLBACK, None),
        ("🔴" * (MAX_TEXT // 2), "é" * (MAX_CALLBACK // 2), None),
        ("x" * (MAX_TEXT + 1), "d", "message is too long"),
        ("🔴" * (MAX_TEXT // 2) + "x", "d", "message is too long"),
        (" \n", "d", "text is empty"),
        ("x", "d" * (MAX_CALLBACK + 1), "BUTTON_DATA_INVALID"),
        ("x", "é" * (MAX_CALLBACK // 2) + "x", "BUTTON_DATA_INVALID"),
    ],
)
async def test_its_limits_are_the_published_ones(
    generated: aiogram.Bot, text: str, data: str, refused: str | None
) -> None:
    if refused is None:
        await generated.send_message(ANN, text, reply_markup=keyboard(data))
        return
    with pytest.raises(TelegramBadRequest, match=refused):
        await generated.send_message(ANN, text, reply_markup=keyboard(data))


async def test_telebot_speaks_with_it_too(api: FakeTelegram, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apihelper, "API_URL", api.url + "/bot{0}/{1}")

    def speak() -> None:
        bot = telebot.TeleBot(TOKEN, threaded=False)
        assert bot.get_me().username == "alarmd_bot"
        markup = telebot.types.InlineKeyboardMarkup()
        markup.add(telebot.types.InlineKeyboardButton("Yes", callback_data="yes"))
        sent = bot.send_message(ANN, "[one]", reply_markup=markup)
        assert (sent.text, sent.chat.type) == ("[one]", "private")
        bot.edit_message_text("two", ANN, sent.message_id)
        api.press(api.posted[0], "yes", user=ANN)
        (update,) = bot.get_updates(timeout=1)
        assert update.callback_query.data == "yes"
        assert bot.answer_callback_query(update.callback_query.id, "done")
        photo = telebot.types.InputMediaPhoto(jpeg(320, 240), caption="three")
        assert bot.edit_message_media(photo, ANN, sent.message_id).caption == "three"
        assert bot.edit_message_caption("four", ANN, sent.message_id).caption == "four"
        assert len(bot.send_media_group(ANN, [telebot.types.InputMediaPhoto(jpeg(320, 240)), photo])) == 2
        assert bot.send_photo(ANN, jpeg(320, 240), caption="five").photo[-1].width == 320
        assert bot.send_document(ANN, b"anything", visible_file_name="a.jpg").document.file_size == 8
        assert bot.send_video(ANN, b"a film").video is not None
        with pytest.raises(apihelper.ApiTelegramException) as refused:
            bot.send_message(BLOCKED, "x")
        assert refused.value.error_code == 403

    await asyncio.to_thread(speak)
    assert api.texts(ANN) == ["four", "", "three", "five", "", ""]


async def test_our_own_library_raises_for_it_what_it_raises_for_the_real_one(
    own: telegram.Bot, api: FakeTelegram
) -> None:
    api.migrate(GROUP, SUPERGROUP)
    with pytest.raises(ChatMigrated):
        await own.send_message(GROUP, "one")
    api.retry_after[ANN] = 7
    with pytest.raises(RetryAfter):
        await own.send_message(ANN, "one")
    with pytest.raises(Forbidden):
        await own.send_message(BLOCKED, "one")
    with pytest.raises(BadRequest):
        await own.send_message(1, "one")
    api.token = "another"
    with pytest.raises(InvalidToken):
        await own.get_me()


async def test_what_our_library_sends_is_in_the_published_description(own: telegram.Bot, api: FakeTelegram) -> None:
    markup = telegram.InlineKeyboardMarkup([[telegram.InlineKeyboardButton("Yes", callback_data="yes")]])
    sent = await own.send_message(ANN, "one", reply_markup=markup, disable_notification=True)
    await own.send_message(ANN, "again", reply_parameters=telegram.ReplyParameters(sent.message_id))
    await own.edit_message_text("two", ANN, sent.message_id)
    await own.set_my_commands([("help", "Help")])
    api.press(api.posted[0], "yes", user=ANN)
    (update,) = await own.get_updates(timeout=1)
    assert update.callback_query is not None
    await own.answer_callback_query(update.callback_query.id, "done")
    photos = [telegram.InputMediaPhoto(jpeg(320, 240), caption="", filename="a.jpg") for _ in range(2)]
    await own.edit_message_media(photos[0], ANN, sent.message_id, reply_markup=markup)
    await own.edit_message_caption(ANN, sent.message_id, caption="three", reply_markup=markup)
    await own.send_media_group(ANN, photos, reply_parameters=telegram.ReplyParameters(sent.message_id))
    await own.send_photo(ANN, jpeg(320, 240), caption="four", filename="a.jpg", disable_notification=True)
    await own.send_document(ANN, jpeg(320, 240), filename="a.jpg", reply_markup=markup)
    await own.send_video(ANN, b"a film", filename="a.mp4", supports_streaming=True)
    checked = [check(METHODS[name], parameters) for name, parameters in api.calls if name in METHODS]
    assert len(checked) == 12


def check(method: Any, parameters: dict[str, Any]) -> object:
    """Its fields are those of the published method, and so are their types; files are parts with the names of their
    parameters, or those that are attached."""
    attached = {name for name in parameters if f"attach://{name}" in str(parameters)}
    parameters = {
        name: "a file" if isinstance(value, bytes) else value
        for name, value in parameters.items()
        if name not in attached
    }
    assert set(parameters) <= set(method.model_fields), parameters
    return method.model_validate(parameters)


async def test_a_fault_is_what_the_test_makes_of_it(own: telegram.Bot, api: FakeTelegram) -> None:
    api.fault = lambda _method, _parameters: Fault(status=502, body=b"<html>")
    with pytest.raises(telegram.error.NetworkError):
        await own.get_me()
    api.fault = lambda _method, _parameters: Fault(processed=True, status=500, body=b"{}")
    with pytest.raises(telegram.error.NetworkError):
        await own.send_message(ANN, "one")
    assert api.texts(ANN) == ["one"]
