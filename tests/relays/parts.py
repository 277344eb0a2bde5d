"""Parts for tests of relays."""

from dataclasses import replace
from typing import Any

from alarmd.core.records import Alarm
from alarmd.storage.interface import Lease, StoredAlarm
from tests.contracts.records import ALARM, DELIVERY

SECRET = "a secret of the receiver's"
RAISED = replace(ALARM, acknowledged_at=None, acknowledged_by=None)


def lease(alarm: Alarm = RAISED, attempt: int = 1, **changes: Any) -> Lease:
    """A delivery that is to be told, with its alarm."""
    return Lease(replace(DELIVERY, **changes), attempt, StoredAlarm(alarm, "cam1", "garden"))
