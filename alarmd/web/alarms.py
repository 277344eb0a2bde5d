"""/alarms: what somebody must know of."""

from typing import Annotated

from fastapi import APIRouter, Query

from alarmd.core import records
from alarmd.core.records import Record
from alarmd.core.requests import AlarmAcknowledged, AlarmCleared
from alarmd.storage.interface import MAX_PAGE, StoredAlarm
from alarmd.web.dependencies import Dependencies, House, Operator
from alarmd.web.history_schemas import Alarm, Alarms
from alarmd.web.paging import OfDevice

router = APIRouter(prefix="/alarms", tags=["alarms"])


@router.get("", summary="List alarms")
async def list_alarms(
    house: House,
    device: OfDevice = None,
    all_: Annotated[bool, Query(alias="all", description="Also those that are over.")] = False,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> Alarms:
    """The newest first."""
    found = await house.read(house.reader.alarms, include_cleared=all_, device=device, limit=limit)
    return Alarms(alarms=[Alarm.of(stored) for stored in found])


@router.post("/{alarm_id}/acknowledge", summary="Acknowledge an alarm")
async def acknowledge_alarm(house: House, operator: Operator, alarm_id: int) -> Alarm:
    """Somebody knows of it."""
    return _shown(house, await house.submit(AlarmAcknowledged(operator, alarm_id)))


@router.post("/{alarm_id}/clear", summary="Clear an alarm")
async def clear_alarm(house: House, operator: Operator, alarm_id: int) -> Alarm:
    """It is over."""
    return _shown(house, await house.submit(AlarmCleared(operator, alarm_id)))


def _shown(house: Dependencies, made: tuple[Record, ...]) -> Alarm:
    (alarm,) = made
    assert isinstance(alarm, records.Alarm)
    return Alarm.of(StoredAlarm.live(house.state, alarm))
