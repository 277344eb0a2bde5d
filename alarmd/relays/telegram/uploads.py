"""Pictures and films. The first picture of an alarm goes into the message that tells of it; the others answer that
message, those that wait together as one album."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from telegram import Bot, InlineKeyboardMarkup, InputMediaDocument, InputMediaPhoto, Message, ReplyParameters
from telegram.error import BadRequest

from alarmd.relays.desk import Desk
from alarmd.relays.interface import Delivered
from alarmd.relays.telegram import buttons, captions
from alarmd.relays.telegram.failures import is_gone, is_unchanged
from alarmd.relays.telegram.parcels import FILM, Parcel, is_first
from alarmd.relays.telegram.photos import MAX_FILE, Photo
from alarmd.relays.telegram.references import Place, Shown
from alarmd.relays.telegram.texts import Texts, about, place, reply_to
from alarmd.storage.interface import Lease

READ = 60.0  # s until Telegram has looked at what it got

_Sent = TypeVar("_Sent")


class Uploads:
    def __init__(self, bot: Bot, desk: Desk, texts: Texts) -> None:
        self._bot = bot
        self._desk = desk
        self._texts = texts

    async def post(self, address: int, parcel: Parcel) -> Delivered:
        """To the chat that is there. Raises TelegramError."""
        first = parcel.leases[0]
        if _is_in_its_message(first, address) and parcel.photos:
            return await self._put_in(address, parcel)
        await self._texts.be_sure(parcel.leases)
        if first.delivery.subject == FILM:
            return await self._film(address, first, parcel.film)
        if first.alarm is not None and first.message is None and parcel.photos:
            return await self._tell(address, first, parcel.photos[0])
        await self._show(address, parcel)
        return Delivered()

    async def _put_in(self, address: int, parcel: Parcel) -> Delivered:
        lease, photo = parcel.leases[0], parcel.photos[0]
        where = Place(address, place(lease).number, Shown.of(photo.picture))
        caption = captions.of_alarm(about(lease), where.shown, self._desk.local)

        async def put(as_file: bool) -> None:
            await self._bot.edit_message_media(
                _media(photo, caption, as_file),
                where.chat,
                where.number,
                reply_markup=buttons.keyboard([about(lease)], self._desk.state),
                read_timeout=READ,
            )

        try:
            await _as_taken(put, photo.as_file)
        except BadRequest as error:
            if is_gone(error):
                return await self._tell(address, lease, photo)
            if not is_unchanged(error):  # the text stays, and the picture answers it
                await self._show(address, parcel)
                return Delivered()
        return Delivered(str(where))

    async def _tell(self, address: int, lease: Lease, photo: Photo) -> Delivered:
        """The alarm's message, with its picture from the beginning."""
        shown = Shown.of(photo.picture)
        caption = captions.of_alarm(about(lease), shown, self._desk.local, repeated=lease.uncertain)
        message = await self._one(
            address, photo, caption, None, keyboard=buttons.keyboard([about(lease)], self._desk.state)
        )
        return Delivered(str(Place(address, message.message_id, shown)))

    async def _show(self, address: int, parcel: Parcel) -> None:
        """With messages of their own."""
        first = parcel.leases[0]
        where = place(first) if first.message is not None else None
        caption = self._caption(parcel)
        silent = first.alarm is not None
        if not parcel.photos:
            await self._texts.reply(address, caption, where, silent=silent)
        elif len(parcel.photos) == 1:
            await self._one(address, parcel.photos[0], caption, reply_to(where, address), silent=silent)
        else:
            await self._album(address, parcel.photos, caption, reply_to(where, address))

    def _caption(self, parcel: Parcel) -> str:
        first = parcel.leases[0]
        what = first.delivery.text
        if len(parcel.leases) > 1 and first.picture is not None:
            what = f"{first.picture.device}: {len(parcel.leases)} pictures"
        if first.alarm is not None:
            what += f", alarm {first.alarm.alarm.id}"
        return captions.of_pictures(
            what,
            [Shown.of(photo.picture) for photo in parcel.photos],
            self._zone(first),
            self._desk.local,
            missing=parcel.missing,
            repeated=any(lease.uncertain for lease in parcel.leases),
        )

    def _zone(self, lease: Lease) -> int | None:
        if lease.alarm is not None:
            return lease.alarm.alarm.zone_id
        session = self._desk.state.by_id.get(lease.picture.picture.device_id) if lease.picture else None
        return session.device.zone_id if session else None

    async def _one(
        self,
        address: int,
        photo: Photo,
        caption: str,
        answers: ReplyParameters | None,
        *,
        keyboard: InlineKeyboardMarkup | None = None,
        silent: bool = True,
    ) -> Message:
        async def send(as_file: bool) -> Message:
            method = self._bot.send_document if as_file else self._bot.send_photo
            return await method(
                address,
                photo.data,
                caption=caption,
                filename=photo.name,
                reply_parameters=answers,
                reply_markup=keyboard,
                disable_notification=silent,
                read_timeout=READ,
            )

        return await _as_taken(send, photo.as_file)

    async def _album(
        self, address: int, photos: Sequence[Photo], caption: str, answers: ReplyParameters | None
    ) -> None:
        """A caption that only the first has is the album's."""

        async def send(as_file: bool) -> None:
            media = [_media(photo, "" if index else caption, as_file) for index, photo in enumerate(photos)]
            await self._bot.send_media_group(
                address, media, reply_parameters=answers, disable_notification=True, read_timeout=READ
            )

        await _as_taken(send, any(photo.as_file for photo in photos))

    async def _film(self, address: int, lease: Lease, film: bytes) -> Delivered:
        caption = captions.of_film(lease.delivery.text, len(film), repeated=lease.uncertain)
        if not film or len(film) > MAX_FILE:
            await self._texts.reply(address, caption, None, silent=True)
        else:
            name = lease.delivery.attachment.replace("/", "-")
            await self._bot.send_video(
                address,
                film,
                caption=caption,
                filename=name,
                supports_streaming=True,
                disable_notification=True,  # that of a day is made at night
                read_timeout=READ,
            )
        return Delivered()


def _is_in_its_message(lease: Lease, address: int) -> bool:
    """A message that tells of several alarms, or one in the group that this supergroup was, takes no picture."""
    return (
        lease.message is not None
        and is_first(lease)
        and len(lease.message.alarms) == 1
        and place(lease).chat == address
    )


def _media(photo: Photo, caption: str, as_file: bool) -> InputMediaDocument | InputMediaPhoto:
    kind = InputMediaDocument if as_file else InputMediaPhoto
    return kind(photo.data, caption=caption, filename=photo.name)


async def _as_taken(send: Callable[[bool], Awaitable[_Sent]], as_file: bool) -> _Sent:
    """As a photo, else as a document: for what reasons Telegram takes no photo (PHOTO_INVALID_DIMENSIONS,
    IMAGE_PROCESS_FAILED, "too big for a photo" …) is written down nowhere."""
    try:
        return await send(as_file)
    except BadRequest as error:
        if as_file or is_gone(error) or is_unchanged(error):
            raise
    return await send(True)
