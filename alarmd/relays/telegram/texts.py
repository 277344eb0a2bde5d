"""Messages of text, and what changes a message: an alarm that nobody was told of yet, a reminder, what became of an
alarm, and what has no picture after all."""

from collections.abc import Sequence

from telegram import Bot, LinkPreviewOptions, ReplyParameters
from telegram.error import BadRequest

from alarmd.core.records import AlarmState
from alarmd.relays.desk import Desk
from alarmd.relays.interface import Delivered
from alarmd.relays.telegram import buttons, captions, references, wording
from alarmd.relays.telegram.failures import is_captioned, is_gone, is_unchanged
from alarmd.relays.telegram.references import Place, Shown
from alarmd.relays.telegram.wording import MAX_TOGETHER
from alarmd.storage.interface import Lease, StoredAlarm

_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


def choose(waiting: Sequence[Lease]) -> Sequence[Lease]:
    """Alarms nobody told of yet, else reminders, else what changes one message or is told alone."""
    for is_next in (_is_new, _is_reminder):
        together = [lease for lease in waiting if is_next(lease)]
        if together:
            return together[:MAX_TOGETHER]
    first = waiting[0]
    if first.message is None:
        return [first]
    return [lease for lease in waiting if lease.message and lease.message.reference == first.message.reference]


def about(lease: Lease) -> StoredAlarm:
    assert lease.alarm is not None
    return lease.alarm


def place(lease: Lease) -> Place:
    """Of the message that tells of the alarm; for those that are not new."""
    assert lease.message is not None
    return references.read(lease.message.reference)


def reply_to(place: Place | None, address: int) -> ReplyParameters | None:
    """What points to a message, also when somebody deletes it meanwhile; None if it is in another chat."""
    if place is None or place.chat != address:
        return None
    return ReplyParameters(place.number, allow_sending_without_reply=True)


class Texts:
    def __init__(self, bot: Bot, desk: Desk) -> None:
        self._bot = bot
        self._desk = desk

    async def post(self, address: int, leases: Sequence[Lease]) -> Delivered:
        """What was chosen together, to the chat that is there. Raises TelegramError."""
        last = leases[-1]
        if last.alarm is None:
            return await self._say(address, last)
        if _is_new(last):
            return await self.tell(address, leases)
        if _is_reminder(last):
            return await self._remind(address, leases)
        if place(last).chat != address:  # in the group that this supergroup was
            return await self.tell(address, leases)
        return await self._edit(address, last)

    async def tell(self, address: int, leases: Sequence[Lease]) -> Delivered:
        repeated = {about(lease).alarm.id for lease in leases if lease.uncertain}
        await self.be_sure(leases)
        alarms = sorted(map(about, leases), key=lambda stored: stored.alarm.id)
        message = await self._bot.send_message(
            address,
            wording.text(alarms, repeated, self._desk.local, self._desk.now().wall),
            reply_markup=buttons.keyboard(alarms, self._desk.state),
            link_preview_options=_NO_PREVIEW,
            disable_notification=not any(lease.delivery.urgent for lease in leases),
        )
        return Delivered(str(Place(address, message.message_id)))

    async def reply(self, address: int, text: str, to: Place | None, *, silent: bool) -> None:
        await self._bot.send_message(
            address,
            text,
            reply_parameters=reply_to(to, address),
            link_preview_options=_NO_PREVIEW,
            disable_notification=silent,
        )

    async def be_sure(self, leases: Sequence[Lease]) -> None:
        """A Telegram that answers nobody would get what is repeated again and again."""
        if any(lease.uncertain for lease in leases):
            await self._bot.get_me()

    async def _say(self, address: int, lease: Lease) -> Delivered:
        """What tells of no alarm."""
        await self.be_sure([lease])
        lines = [lease.delivery.text, *([wording.REPEATED] if lease.uncertain else [])]
        await self.reply(address, wording.fitted(lines, wording.MAX_UNITS), None, silent=False)
        return Delivered()

    async def _remind(self, address: int, leases: Sequence[Lease]) -> Delivered:
        """A message of its own, since a change wakes nobody up; it points to the one that tells of the alarm."""
        open_ = [lease for lease in leases if about(lease).alarm.state is AlarmState.RAISED]
        if open_:
            text = wording.reminders([about(lease) for lease in open_], self._desk.now().wall)
            await self.reply(address, text, place(open_[0]), silent=False)
        return Delivered()

    async def _edit(self, address: int, lease: Lease) -> Delivered:
        assert lease.message is not None
        where = place(lease)
        try:
            if where.shown is not None:
                await self._caption(where, lease.message.alarms[0], where.shown)
            else:
                await self._text(where, lease.message.alarms)
        except BadRequest as error:
            if is_gone(error):
                return await self.tell(address, [lease])
            if is_captioned(error):  # that it got a picture was not written down
                await self._caption(where, lease.message.alarms[0], None)
            elif not is_unchanged(error):
                raise
        return Delivered()

    async def _text(self, where: Place, alarms: Sequence[StoredAlarm]) -> None:
        await self._bot.edit_message_text(
            wording.text(alarms, (), self._desk.local, self._desk.now().wall),
            where.chat,
            where.number,
            reply_markup=buttons.keyboard(alarms, self._desk.state),
            link_preview_options=_NO_PREVIEW,
        )

    async def _caption(self, where: Place, stored: StoredAlarm, shown: Shown | None) -> None:
        caption = captions.of_alarm(stored, shown, self._desk.local)
        await self._bot.edit_message_caption(
            where.chat, where.number, caption=caption, reply_markup=buttons.keyboard([stored], self._desk.state)
        )


def _is_new(lease: Lease) -> bool:
    return lease.alarm is not None and lease.message is None


def _is_reminder(lease: Lease) -> bool:
    return lease.delivery.subject == "reminder"
