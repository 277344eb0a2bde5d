"""The grammar of schedules, and local time as people live it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarmd.core.instant import SECOND
from alarmd.core.schedule import DAYS, MAX_RULES, armed_at, parse_schedule

PRAGUE = ZoneInfo("Europe/Prague")


def at(text: str) -> int:
    """µs UTC of a local time in Prague."""
    return round(datetime.fromisoformat(text).replace(tzinfo=PRAGUE).timestamp() * SECOND)


@pytest.mark.parametrize(
    ("schedule", "moment", "armed"),
    [
        ("", "2026-11-21 03:00", True),
        ("mo-fr 22:00-06:00", "2026-11-20 23:00", True),  # a Friday
        ("mo-fr 22:00-06:00", "2026-11-21 05:59", True),  # belongs to Friday
        ("mo-fr 22:00-06:00", "2026-11-21 06:00", False),
        ("mo-fr 22:00-06:00", "2026-11-21 23:00", False),
        ("mo-fr 22:00-06:00; sa,su 00:00-24:00", "2026-11-22 12:00", True),
        ("SA-MO 08:00-09:00", "2026-11-22 08:30", True),
        ("sa-mo 08:00-09:00", "2026-11-24 08:30", False),
        ("su 02:00-03:00", "2026-03-29 03:30", False),  # summer time began: 02:30 never was
        ("su 22:00-22:00", "2026-11-23 21:59", True),  # a whole day
    ],
)
def test_a_schedule_means_what_it_says(schedule: str, moment: str, armed: bool) -> None:
    assert armed_at(parse_schedule(schedule), at(moment), PRAGUE) is armed


@pytest.mark.parametrize(
    "schedule",
    [
        "always",
        "mo 25:00-26:00",
        "mo 10:00-10:60",
        "xx 10:00-11:00",
        "mo-xx 10:00-11:00",
        "mo 1:00-2:00",
        "mo 24:01-25:00",
    ],
)
def test_a_schedule_that_is_none_is_refused_by_the_rule_at_fault(schedule: str) -> None:
    with pytest.raises(ValueError, match=schedule[:2]):
        parse_schedule(schedule)


def test_the_number_of_rules_is_bounded() -> None:
    with pytest.raises(ValueError, match=str(MAX_RULES)):
        parse_schedule(";".join(["mo 10:00-11:00"] * (MAX_RULES + 1)))


@given(
    st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True),
    st.integers(0, 1439),
    st.integers(1, 1440),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants bounds without a zone
)
def test_a_span_and_the_one_that_fills_the_rest_of_the_day_are_never_armed_together(
    days: list[str], start: int, end: int, moment: datetime
) -> None:
    text = f"{start // 60:02}:{start % 60:02}", f"{end // 60:02}:{end % 60:02}"
    if end <= start:
        return
    wall = round(moment.timestamp() * SECOND)
    inside = armed_at(parse_schedule(f"{','.join(days)} {text[0]}-{text[1]}"), wall, UTC)
    minute = moment.hour * 60 + moment.minute
    assert inside == (DAYS[moment.weekday()] in days and start <= minute < end)
