"""/devices/{name}/stream.mjpeg: what a camera sees now, for a browser's <img>."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse

from alarmd.core.refusals import RequestRefusedError
from alarmd.core.uploads import can_live
from alarmd.frames.live import Viewer
from alarmd.web.dependencies import House

BOUNDARY = "alarmd-picture"
MEDIA_TYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"

router = APIRouter(prefix="/devices", tags=["devices"])


async def _viewer(house: House, name: str) -> AsyncIterator[Viewer]:
    """A place among the viewers until the connection ends."""
    session = house.state.sessions.get(name)
    if session is None:
        raise RequestRefusedError("unknown_device", "name", f"no device {name!r}; GET /api/v1/devices lists them")
    if not can_live(session):
        raise RequestRefusedError(
            "unsupported", "name", f"{name} has not reported since the server's start that it knows LIVE"
        )
    with house.live.watch(name) as viewer:
        yield viewer


@router.get(
    "/{name}/stream.mjpeg",
    summary="Watch a camera",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {"multipart/x-mixed-replace": {"schema": {"type": "string", "format": "binary"}}},
            "description": "JPEGs, each when the camera sends it.",
        }
    },
)
async def stream(viewer: Annotated[Viewer, Depends(_viewer)]) -> StreamingResponse:
    """The camera is asked for pictures while somebody watches. Who reads slowly gets fewer. The stream ends when the
    camera has sent none for a minute."""
    return StreamingResponse(_parts(viewer), media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})


async def _parts(viewer: Viewer) -> AsyncIterator[bytes]:
    """RFC 2046 §5.1.1. The boundary behind each picture lets a browser show it before the next one comes."""
    yield f"--{BOUNDARY}\r\n".encode()
    async for picture in viewer:
        head = f"Content-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
        yield head.encode() + picture + f"\r\n--{BOUNDARY}\r\n".encode()
