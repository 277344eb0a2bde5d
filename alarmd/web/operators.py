"""/operators: the machines from which people connect to devices, each with a key of its own.

Only control.sock has these paths, as with the keys of devices.
"""

import secrets

from fastapi import APIRouter, Response

from alarmd.core import views
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.requests import KeyGiven, OperatorAdded, OperatorRemoved
from alarmd.storage.interface import StoredDevice
from alarmd.web.bodies import SecretBody
from alarmd.web.dependencies import Dependencies, House, Operator
from alarmd.web.operator_schemas import Machine, Machines, OperatorKey
from lfcp.authenticator import key_as_text
from lfcp.constants import KEY

router = APIRouter(prefix="/operators", tags=["operators"])


@router.get("", summary="List operators' machines")
async def list_operators(house: House) -> Machines:
    """By name."""
    here = {view.device.name: Machine.of_view(view) for view in views.operators(house.state, house.now())}
    elsewhere = {stored.device.name: Machine.of_stored(stored) for stored in await _stored(house)}
    found = elsewhere | here
    return Machines(operators=[found[name] for name in sorted(found)])


@router.post("/{name}/key", status_code=201, summary="Give an operator's machine a key")
async def give_key(house: House, operator: Operator, name: str, body: SecretBody, response: Response) -> OperatorKey:
    """Its first, which also makes it one; with `renew` one that takes the place of those it has. The old ones are good
    until the first valid frame with the new one."""
    secret = secrets.token_bytes(KEY)
    if not body.renew:
        await house.submit(OperatorAdded(operator, name, secret))
    elif name in house.state.operators or name in {stored.device.name for stored in await _stored(house)}:
        await house.submit(KeyGiven(operator, name, secret, renew=True))
    else:
        raise RequestRefusedError(
            "unknown_operator", "operator", f"no operator {name!r}; `alarmd operator add {name}` makes one"
        )
    response.headers["Cache-Control"] = "no-store"
    return OperatorKey(operator=name, key=key_as_text(secret), label=house.state.settings.label)


@router.delete("/{name}", status_code=204, summary="Remove an operator's machine")
async def remove_operator(house: House, operator: Operator, name: str) -> None:
    """Its key opens nothing any more, and what it is connected with is over."""
    await house.submit(OperatorRemoved(operator, name))


async def _stored(house: Dependencies) -> list[StoredDevice]:
    """Of a cluster, whose other machines are in no live state here."""
    return [] if house.stored_devices is None else await house.read(house.reader.operators)
