"""/devices/{name}/key: the one moment at which a device's key is seen.

Only control.sock has this path: what goes over TCP can be read by others, on a way through a proxy for example.
"""

import secrets

from fastapi import APIRouter, Response

from alarmd.core.records import Device
from alarmd.core.requests import KeyGiven
from alarmd.web.bodies import KeyBody
from alarmd.web.dependencies import House, Operator
from alarmd.web.place_schemas import MadeKey
from lfcp.authenticator import key_as_text
from lfcp.constants import KEY

router = APIRouter(prefix="/devices", tags=["devices"])


@router.post("/{name}/key", status_code=201, summary="Give a device a key")
async def give_key(house: House, operator: Operator, name: str, body: KeyBody, response: Response) -> MadeKey:
    """The device's first, which also adopts it; with `renew` one that takes the place of those it has. The old ones
    are good until the first valid frame with the new one."""
    secret = secrets.token_bytes(KEY)
    (device,) = await house.submit(KeyGiven(operator, name, secret, body.zone, body.mixed, body.renew))
    assert isinstance(device, Device)
    response.headers["Cache-Control"] = "no-store"
    label = house.state.settings.label
    return MadeKey(device=device.name, key=key_as_text(secret), label=label, signing=device.signing)
