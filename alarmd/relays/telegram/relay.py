"""The relay: whoever is to be told is a chat. Only what is configured is ever written to."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from telegram import Bot
from telegram.request import HTTPXRequest

from alarmd.core.instant import Instant
from alarmd.relays.interface import GiveUp, Outcome
from alarmd.relays.telegram.budget import OVERALL, ChatBudget, Window
from alarmd.relays.telegram.chat import Chat
from alarmd.relays.telegram.wording import LocalTime
from alarmd.storage.interface import Lease

CONNECTIONS = 32
CONNECT, WRITE, READ, POOL = 5.0, 5.0, 10.0, 2.0  # s; together less than chat.PATIENCE


def make_bot(token: str, api: str) -> Bot:
    """A client of the Bot API at `api`. Its repr has the token in it: show it nobody."""
    request = HTTPXRequest(
        CONNECTIONS, connect_timeout=CONNECT, write_timeout=WRITE, read_timeout=READ, pool_timeout=POOL
    )
    return Bot(token, base_url=f"{api}/bot", request=request)


class Telegram:
    """chats: their ids. local: the wall time of a zone."""

    def __init__(self, bot: Bot, chats: Sequence[str], now: Callable[[], Instant], local: LocalTime) -> None:
        self._bot = bot
        overall = Window(*OVERALL)
        self._chats = {name: Chat(name, bot, ChatBudget(overall, group=int(name) < 0), now, local) for name in chats}

    def busy(self, *, urgent: bool) -> Mapping[str, float]:
        waits = {name: chat.wait(urgent=urgent) for name, chat in self._chats.items()}
        return {name: seconds for name, seconds in waits.items() if seconds > 0}

    async def deliver(self, lease: Lease) -> Outcome:
        chat = self._chats.get(lease.delivery.recipient)
        if chat is None:
            return GiveUp("this chat is no longer configured")
        return await chat.tell(lease)

    async def close(self) -> None:
        await asyncio.gather(*(chat.close() for chat in self._chats.values()))
        await self._bot.request.shutdown()
