"""/cameras: how pictures come from devices, and asking for one."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from alarmd.core import views
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.requests import CameraChanged, PictureRequested
from alarmd.storage.interface import StoredPicture
from alarmd.web.bodies import CameraBody
from alarmd.web.dependencies import Access, Dependencies, House, HowAsked, Operator
from alarmd.web.paging import MAX_NAMES, After, Names, page
from alarmd.web.picture_schemas import Camera, Cameras, Picture, Snapshot, SnapshotState
from alarmd.web.seats import MAX_WAIT, SEATED
from alarmd.web.wakeups import LOOK_AGAIN

UNKNOWN = "nobody asks for this picture any more: the server restarted, or newer ones came since"

router = APIRouter(prefix="/cameras", tags=["pictures"])


@router.get("", summary="List cameras")
async def list_cameras(house: House, after: After = "", limit: Names = MAX_NAMES) -> Cameras:
    """Devices that are set up as cameras, or sent a picture; by name, a page at a time."""
    names, following = page(views.camera_names(house.state), after, limit)
    return Cameras(cameras=[_shown(house, name) for name in names], next=following)


@router.get("/{name}", summary="Show a camera")
async def show_camera(house: House, name: str) -> Camera:
    return _shown(house, name)


@router.patch("/{name}", summary="Set up a camera")
async def change_camera(house: House, access: HowAsked, operator: Operator, name: str, body: CameraBody) -> Camera:
    """What is left out stays as it is."""
    wanted = body.model_dump(exclude_none=True)
    if not wanted:
        raise RequestRefusedError("invalid", "", f"nothing to change; name one of {', '.join(CameraBody.model_fields)}")
    _check_secret(access, body)
    if body.source_networks is not None:
        wanted["source_networks"] = tuple(body.source_networks)
    await house.submit(CameraChanged(operator, name, **wanted))
    return _shown(house, name)


@router.post("/{name}/snapshot", status_code=202, summary="Ask for a picture")
async def ask_for_picture(house: House, operator: Operator, name: str) -> Snapshot:
    """Of a camera with a pull URL, or of a device that takes SNAP, which gets that with its next contact."""
    await house.submit(PictureRequested(operator, name))
    return _state_of(house, name, views.asked_for(_view(house, name)))


@router.get("/{name}/snapshot", dependencies=SEATED, summary="What became of a picture that was asked for")
async def show_snapshot(
    request: Request,
    house: House,
    name: str,
    upload: Annotated[str, Query(max_length=64, description="What asking for it answered.")],
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT, description="Seconds to wait for it.")] = 0,
) -> Snapshot:
    until = house.now().mono + wait
    while True:
        generation = house.wakeups.generation
        snapshot = _state_of(house, name, upload)
        left = until - house.now().mono
        over = snapshot.state is not SnapshotState.ASKED or left <= 0
        if over or house.wakeups.closed or await request.is_disconnected():
            return snapshot
        await house.wakeups.wait(generation, min(left, LOOK_AGAIN))


def _state_of(house: Dependencies, name: str, upload: str) -> Snapshot:
    view = _view(house, name)
    picture = next((taken for taken in view.taken if taken.upload == upload), None)
    if picture is not None:
        taken = Picture.of(StoredPicture(picture, name))
        return Snapshot(device=name, upload=upload, state=SnapshotState.TAKEN, picture=taken, reason="")
    if upload in view.asked:
        return Snapshot(device=name, upload=upload, state=SnapshotState.ASKED, picture=None, reason="")
    reason = view.failing or UNKNOWN
    return Snapshot(device=name, upload=upload, state=SnapshotState.FAILED, picture=None, reason=reason)


def _check_secret(access: Access, body: CameraBody) -> None:
    if access.over_tcp and body.pull_url is not None:
        raise RequestRefusedError(
            "forbidden",
            "pull_url",
            "a pull URL makes the server ask it and may hold a password, so it is not taken over TCP; "
            "use `alarmd camera set`",
        )


def _shown(house: Dependencies, name: str) -> Camera:
    return Camera.of_view(_view(house, name), house.now().wall)


def _view(house: Dependencies, name: str) -> views.CameraView:
    view = views.camera(house.state, name)
    if view is None:
        raise RequestRefusedError("unknown_device", "device", f"no device {name!r}; GET /api/v1/devices lists them")
    return view
