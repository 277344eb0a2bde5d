"""One chat: its messages go out one after the other, and alarms that wait together are told together. Uploads have a
line of their own: however slow one is, the text of a new alarm does not wait for it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from telegram import Bot
from telegram.error import ChatMigrated, RetryAfter, TelegramError

from alarmd.frames.errors import ArchiveError
from alarmd.relays.desk import Desk
from alarmd.relays.interface import Delivered, Later, Outcome, TryAgain
from alarmd.relays.telegram import parcels, texts
from alarmd.relays.telegram.budget import ChatBudget
from alarmd.relays.telegram.failures import outcome_of, pause
from alarmd.relays.telegram.line import IN_FLIGHT, Line
from alarmd.relays.telegram.texts import Texts
from alarmd.relays.telegram.uploads import Uploads
from alarmd.storage.interface import Lease

PATIENCE = 25.0  # s for one call; less than DELIVERY_TIMEOUT, after which somebody else may try
UPLOAD_PATIENCE = 280.0  # s; less than UPLOAD_TIMEOUT

Post = Callable[[int], Awaitable[Delivered]]  # to the chat at an address


class Chat:
    """name: as configured. address: where it is; it changes when the group becomes a supergroup. under_way: of all
    uploads of the bot; they share one line, and are in memory."""

    def __init__(
        self, name: str, address: int, bot: Bot, budget: ChatBudget, desk: Desk, under_way: asyncio.Semaphore
    ) -> None:
        self.name = name
        self.address = address
        self._budget = budget
        self._desk = desk
        self._under_way = under_way
        self._texts = Texts(bot, desk)
        self._uploads = Uploads(bot, desk, self._texts)
        self._quick = Line(texts.choose, self._post_texts)
        self._slow = Line(self._choose_uploads, self._post_uploads)

    @property
    def uploading(self) -> bool:
        """Whether it takes no further upload just now."""
        return self._slow.busy or self._under_way.locked()

    def wait(self, *, urgent: bool) -> float:
        """Seconds until it may be told something; 0: now."""
        return IN_FLIGHT if self._quick.busy else max(0.0, self._budget.wait(self._mono(), urgent=urgent))

    async def tell(self, lease: Lease) -> Outcome:
        line = self._slow if lease.delivery.attachment else self._quick
        return await line.tell(lease)

    def spend(self) -> None:
        """Somebody else writes to it too."""
        self._budget.spend(self._mono())

    async def close(self) -> None:
        await asyncio.gather(self._quick.close(), self._slow.close())

    def _choose_uploads(self, waiting: Sequence[Lease]) -> Sequence[Lease]:
        return parcels.choose(waiting, self._budget.room(self._mono()))

    async def _post_texts(self, leases: Sequence[Lease]) -> Outcome:
        urgent = any(lease.delivery.urgent for lease in leases)
        seconds = self._budget.wait(self._mono(), urgent=urgent)
        if seconds > 0:
            return Later(seconds)
        return await self._posted(lambda address: self._texts.post(address, leases), 1, PATIENCE)

    async def _post_uploads(self, leases: Sequence[Lease]) -> Outcome:
        if self._under_way.locked():
            return Later(IN_FLIGHT)
        async with self._under_way:
            try:
                parcel = await asyncio.to_thread(parcels.load, self._desk.archive, leases)
            except ArchiveError as error:
                return TryAgain(None, str(error))
            seconds = self._budget.wait(self._mono(), urgent=False)
            if seconds > 0:
                return Later(seconds)
            return await self._posted(lambda address: self._uploads.post(address, parcel), len(leases), UPLOAD_PATIENCE)

    async def _posted(self, post: Post, count: int, patience: float) -> Outcome:
        """count: messages that this is for Telegram."""
        try:
            async with asyncio.timeout(patience):
                return await self._wherever_it_is(post, count)
        except RetryAfter as error:
            self._budget.block(self._mono(), pause(error))
            return Later(pause(error))
        except TelegramError as error:
            return outcome_of(error, self.name)
        except TimeoutError:  # it began to answer
            return TryAgain(None, f"no answer within {patience:.0f} s", uncertain=True)

    async def _wherever_it_is(self, post: Post, count: int) -> Outcome:
        self._budget.spend(self._mono(), count)
        try:
            return await post(self.address)
        except ChatMigrated as moved:
            self.address = moved.new_chat_id
            self._budget.spend(self._mono(), count)
            done = await post(self.address)
            return Delivered(done.reference, moved_to=str(self.address))

    def _mono(self) -> float:
        return self._desk.now().mono
