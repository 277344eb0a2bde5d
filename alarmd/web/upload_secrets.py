"""/cameras/{name}/secret: the one moment at which a camera's upload secret is seen. Only control.sock has this path,
as with keys."""

from fastapi import APIRouter, Response

from alarmd.core import views
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.requests import CameraChanged
from alarmd.web.bodies import SecretBody
from alarmd.web.dependencies import House, Operator
from alarmd.web.ingest.senders import digest_of, make_secret
from alarmd.web.picture_schemas import MadeSecret

router = APIRouter(prefix="/cameras", tags=["pictures"])


@router.post("/{name}/secret", status_code=201, summary="Give a camera an upload secret")
async def give_secret(house: House, operator: Operator, name: str, body: SecretBody, response: Response) -> MadeSecret:
    """With `renew` one that takes the place of the one it has, which is void at once."""
    view = views.camera(house.state, name)
    if view is not None and view.camera.upload_digest and not body.renew:
        raise RequestRefusedError(
            "has_secret", "device", f"{name} has an upload secret; `alarmd camera token {name} --renew` gives another"
        )
    secret = make_secret()
    await house.submit(CameraChanged(operator, name, upload_digest=digest_of(secret)))
    response.headers["Cache-Control"] = "no-store"
    return MadeSecret(device=name, secret=secret)


@router.delete("/{name}/secret", status_code=204, summary="Take a camera's upload secret away")
async def revoke_secret(house: House, operator: Operator, name: str) -> None:
    """What is uploaded with it is refused from now on."""
    await house.submit(CameraChanged(operator, name, upload_digest=""))
