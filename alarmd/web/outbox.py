"""/outbox: messages on their way, and those that were given up. On control.sock only: they hold what was told whom."""

from typing import Annotated

from fastapi import APIRouter, Query

from alarmd.core.refusals import RequestRefusedError
from alarmd.core.requests import DeliveryDropped, DeliveryRetried
from alarmd.storage.interface import MAX_PAGE, DeliveryFilter, DeliveryState
from alarmd.web.dependencies import Dependencies, House, Operator
from alarmd.web.history_schemas import Deliveries, Delivery
from alarmd.web.paging import MAX_NUMBER

router = APIRouter(prefix="/outbox", tags=["alarms"])
UNSETTLED = (DeliveryState.PENDING, DeliveryState.DEAD)


@router.get("", summary="List messages")
async def list_deliveries(
    house: House,
    state: Annotated[list[DeliveryState], Query(description="Any of these.")] = list(UNSETTLED),  # noqa: B006
    destination: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> Deliveries:
    """The newest first."""
    wanted = DeliveryFilter(tuple(state), destination, limit=limit)
    found = await house.read(house.reader.deliveries, wanted)
    return Deliveries(deliveries=[Delivery.of(stored) for stored in found])


@router.post("/{number}/retry", summary="Tell a message after all, or now")
async def retry_delivery(house: House, operator: Operator, number: int) -> Delivery:
    """One that was given up is tried again as if for the first time, one that waits is tried at once."""
    await house.submit(DeliveryRetried(operator, await _unsettled(house, number)))
    return await _shown(house, number)


@router.post("/{number}/drop", summary="Never tell a message")
async def drop_delivery(house: House, operator: Operator, number: int) -> Delivery:
    await house.submit(DeliveryDropped(operator, await _unsettled(house, number)))
    return await _shown(house, number)


async def _unsettled(house: Dependencies, number: int) -> str:
    """Its identity. Raises RequestRefusedError if there is nothing to be done about it."""
    found = await house.read(house.reader.deliveries, DeliveryFilter(UNSETTLED, row=min(number, MAX_NUMBER)))
    if not found:
        raise RequestRefusedError(
            "unknown_delivery", "number", f"no message {number} waits or was given up; `alarmd outbox list` lists them"
        )
    return found[0].delivery.identity


async def _shown(house: Dependencies, number: int) -> Delivery:
    (stored,) = await house.read(house.reader.deliveries, DeliveryFilter(tuple(DeliveryState), row=number))
    return Delivery.of(stored)
