"""Times in JSON: RFC 3339 in UTC. Inside: microseconds since 1970, exact."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, PlainSerializer, WithJsonSchema

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_datetime(wall: int) -> datetime:
    return _EPOCH + wall * _MICROSECOND


def to_wall(moment: datetime) -> int:
    """moment: with a time zone."""
    return (moment - _EPOCH) // _MICROSECOND


def to_wall_or_none(moment: datetime | None) -> int | None:
    return None if moment is None else to_wall(moment)


def _of_record(value: object) -> object:
    return to_datetime(value) if isinstance(value, int) else value


def _microseconds(value: object) -> object:
    if not (isinstance(value, str) and value.isdecimal() and value.isascii()):
        return value
    try:
        return to_datetime(int(value))
    except (OverflowError, ValueError):
        raise ValueError("is not a time between the years 1970 and 9999") from None


def _written(moment: datetime) -> str:
    """Always with six digits of microseconds, so that times of one form sort as text."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


Moment = Annotated[
    datetime,
    BeforeValidator(_of_record),
    PlainSerializer(_written, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
AnyMoment = Annotated[AwareDatetime, BeforeValidator(_microseconds)]  # of a query: RFC 3339, or microseconds
