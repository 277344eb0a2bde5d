"""One chat: its messages go out one after the other, and alarms that wait together are told together."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from telegram import Bot, LinkPreviewOptions, ReplyParameters
from telegram.error import BadRequest, ChatMigrated, RetryAfter, TelegramError

from alarmd.core.instant import Instant
from alarmd.core.records import AlarmState
from alarmd.relays.interface import Delivered, Later, Outcome, TryAgain
from alarmd.relays.telegram import buttons, wording
from alarmd.relays.telegram.budget import ChatBudget
from alarmd.relays.telegram.failures import is_gone, is_unchanged, outcome_of, pause
from alarmd.relays.telegram.wording import MAX_TOGETHER, LocalTime
from alarmd.storage.interface import Lease, StoredAlarm

PATIENCE = 25.0  # s for one call; less than DELIVERY_TIMEOUT, after which somebody else may try
IN_FLIGHT = 1.0  # s after which to ask again, unless what is in flight ends before and wakes the lane
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


@dataclass(eq=False)
class _Waiting:
    lease: Lease
    outcome: "asyncio.Future[Outcome]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Chat:
    """name: as configured. address: where it is; it changes when the group becomes a supergroup. local: the wall time
    of a zone."""

    def __init__(
        self, name: str, address: int, bot: Bot, budget: ChatBudget, now: Callable[[], Instant], local: LocalTime
    ) -> None:
        self.address = address
        self._name = name
        self._bot = bot
        self._budget = budget
        self._now = now
        self._local = local
        self._waiting: list[_Waiting] = []
        self._work: asyncio.Task[None] | None = None

    def wait(self, *, urgent: bool) -> float:
        """Seconds until it may be told something; 0: now."""
        if self._work is not None:
            return IN_FLIGHT
        return max(0.0, self._budget.wait(self._now().mono, urgent=urgent))

    async def tell(self, lease: Lease) -> Outcome:
        waiting = _Waiting(lease)
        self._waiting.append(waiting)
        if self._work is None:
            self._work = asyncio.create_task(self._tell_what_waits())
        return await waiting.outcome

    def spend(self) -> None:
        """Somebody else writes to it too."""
        self._budget.spend(self._now().mono)

    async def close(self) -> None:
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)

    async def _tell_what_waits(self) -> None:
        try:
            await asyncio.sleep(0)  # what is claimed together is handed over one by one
            while self._waiting:
                together = self._next()
                await self._settle(together)
                self._waiting = [one for one in self._waiting if one not in together]
        finally:
            self._work = None
            for one in self._waiting:
                one.outcome.cancel()
            self._waiting.clear()

    async def _settle(self, together: Sequence[_Waiting]) -> None:
        """A waiting one is done early when the lane has lost patience with it."""
        try:
            outcome = await self._tell([one.lease for one in together])
        except Exception as error:
            for one in together:
                if not one.outcome.done():
                    one.outcome.set_exception(error)  # the lane knows what to make of it
        else:
            for one in together:
                if not one.outcome.done():
                    one.outcome.set_result(outcome)

    def _next(self) -> list[_Waiting]:
        """Alarms nobody told of yet, else reminders, else what changes one message."""
        for is_next in (_is_new, _is_reminder):
            together = [one for one in self._waiting if is_next(one.lease)]
            if together:
                return together[:MAX_TOGETHER]
        place = _place(self._waiting[0].lease)
        return [one for one in self._waiting if _place(one.lease) == place]

    async def _tell(self, leases: Sequence[Lease]) -> Outcome:
        urgent = any(lease.delivery.urgent for lease in leases)
        seconds = self._budget.wait(self._now().mono, urgent=urgent)
        if seconds > 0:
            return Later(seconds)
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._post(leases)
        except RetryAfter as error:
            self._budget.block(self._now().mono, pause(error))
            return Later(pause(error))
        except TelegramError as error:
            return outcome_of(error, self._name)
        except TimeoutError:  # it began to answer
            return TryAgain(None, f"no answer within {PATIENCE:.0f} s", uncertain=True)

    async def _post(self, leases: Sequence[Lease]) -> Outcome:
        try:
            return await self._post_here(leases)
        except ChatMigrated as moved:
            self.address = moved.new_chat_id
            done = await self._post_here(leases)
            return Delivered(done.reference, moved_to=str(self.address))

    async def _post_here(self, leases: Sequence[Lease]) -> Delivered:
        self._budget.spend(self._now().mono)
        if _is_new(leases[-1]):
            return await self._send(leases)
        if _is_reminder(leases[-1]):
            return await self._remind(leases)
        if _place(leases[-1])[0] != self.address:  # in the group that this supergroup was
            return await self._send(leases)
        return await self._edit(leases)

    async def _send(self, leases: Sequence[Lease]) -> Delivered:
        repeated = {_about(lease).alarm.id for lease in leases if lease.uncertain}
        if repeated:  # a Telegram that answers nobody would get it again and again
            await self._bot.get_me()
        alarms = sorted(map(_about, leases), key=lambda stored: stored.alarm.id)
        message = await self._bot.send_message(
            self.address,
            wording.text(alarms, repeated, self._local),
            reply_markup=buttons.keyboard(alarms),
            link_preview_options=_NO_PREVIEW,
            disable_notification=not any(lease.delivery.urgent for lease in leases),
        )
        return Delivered(f"{self.address}:{message.message_id}")

    async def _remind(self, leases: Sequence[Lease]) -> Delivered:
        """A message of its own, since a change wakes nobody up; it points to the one that tells of the alarm."""
        open_ = [lease for lease in leases if _about(lease).alarm.state is AlarmState.RAISED]
        if open_:
            chat, number = _place(open_[0])
            there = ReplyParameters(number, allow_sending_without_reply=True) if chat == self.address else None
            text = wording.reminders([_about(lease) for lease in open_], self._now().wall)
            await self._bot.send_message(self.address, text, reply_parameters=there)
        return Delivered()

    async def _edit(self, leases: Sequence[Lease]) -> Delivered:
        last = leases[-1]
        assert last.message is not None
        try:
            await self._bot.edit_message_text(
                wording.text(last.message.alarms, (), self._local),
                *_place(last),
                reply_markup=buttons.keyboard(last.message.alarms),
                link_preview_options=_NO_PREVIEW,
            )
        except BadRequest as error:
            if is_gone(error):
                return await self._send(leases)
            if not is_unchanged(error):
                raise
        return Delivered()


def _about(lease: Lease) -> StoredAlarm:
    assert lease.alarm is not None
    return lease.alarm


def _is_new(lease: Lease) -> bool:
    return lease.message is None


def _is_reminder(lease: Lease) -> bool:
    return lease.delivery.subject == "reminder"


def _place(lease: Lease) -> tuple[int, int]:
    """The chat and the number of the message that tells of the alarm; for those that are not new."""
    assert lease.message is not None
    chat, _, number = lease.message.reference.partition(":")
    return int(chat), int(number)
