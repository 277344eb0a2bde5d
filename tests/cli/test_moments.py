import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarmd.cli import moments
from alarmd.cli.moments import Moment, Span, age, moment_of, seconds_of, shown, span_shown

NOW = datetime(2026, 7, 15, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def in_prague(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Prague")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("now", "2026-07-15T12:00Z"),
        ("2h", "2026-07-15T10:00Z"),
        ("2h ago", "2026-07-15T10:00Z"),
        ("90 min", "2026-07-15T10:30Z"),
        ("1.5d", "2026-07-14T00:00Z"),
        ("1w", "2026-07-08T12:00Z"),
        ("today", "2026-07-14T22:00Z"),
        ("Yesterday", "2026-07-13T22:00Z"),
        ("7:30", "2026-07-15T05:30Z"),
        ("07:30", "2026-07-15T05:30Z"),
        ("7:30:15", "2026-07-15T05:30:15Z"),
        ("2026-01-05", "2026-01-04T23:00Z"),
        ("2026-01-05T07:30", "2026-01-05T06:30Z"),
        ("2026-07-05 07:30", "2026-07-05T05:30Z"),
        ("2026-07-05T07:30Z", "2026-07-05T07:30Z"),
        ("2026-07-05T07:30+05:00", "2026-07-05T02:30Z"),
    ],
)
def test_a_time_is_read_as_people_write_it(text: str, meant: str) -> None:
    assert moment_of(text, NOW.astimezone()) == datetime.fromisoformat(meant)


def test_yesterday_begins_by_the_clock_of_that_day() -> None:
    the_day_after_winter_time_began = datetime(2026, 10, 26, 12, tzinfo=UTC).astimezone()
    assert moment_of("yesterday", the_day_after_winter_time_began) == datetime(2026, 10, 24, 22, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "90", "2x", "25:00", "2026-13-01", "-2h", "1e9h", "99999999999w"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        moment_of(text, NOW)


@given(st.text())
def test_no_text_is_more_than_refused(text: str) -> None:
    for read in (seconds_of, lambda given: moment_of(given, NOW)):
        try:
            read(text)
        except (ValueError, OverflowError):
            continue


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("0.5h", 1800), ("3d", 259_200)]
)
def test_a_duration_is_read_as_people_write_it(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@given(st.floats(0, moments.MAX_SECONDS).map(lambda seconds: round(seconds, 3)))
def test_a_duration_in_seconds_is_read_exactly(seconds: float) -> None:
    assert seconds_of(f"{seconds:.3f}") == seconds


def test_a_duration_has_limits() -> None:
    with pytest.raises(Exception, match="'5' is not from 10 to 20 seconds"):
        Span(10, 20).convert("5", None, None)
    assert Span(10, 20).convert("10s", None, None) == 10
    assert Span(10, 20).convert(5.0, None, None) == 5  # a default is no input


def test_no_time_before_1970_is_asked_for() -> None:
    assert Moment().convert("1900-01-01", None, None) == 0
    assert Moment().convert(17, None, None) == 17


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-0.4, "0 s ago"),
        (0, "0 s ago"),
        (119, "119 s ago"),
        (120, "2 min ago"),
        (7199, "120 min ago"),
        (7200, "2 h ago"),
        (3 * 86_400, "3 d ago"),
        (-30, "in 30 s"),
        (-7200, "in 2 h"),
    ],
)
def test_an_age_is_rough(seconds: float, words: str) -> None:
    assert age(seconds) == words


def test_a_moment_is_shown_in_local_time_with_its_age() -> None:
    assert shown(NOW - timedelta(minutes=5), NOW) == "2026-07-15 13:55:00 (5 min ago)"
    assert shown(None) == ""
    assert shown(datetime.now(UTC)).endswith("s ago)")


def test_a_setting_is_shown_exactly_while_it_is_short() -> None:
    assert [span_shown(seconds) for seconds in (90, 22.5, 7200)] == ["90 s", "22.5 s", "2 h"]
