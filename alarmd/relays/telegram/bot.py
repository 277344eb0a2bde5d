"""What people write to the bot and press, as requests; only from chats and users that are configured."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from telegram import Bot, BotCommand, CallbackQuery, Message, Update, User
from telegram.error import InvalidToken, TelegramError
from telegram.ext import Application, ApplicationBuilder, CallbackQueryHandler, ContextTypes, MessageHandler, filters
from telegram.request import HTTPXRequest

from alarmd.relays.backoff import delay
from alarmd.relays.telegram import buttons
from alarmd.relays.telegram.answers import COMMANDS, Answers
from alarmd.relays.telegram.cameras import Asker
from alarmd.relays.telegram.chat import Chat
from alarmd.relays.telegram.wording import clipped

MAX_UPDATES = 200  # that wait to be answered; more wait at Telegram
POLL = 25  # s that Telegram may keep a request for updates open
STOP_PATIENCE = 1.0  # s for a Telegram that does not answer at the stop
STRANGERS = 100  # chats that are told in the log, each once
MAX_NOTICE = 200  # characters of an answer to a button
LISTENS_TO = ("message", "callback_query")

_log = structlog.get_logger(__name__)

App = Application[Any, Any, Any, Any, Any, Any]


class TelegramBot:
    """token and api: as for the relay. users: who may have it do something; in a private chat that is its owner.
    chat_at: the configured chat at an address, or None."""

    def __init__(
        self,
        destination: str,
        token: str,
        api: str,
        users: Collection[int],
        chat_at: Callable[[int], Chat | None],
        answers: Answers,
    ) -> None:
        self._destination = destination
        self._token = token
        self._api = api
        self._users = frozenset(users)
        self._chat_at = chat_at
        self._answers = answers
        self._strangers: OrderedDict[int, None] = OrderedDict()
        self._failures = 0

    async def listen(self) -> None:
        """Until cancelled. While Telegram is away, alarms are kept for it elsewhere; here it is only asked now and
        then whether it is back."""
        while True:
            try:
                await self._serve()
            except InvalidToken:
                self._failed("Telegram knows no bot with this bot_token: ask @BotFather for the right one")
            except TelegramError as error:  # what it says may hold the token
                self._failed(type(error).__name__)
            await asyncio.sleep(delay(self._failures, 1.0))

    async def _serve(self) -> None:
        application = self._make()
        try:
            await application.initialize()
            await application.start()
            assert application.updater is not None
            await application.updater.start_polling(
                poll_interval=0.0,
                timeout=timedelta(seconds=POLL),
                allowed_updates=LISTENS_TO,
                error_callback=self._polling_failed,
            )
            with suppress(TelegramError):  # a list of commands is nice to have
                await application.bot.set_my_commands([BotCommand(name, text) for name, text in COMMANDS.items()])
            self._works()
            await asyncio.Event().wait()
        finally:
            await _stop(application)

    def _make(self) -> App:
        """A client of its own: a chat that is slow to answer must not take connections from alarms."""
        builder = ApplicationBuilder().token(self._token).base_url(f"{self._api}/bot")
        builder = builder.request(HTTPXRequest(8)).get_updates_request(HTTPXRequest(2))
        application = builder.update_queue(asyncio.Queue(MAX_UPDATES)).job_queue(None).build()
        application.add_handler(MessageHandler(filters.COMMAND, self._commanded))
        application.add_handler(CallbackQueryHandler(self._pressed))
        application.add_error_handler(self._defect)
        return application

    async def _commanded(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        message = update.message
        if message is None or message.from_user is None or not self._is_here(message.chat.id):
            return
        name, _, addressed = (message.text or "").split()[0].removeprefix("/").partition("@")
        if addressed and addressed.lower() != (context.bot.username or "").lower():
            return
        if name not in ("help", "start") and not self._may(message.from_user, message.chat.id):
            await self._say(message, _refusal(message.from_user))
            return
        arguments = (message.text or "").split()[1:]
        asker = self._asker(message.get_bot(), message.chat.id, message.from_user)
        answer = await self._answers.command(name.lower(), arguments, asker)
        await self._say(message, answer or "There is no such command; /help lists them.")

    async def _pressed(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        query = update.callback_query
        if query is None or query.message is None or not self._is_here(query.message.chat.id):
            return
        if not self._may(query.from_user, query.message.chat.id):
            await _notice(query, _refusal(query.from_user))
            return
        pressed = buttons.read(query.data or "")
        if pressed is None:
            await _notice(query, "This button is none of this server's.")
            return
        asker = self._asker(query.get_bot(), query.message.chat.id, query.from_user)
        await _notice(query, await self._answers.pressed(pressed, asker))

    def _asker(self, bot: Bot, address: int, user: User) -> Asker:
        chat = self._chat_at(address)
        recipient = chat.name if chat is not None else ""
        return Asker(_name(user), (self._destination, recipient), partial(self._tell, bot, address))

    def _is_here(self, chat: int) -> bool:
        """A stranger gets no answer; his chat's number is logged, since who sets this up needs it."""
        if self._chat_at(chat) is not None:
            return True
        if chat not in self._strangers and len(self._strangers) < STRANGERS:
            self._strangers[chat] = None
            _log.info("somebody wrote to the bot from a chat that is not configured", chat=chat, **self._who())
        return False

    def _may(self, user: User, chat: int) -> bool:
        return user.id in self._users or user.id == chat

    async def _say(self, message: Message, text: str) -> None:
        self._spend(message.chat.id)
        with suppress(TelegramError):  # he will ask again
            await message.reply_text(text)

    async def _tell(self, bot: Bot, address: int, text: str) -> None:
        """Later, and to nobody's message."""
        self._spend(address)
        with suppress(TelegramError):
            await bot.send_message(address, text)

    def _spend(self, address: int) -> None:
        chat = self._chat_at(address)
        if chat is not None:
            chat.spend()

    async def _defect(self, _update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
        _log.error("an answer failed in an unforeseen way", error=type(context.error).__name__, **self._who())

    def _polling_failed(self, error: TelegramError) -> None:
        self._failed(type(error).__name__)

    def _failed(self, reason: str) -> None:
        self._failures += 1
        if self._failures == 1:
            _log.warning("what people write to the bot cannot be read; trying again", reason=reason, **self._who())

    def _works(self) -> None:
        self._failures = 0
        _log.info("the bot listens", **self._who())

    def _who(self) -> dict[str, str]:
        return {"destination": self._destination}


async def _stop(application: App) -> None:
    """In as little time as it takes; a Telegram that does not answer is left to itself."""
    with suppress(TelegramError, TimeoutError, RuntimeError):
        async with asyncio.timeout(STOP_PATIENCE):
            if application.updater is not None and application.updater.running:
                await application.updater.stop()
    with suppress(TelegramError, TimeoutError, RuntimeError):
        async with asyncio.timeout(STOP_PATIENCE):
            if application.running:
                await application.stop()
            await application.shutdown()


async def _notice(query: CallbackQuery, text: str) -> None:
    with suppress(TelegramError):  # too late to be shown, for example
        await query.answer(text[:MAX_NOTICE])


def _name(user: User) -> str:
    """For the history, and for everybody who reads the message."""
    return clipped(f"{(user.username or user.full_name)[:32]} over Telegram")


def _refusal(user: User) -> str:
    return f"You may not do that: your number {user.id} is not in `users` of this destination."
