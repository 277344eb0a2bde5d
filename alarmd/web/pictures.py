"""/pictures: what the archive holds, and the pictures themselves."""

from email.utils import format_datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Response

from alarmd.core import records, views
from alarmd.core.refusals import RequestRefusedError
from alarmd.frames.errors import ArchiveError, MissingError
from alarmd.frames.keys import thumbnail_key
from alarmd.storage.interface import MAX_PAGE, PictureFilter, StoredPicture
from alarmd.web.dependencies import Dependencies, House
from alarmd.web.errors import Problem
from alarmd.web.paging import MAX_NUMBER, OfDevice
from alarmd.web.picture_schemas import Picture, Pictures
from alarmd.web.times import AnyMoment, to_datetime, to_wall_or_none

FOR_EVER = "private, max-age=31536000, immutable"  # what has this address never changes
ASK_AGAIN = "private, no-cache"  # the newest is soon another
NOT_MODIFIED = 304

router = APIRouter(tags=["pictures"])
_JPEG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "The client has it."},
    410: {"model": Problem},
}

PictureId = Annotated[int, Path(ge=0, le=MAX_NUMBER)]
IfNoneMatch = Annotated[str, Header()]


@router.get("/pictures", summary="List pictures")
async def list_pictures(
    house: House,
    device: OfDevice = None,
    alarm: Annotated[int | None, Query(ge=0, le=MAX_NUMBER, description="Only those of this alarm.")] = None,
    since: Annotated[AnyMoment | None, Query(description="Taken at this time or later.")] = None,
    until: Annotated[AnyMoment | None, Query(description="Taken before this time.")] = None,
    after: Annotated[int | None, Query(ge=0, le=MAX_NUMBER, description="Only later ones, oldest first.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> Pictures:
    """The newest first; with `after` the oldest first, so that the last one's id leads to the next page."""
    wanted = PictureFilter(
        device,
        alarm,
        to_wall_or_none(since),
        to_wall_or_none(until),
        after_id=after,
        newest_first=after is None,
        limit=limit,
    )
    found = await house.read(house.reader.pictures, wanted)
    return Pictures(pictures=[Picture.of(stored) for stored in found])


@router.get("/pictures/{picture_id}.jpg", response_class=Response, responses=_JPEG, summary="A picture")
async def get_picture(house: House, picture_id: PictureId, if_none_match: IfNoneMatch = "") -> Response:
    picture = (await _stored(house, picture_id)).picture
    return await _file(house, picture, picture.key, picture.digest, if_none_match, FOR_EVER)


@router.get("/pictures/{picture_id}/thumbnail.jpg", response_class=Response, responses=_JPEG, summary="It, small")
async def get_thumbnail(house: House, picture_id: PictureId, if_none_match: IfNoneMatch = "") -> Response:
    """At most 320 pixels either way."""
    picture = (await _stored(house, picture_id)).picture
    tag = f"{picture.digest}.thumb"
    return await _file(house, picture, thumbnail_key(picture.key), tag, if_none_match, FOR_EVER)


@router.get("/pictures/{picture_id}", summary="Show what is known of a picture")
async def show_picture(house: House, picture_id: PictureId) -> Picture:
    return Picture.of(await _stored(house, picture_id))


@router.get("/devices/{name}/picture.jpg", response_class=Response, responses=_JPEG, summary="The newest picture")
async def newest_picture(
    house: House,
    name: str,
    max_age: Annotated[
        float | None, Query(ge=0, description="Seconds; 404 when it is older: none is better than an old one.")
    ] = None,
    if_none_match: IfNoneMatch = "",
) -> Response:
    """Its age is in the headers `Age` (seconds) and `X-Captured-At`."""
    picture = _newest(house, name)
    age = views.picture_age(picture, house.now().wall)
    if max_age is not None and age > max_age:
        raise RequestRefusedError(
            "no_fresh_picture", "max_age", f"the newest picture of {name} is {age:.0f} s old, older than {max_age:g} s"
        )
    answer = await _file(house, picture, picture.key, picture.digest, if_none_match, ASK_AGAIN)
    answer.headers["Age"] = f"{age:.0f}"
    answer.headers["X-Captured-At"] = to_datetime(picture.captured_at).isoformat()
    return answer


async def _stored(house: Dependencies, picture_id: int) -> StoredPicture:
    found = await house.read(house.reader.pictures, PictureFilter(picture_id=picture_id))
    if not found:
        raise RequestRefusedError("unknown_picture", "picture_id", f"no picture {picture_id}; `alarmd pictures` lists")
    return found[0]


def _newest(house: Dependencies, name: str) -> records.Picture:
    view = views.camera(house.state, name)
    if view is None:
        raise RequestRefusedError("unknown_device", "device", f"no device {name!r}; GET /api/v1/devices lists them")
    if view.picture is None:
        raise RequestRefusedError("no_picture", "device", f"{name} has sent no picture yet")
    return view.picture


async def _file(
    house: Dependencies, picture: records.Picture, key: str, tag: str, if_none_match: str, caching: str
) -> Response:
    headers = {
        "ETag": f'"{tag}"',
        "Cache-Control": caching,
        "Last-Modified": format_datetime(to_datetime(picture.captured_at), usegmt=True),
    }
    if f'"{tag}"' in if_none_match or if_none_match.strip() == "*":
        return Response(status_code=NOT_MODIFIED, headers=headers)
    return Response(await _read(house, key), media_type="image/jpeg", headers=headers)


async def _read(house: Dependencies, key: str) -> bytes:
    try:
        return await house.read(house.archive.read, key)
    except MissingError:
        raise RequestRefusedError(
            "gone", "", f"the archive has no {key} any more: its time was over, or somebody deleted the file"
        ) from None
    except ArchiveError as error:
        raise RequestRefusedError("unavailable", "", f"the archive cannot be read: {error}") from None
