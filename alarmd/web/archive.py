"""/archive: what the archive of pictures holds, and what room it has."""

from collections.abc import Sequence
from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel, Field

from alarmd.core.refusals import UNAVAILABLE, RequestRefusedError
from alarmd.frames.archive import Archive, Room
from alarmd.frames.errors import ArchiveError
from alarmd.storage.interface import CameraTotals, Reader
from alarmd.web.dependencies import House
from alarmd.web.history_schemas import Shape
from alarmd.web.times import Moment

router = APIRouter(prefix="/archive", tags=["pictures"])


class CameraArchive(Shape):
    """Pictures that the database knows, of one device. Times are those of their arrival."""

    device: str
    pictures: int
    bytes: int
    oldest: Moment
    newest: Moment


class ArchiveStatus(BaseModel):
    pictures: int = Field(description="As far as the database knows.")
    bytes: int = Field(description="Of the pictures alone: without thumbnails, films and manifests.")
    oldest: Moment | None
    newest: Moment | None
    free: int = Field(description="Bytes on its disk.")
    reserve: int = Field(description="Bytes that stay free: with less, pictures are refused.")
    cameras: list[CameraArchive]

    @classmethod
    def of(cls, totals: Sequence[CameraTotals], room: Room) -> Self:
        return cls(
            pictures=sum(one.pictures for one in totals),
            bytes=sum(one.bytes for one in totals),
            oldest=min((one.oldest for one in totals), default=None),  # type: ignore[arg-type]  # Moment reads µs
            newest=max((one.newest for one in totals), default=None),  # type: ignore[arg-type]
            free=room.free,
            reserve=room.reserve,
            cameras=[CameraArchive.copied(one) for one in totals],
        )


def look(reader: Reader, archive: Archive) -> ArchiveStatus:
    """Blocks. Raises StorageError, ArchiveError."""
    return ArchiveStatus.of(reader.picture_totals(), archive.room())


@router.get("", summary="What the archive holds, and what room it has")
async def show_archive(house: House) -> ArchiveStatus:
    try:
        return await house.read(look, house.reader, house.archive)
    except ArchiveError as error:
        raise RequestRefusedError(UNAVAILABLE, "", str(error)) from None
