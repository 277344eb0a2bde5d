"""Each counter is accepted once, and none that is too old to tell."""

from hypothesis import given
from hypothesis import strategies as st

from lfcp import SequenceWindow
from lfcp.constants import WINDOW
from tests.protocol.vectors import Vector, each_of

NEAR = st.integers(-5, 3 * WINDOW)
COUNTERS = st.lists(st.one_of(NEAR, st.integers(-(2**70), 2**70)), max_size=60)


@each_of("counters")
def test_the_window_takes_the_counters_that_the_vectors_say(vector: Vector) -> None:
    window = SequenceWindow(int(vector.get("opened_at", "0"), 16))
    assert [window.accept(int(counter, 16)) for counter in vector["counters"]] == vector["new"]


@given(COUNTERS, st.integers(0, 2 * WINDOW))
def test_the_window_agrees_with_a_set_of_everything_seen(counters: list[int], start: int) -> None:
    window = SequenceWindow(start)
    seen: set[int] = set()
    highest = start
    for counter in counters:
        fresh = counter > start and counter not in seen and counter > highest - WINDOW
        assert window.accept(counter) is fresh
        if fresh:
            seen.add(counter)
            highest = max(highest, counter)
        assert window.highest == highest


def test_after_a_restart_nothing_up_to_the_highest_is_new() -> None:
    window = SequenceWindow(100)
    assert not any(window.accept(counter) for counter in range(101))
    assert window.accept(101)


def test_after_a_leap_the_whole_window_behind_it_is_new() -> None:
    for leap in (WINDOW - 1, WINDOW, WINDOW + 1, 10 * WINDOW):
        window = SequenceWindow(1000)
        assert window.accept(1000 + leap)
        oldest = max(1001, 1001 + leap - WINDOW)
        assert not window.accept(oldest - 1)
        assert window.accept(oldest)
        assert not window.accept(oldest)
