"""The relay: whoever is to be told is a chat. Only what is configured is ever written to."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from telegram import Bot
from telegram.request import HTTPXRequest

from alarmd.relays.desk import Desk
from alarmd.relays.interface import GiveUp, Outcome
from alarmd.relays.telegram.answers import Answers
from alarmd.relays.telegram.bot import TelegramBot
from alarmd.relays.telegram.budget import OVERALL, ChatBudget, Window
from alarmd.relays.telegram.chat import Chat
from alarmd.relays.telegram.line import IN_FLIGHT
from alarmd.storage.interface import Lease

CONNECTIONS = 32
UPLOADS_AT_ONCE = 3
CONNECT, WRITE, READ, POOL = 5.0, 5.0, 10.0, 2.0  # s; together less than chat.PATIENCE


@dataclass(frozen=True, slots=True)
class BotSettings:
    """api: the URL of a Bot API server. chats: who is told, now or later. users: who may answer in groups."""

    token: str = field(repr=False)
    api: str
    chats: tuple[int, ...]
    users: tuple[int, ...] = ()


def make_bot(token: str, api: str) -> Bot:
    """A client of the Bot API at `api`. Its repr has the token in it: show it nobody."""
    request = HTTPXRequest(
        CONNECTIONS, connect_timeout=CONNECT, write_timeout=WRITE, read_timeout=READ, pool_timeout=POOL
    )
    return Bot(token, base_url=f"{api}/bot", request=request)


class Telegram:
    """destination: its name in the configuration."""

    def __init__(self, destination: str, settings: BotSettings, desk: Desk) -> None:
        self._bot = make_bot(settings.token, settings.api)
        moved, overall = desk.moved(destination), Window(*OVERALL)
        under_way = asyncio.Semaphore(UPLOADS_AT_ONCE)

        def chat(name: str) -> Chat:
            address = int(moved.get(name, name))
            return Chat(name, address, self._bot, ChatBudget(overall, group=int(name) < 0), desk, under_way)

        self._chats = {name: chat(name) for name in map(str, settings.chats)}
        people = frozenset(settings.users)
        self._answers = Answers(desk)
        self._people = TelegramBot(destination, settings.token, settings.api, people, self._at, self._answers)

    def busy(self, *, urgent: bool) -> Mapping[str, float]:
        waits = {name: chat.wait(urgent=urgent) for name, chat in self._chats.items()}
        return {name: seconds for name, seconds in waits.items() if seconds > 0}

    def uploading(self) -> Mapping[str, float]:
        return {name: IN_FLIGHT for name, chat in self._chats.items() if chat.uploading}

    async def deliver(self, lease: Lease) -> Outcome:
        chat = self._chats.get(lease.delivery.recipient)
        if chat is None:
            return GiveUp("this chat is no longer configured")
        return await chat.tell(lease)

    async def listen(self) -> None:
        """To what people answer; until cancelled."""
        await self._people.listen()

    async def close(self) -> None:
        await asyncio.gather(self._answers.close(), *(chat.close() for chat in self._chats.values()))
        await self._bot.request.shutdown()

    def _at(self, address: int) -> Chat | None:
        return next((chat for chat in self._chats.values() if chat.address == address), None)
