"""Times in JSON."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from alarmd.web.times import AnyMoment, Moment, to_datetime, to_wall

LAST = to_wall(datetime.max.replace(tzinfo=UTC))
QUERY: TypeAdapter[datetime] = TypeAdapter(AnyMoment)


class Answer(BaseModel):
    at: Moment


@given(st.integers(0, LAST))
def test_a_time_survives_json_to_the_microsecond(wall: int) -> None:
    written = Answer.model_validate({"at": wall}).model_dump_json()
    assert to_wall(Answer.model_validate_json(written).at) == wall


@given(st.integers(0, LAST), st.integers(0, LAST))
def test_times_sort_as_text(one: int, other: int) -> None:
    written = [Answer.model_validate({"at": wall}).model_dump(mode="json")["at"] for wall in (one, other)]
    assert (written[0] < written[1]) == (one < other)


def test_a_full_second_is_written_with_its_microseconds() -> None:
    assert Answer.model_validate({"at": 0}).model_dump_json() == '{"at":"1970-01-01T00:00:00.000000Z"}'


def test_a_time_of_another_zone_is_written_in_utc() -> None:
    prague = datetime(2026, 11, 21, 13, tzinfo=timezone(timedelta(hours=1)))
    assert Answer(at=prague).model_dump(mode="json") == {"at": "2026-11-21T12:00:00.000000Z"}


def test_a_query_may_give_microseconds_or_rfc_3339() -> None:
    assert QUERY.validate_python("1000001") == to_datetime(1_000_001)
    assert QUERY.validate_python("1970-01-01T01:00:01.000001+01:00") == to_datetime(1_000_001)


@pytest.mark.parametrize("text", ["", "now", "9" * 30, "2026-11-21T12:00:00", "٣"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        QUERY.validate_python(text)
