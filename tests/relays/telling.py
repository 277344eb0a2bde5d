"""Parts for tests of the Telegram relay: the relay itself, and what it is to tell."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from alarmd.core.instant import SECOND, Instant
from alarmd.core.records import Alarm, AlarmState
from alarmd.frames.archive import DirectoryArchive
from alarmd.relays.telegram.relay import BotSettings, Telegram
from alarmd.storage.interface import Lease, Message, StoredAlarm, StoredPicture
from tests.contracts.records import NOON, PICTURE
from tests.fakes.telegram import TOKEN
from tests.frames.pictures import jpeg
from tests.relays.parts import RAISED, desk, lease

ANN, GROUP, SUPERGROUP = 42, -100, -1001000


class Telling:
    """A relay with an archive, and a clock that the test moves."""

    def __init__(
        self, url: str, directory: Path, chats: tuple[int, ...] = (ANN, GROUP), moved: dict[str, str] | None = None
    ) -> None:
        self.moment = Instant(NOON, 1000.0)
        self.archive = DirectoryArchive(directory / "archive", 0)
        house = desk(lambda: self.moment, moved or {}, self.archive)
        self.relay = Telegram("phone", BotSettings(TOKEN, url, chats), house)

    def pass_time(self, seconds: float) -> None:
        self.moment = Instant(self.moment.wall + round(seconds * SECOND), self.moment.mono + seconds)

    async def tell(self, *leases: Lease) -> list[Any]:
        return await asyncio.gather(*map(self.relay.deliver, leases))


def alarm(number: int = 1, **changes: Any) -> Alarm:
    return replace(RAISED, **{"id": number, "identity": f"motion:A:{number}:cam1"} | changes)


def new(number: int = 1, chat: int = ANN, **changes: Any) -> Lease:
    return lease(alarm(number), alarm_id=number, identity=f"phone/{chat}:{number}", recipient=str(chat), **changes)


def change(reference: str, *alarms: Alarm, chat: int = ANN, **changes: Any) -> Lease:
    """Something became of the first of a message's alarms."""
    message = Message(reference, tuple(StoredAlarm(one, "cam1", "garden") for one in alarms))
    named = {"subject": "acknowledged", "urgent": False, "recipient": str(chat), "alarm_id": alarms[0].id}
    return replace(lease(alarms[0], **named | changes), message=message)


def acknowledged(number: int = 1) -> Alarm:
    return alarm(
        number, state=AlarmState.ACKNOWLEDGED, acknowledged_at=NOON + 5 * SECOND, acknowledged_by="ann over telegram"
    )


JPEG = jpeg(320, 240)
CAPTURED = NOON + 2 * SECOND
RECEIVED = NOON + 3 * SECOND


class Pictures:
    """Of cam1, in the archive of a relay."""

    def __init__(self, telling: Telling) -> None:
        self._archive = telling.archive

    def of(
        self,
        about: Alarm,
        number: int = 1,
        *,
        reference: str = "42:1",
        together: tuple[Alarm, ...] = (),
        **changes: Any,
    ) -> Lease:
        """The numberth picture of an alarm that a message tells of; of several if together has some. reference: empty
        for none."""
        first = self._key(1)
        about = replace(about, picture=first, pictures=max(number, 1))
        alarms = tuple(StoredAlarm(one, "cam1", "garden") for one in together or (about,))
        message = Message(reference, alarms) if reference else None
        picture = self._kept(number, changes)
        named = {"subject": "picture", "alarm_id": about.id, "text": f"cam1: picture {number}"}
        told = self._lease(number, picture, {**named, **changes})
        return replace(told, alarm=StoredAlarm(about, "cam1", "garden"), message=message)

    def snapshot(self, number: int = 1, **changes: Any) -> Lease:
        """One that somebody asked for."""
        picture = self._kept(number, changes)
        return self._lease(
            number, picture, {"subject": "snapshot", "alarm_id": None, "text": f"cam1: picture {number}"} | changes
        )

    def _kept(self, number: int, changes: dict[str, Any]) -> StoredPicture:
        data = changes.pop("data", JPEG)
        about = {
            name: changes.pop(name) for name in ("captured_at", "received_at", "width", "height") if name in changes
        }
        if data is not None:
            self._archive.write(self._key(number), data)
        times = {"captured_at": CAPTURED, "received_at": RECEIVED, "width": 320, "height": 240}
        size = len(data or b"")
        made = replace(PICTURE, id=number, sequence=number, key=self._key(number), size=size, **{**times, **about})
        return StoredPicture(made, "cam1")

    def _lease(self, number: int, picture: StoredPicture, changes: dict[str, Any]) -> Lease:
        of_lease = {name: changes.pop(name) for name in ("attempt", "uncertain") if name in changes}
        usual = {
            "urgent": False,
            "attachment": picture.picture.key,
            "recipient": str(ANN),
            "identity": f"phone/{number}",
        }
        return replace(lease(**(usual | changes)), alarm=None, picture=picture, **of_lease)

    def _key(self, number: int) -> str:
        return f"cam1/2025/06/15/{150640 + number}000000-00112233445566aa.jpg"


def padded(data: bytes, size: int) -> bytes:
    """The same picture in so many bytes or some more, by segments that say nothing."""
    segment = b"\xff\xef" + (60_002).to_bytes(2, "big") + bytes(60_000)
    return data[:2] + segment * (1 + (size - len(data)) // len(segment)) + data[2:]
