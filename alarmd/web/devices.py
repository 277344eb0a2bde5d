"""/devices: who is there, and what the operator decides about them."""

from collections.abc import Mapping

from fastapi import APIRouter

from alarmd.core import views
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.requests import DeviceAdopted, DeviceChanged, DeviceForgotten
from alarmd.storage.interface import StoredDevice
from alarmd.web.bodies import Adoption, DeviceChange
from alarmd.web.dependencies import Dependencies, House, Operator
from alarmd.web.paging import MAX_NAMES, After, Names, page
from alarmd.web.place_schemas import Device, Devices

router = APIRouter(prefix="/devices", tags=["devices"])


@router.get("", summary="List devices")
async def list_devices(house: House, after: After = "", limit: Names = MAX_NAMES) -> Devices:
    """By name, a page at a time."""
    state = house.state
    if house.stored_devices is not None:
        stored = await house.read(house.stored_devices, after, limit + 2)
        elsewhere = {one.device.name: one for one in stored}
    else:
        elsewhere = {}
    names, following = page(elsewhere or state.sessions, after, limit)
    devices = [_device(house, name, elsewhere) for name in names]
    return Devices(unknown_devices=state.settings.unknown_devices, devices=devices, next=following)


@router.get("/{name}", summary="Show a device")
async def show_device(house: House, name: str) -> Device:
    if house.stored_devices is not None and name not in house.state.sessions:
        stored = await house.read(house.stored_devices, name, 1)
        if stored and stored[0].device.name == name:
            return Device.of_stored(stored[0])
    return _shown(house, name)


@router.patch("/{name}", summary="Change a device's settings")
async def change_device(house: House, operator: Operator, name: str, change: DeviceChange) -> Device:
    wanted = change.model_dump(exclude_none=True)
    if not wanted:
        raise RequestRefusedError(
            "invalid", "", f"nothing to change; name one of {', '.join(DeviceChange.model_fields)}"
        )
    await house.submit(DeviceChanged(operator, name, **wanted))
    return _shown(house, name)


@router.post("/{name}/adopt", summary="Adopt a device")
async def adopt_device(house: House, operator: Operator, name: str, adoption: Adoption) -> Device:
    """Make it the operator's own, before it is first seen or after."""
    await house.submit(DeviceAdopted(operator, name, adoption.zone))
    return _shown(house, name)


@router.delete("/{name}", status_code=204, summary="Forget a device")
async def forget_device(house: House, operator: Operator, name: str) -> None:
    """Its history stays; the name is free again."""
    await house.submit(DeviceForgotten(operator, name))


def _device(house: Dependencies, name: str, elsewhere: Mapping[str, StoredDevice]) -> Device:
    """As it is now, if this server watches it, else as it is stored."""
    view = views.device(house.state, name, house.now())
    return Device.of_stored(elsewhere[name]) if view is None else Device.of_view(view)


def _shown(house: Dependencies, name: str) -> Device:
    view = views.device(house.state, name, house.now())
    if view is None:
        raise RequestRefusedError("unknown_device", "device", f"no device {name!r}; GET /api/v1/devices lists them")
    return Device.of_view(view)
